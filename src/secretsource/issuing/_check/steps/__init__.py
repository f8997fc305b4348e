"""The steps of a check, in the order of their numbers."""
