"""The way to a server: its bounds, its faults, and the credentials that may go there."""
