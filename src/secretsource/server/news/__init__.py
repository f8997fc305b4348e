"""The news of the service about itself: log lines, figures, and spans."""
