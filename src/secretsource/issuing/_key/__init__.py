"""What a key is: its text, its seal, its hash, and the hashes of other systems."""
