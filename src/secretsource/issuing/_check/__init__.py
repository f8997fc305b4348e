"""The check of a key, and what it works with."""
