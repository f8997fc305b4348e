"""The paths that need no key."""
