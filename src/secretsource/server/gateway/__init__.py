"""The words of a gateway: the request that it asks about, its client, and the routes of the application behind it."""
