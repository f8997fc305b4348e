"""The application that Django installs."""

from django.apps import AppConfig

__all__ = ["KeysConfig"]


# Django has no types
class KeysConfig(AppConfig):  # type: ignore[misc]
    """The application; its label is that of the permissions, as in ``secretsource.view_apikey``."""

    name = "secretsource.integrations.django_admin"
    label = "secretsource"
    verbose_name = "API keys"
