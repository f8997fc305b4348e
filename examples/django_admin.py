"""Keys in Django's administration, in one file: python examples/django_admin.py."""

import os
import secrets

import waitress
from django import setup
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application

from secretsource.issuing import ApiKeys

keys = ApiKeys.open("memory://")
settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "admin.sqlite3"}},
    DEBUG=True,  # so that Django serves the styles of its pages
    INSTALLED_APPS=[
        "django.contrib.admin",
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.messages",
        "django.contrib.sessions",
        "django.contrib.staticfiles",
        "secretsource.integrations.django_admin",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
        "secretsource.integrations.django.ApiKeyMiddleware",
    ],
    ROOT_URLCONF=__name__,
    SECRETSOURCE={"keys": keys, "exempt": ["/admin/*"]},
    SECRET_KEY=secrets.token_urlsafe(),
    STATIC_URL="/admin/static/",
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                ]
            },
        }
    ],
)
setup()

from django.contrib import admin  # noqa: E402 - the applications come first
from django.contrib.auth.models import User  # noqa: E402
from django.contrib.staticfiles.handlers import StaticFilesHandler  # noqa: E402
from django.urls import path  # noqa: E402

urlpatterns = [path("admin/", admin.site.urls)]

if __name__ == "__main__":
    port = int(os.environ.get("PORT", "8000"))
    call_command("migrate", verbosity=0)
    password = secrets.token_urlsafe()
    User.objects.filter(username="admin").delete()
    User.objects.create_superuser("admin", password=password)
    for number in range(3):
        keys.issue(owner="acme", name=f"key {number}", scopes=["invoices:read"])
    print(f"Open http://127.0.0.1:{port}/admin/secretsource/apikey/ as admin with the password {password}", flush=True)
    waitress.serve(StaticFilesHandler(get_wsgi_application()), host="127.0.0.1", port=port)
