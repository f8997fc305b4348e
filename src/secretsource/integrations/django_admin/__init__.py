"""A section of Django's administration for keys: add this package to ``INSTALLED_APPS``."""
