"""Keys and their records, in and out of a terminal."""
