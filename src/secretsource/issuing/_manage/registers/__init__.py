"""Owners and plans: registered, changed and ended."""
