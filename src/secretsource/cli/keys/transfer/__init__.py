"""The commands that bring keys in from another store, and out to one."""
