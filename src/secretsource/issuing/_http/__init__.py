"""What stands between a web request and a check: where the key is, what the answer is, and when it is given."""
