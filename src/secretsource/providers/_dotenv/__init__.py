"""The parts of the driver of ``.env`` files."""
