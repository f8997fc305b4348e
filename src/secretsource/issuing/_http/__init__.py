"""The steps between a web request and a check: find the key, build the answer, and time it."""
