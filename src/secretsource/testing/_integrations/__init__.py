"""The acceptance list of integrations with web frameworks."""
