"""The rules for drivers of secrets, as classes to subclass."""
