"""The upkeep of all keys: rounds of chores, and deleting for good."""
