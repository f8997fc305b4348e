"""The parts of the SQL stores."""
