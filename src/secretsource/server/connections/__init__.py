"""The connections of clients: the bounds of time and size within which a request must arrive."""
