"""The parts of edges that several modules of one framework share."""
