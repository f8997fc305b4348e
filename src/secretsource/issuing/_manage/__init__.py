"""The life of a key: made, changed, rotated, ended."""
