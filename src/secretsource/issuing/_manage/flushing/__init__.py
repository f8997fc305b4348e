"""Storing what the checks leave behind: uses, counts, renewed hashes, and alarms about ended keys."""
