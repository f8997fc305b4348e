"""The parts of the kit for key stores."""
