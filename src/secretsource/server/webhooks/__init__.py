"""Outgoing webhooks in the form of Standard Webhooks: an endpoint learns what happens to keys and owners."""
