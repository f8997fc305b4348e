"""The state that threads and tasks of a resolver share: its memory, and the calls under way."""
