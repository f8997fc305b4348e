"""The tables, the statements, and the meaning of their rows."""
