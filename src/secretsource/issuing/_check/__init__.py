"""The check of a key, and its parts."""
