"""The parts of the kit for limiters."""
