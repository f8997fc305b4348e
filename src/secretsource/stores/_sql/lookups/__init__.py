"""The look-ups of uncached checks, straight to the driver."""
