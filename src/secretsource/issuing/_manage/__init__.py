"""The life of a key: issued, changed, rotated, ended."""
