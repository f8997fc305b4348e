"""The chores that the service does by itself: their settings, their rounds and their figures."""
