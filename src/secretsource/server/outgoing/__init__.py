"""Outgoing work of the service: bounded requests to other servers, and the queues of the outbox."""
