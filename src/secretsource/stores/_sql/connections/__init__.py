"""The connections to a database: its address, its sessions, its faults, and its version."""
