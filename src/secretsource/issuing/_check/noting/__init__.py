"""Step 11 of a check: what it leaves behind in memory, for the next flush."""
