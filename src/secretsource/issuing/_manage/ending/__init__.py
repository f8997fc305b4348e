"""Ending keys before their time: one, those of an owner, and those that leaked."""
