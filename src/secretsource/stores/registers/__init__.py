"""The contracts of what a store may keep beside the keys."""
