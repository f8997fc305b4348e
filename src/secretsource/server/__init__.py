"""The HTTP service: the management API, checks of keys for other programs, and answers to gateways."""
