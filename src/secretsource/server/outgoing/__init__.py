"""Questions that the service asks of other hosts."""
