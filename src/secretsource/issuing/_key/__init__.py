"""The parts of a key: its text, its seal, its hash, and the hashes of other systems."""
