"""The settings of Django, which a process can choose once; all that compare with a package of Django share them."""

from __future__ import annotations

from pathlib import Path


def configure(file: Path | None = None) -> None:
    """Choose the settings if nobody did, and the file of the database; in memory when left out."""
    import django
    from django.conf import settings
    from django.db import connections

    if not settings.configured:
        settings.configure(
            DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
            INSTALLED_APPS=["rest_framework_api_key"],
            SECRET_KEY="of a comparison",
            USE_TZ=True,
        )
        django.setup()
    connections["default"].close()
    connections["default"].settings_dict["NAME"] = ":memory:" if file is None else str(file)
