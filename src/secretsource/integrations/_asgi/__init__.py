"""The parts that edges for ASGI share."""
