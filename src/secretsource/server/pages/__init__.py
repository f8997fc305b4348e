"""The pages of the service: customers see and change their keys, operators see everything."""
