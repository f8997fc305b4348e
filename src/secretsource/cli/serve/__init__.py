"""``secretsource serve``: the HTTP service that manages and checks keys."""
