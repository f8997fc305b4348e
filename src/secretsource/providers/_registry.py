"""Scheme to driver: the built-in table, then the entry points of other packages."""

from __future__ import annotations

from importlib import import_module

from secretsource._ground.imports import in_turn
from secretsource._ground.namedtuple import NamedTuple
from secretsource._ground.suggest import unknown
from secretsource.exceptions import ConfigurationError, ProviderNotInstalled
from secretsource.providers.base import Provider

ENTRY_POINT_GROUP = "secretsource.providers"


class Driver(NamedTuple):
    """A built-in driver, known without importing it.

    Attributes:
        target: ``module:Class`` of the driver.
        package: The import name of the vendor package that it needs, or None.
        extra: The extra that installs it.
    """

    target: str
    package: str | None = None
    extra: str = ""


DRIVERS: dict[str, Driver] = {
    "env": Driver("secretsource.providers.env:EnvProvider"),
    "dotenv": Driver("secretsource.providers.dotenv:DotenvProvider"),
    "file": Driver("secretsource.providers.file:FileProvider"),
    "memory": Driver("secretsource.providers.memory:MemoryProvider"),
    "aws": Driver("secretsource.providers.aws:AwsProvider", "boto3", "aws"),
    "aws-ssm": Driver("secretsource.providers.aws_ssm:AwsParameterProvider", "boto3", "aws"),
    "agent": Driver("secretsource.providers.agent:AgentProvider"),
    "vault": Driver("secretsource.providers.vault:VaultProvider", "hvac", "vault"),
    "gcp": Driver("secretsource.providers.gcp:GcpProvider", "google.cloud.secretmanager", "gcp"),
    "azure": Driver("secretsource.providers.azure:AzureProvider", "azure.keyvault.secrets", "azure"),
}


def is_installed(scheme: str) -> bool:
    """Return whether the vendor package of a built-in scheme can be imported, without importing it."""
    package = DRIVERS[scheme].package
    if package is None:
        return True
    from importlib.util import find_spec

    try:
        return find_spec(package) is not None
    except ImportError:
        return False


def known_schemes() -> list[str]:
    """Return every scheme that can be named here: built in, and from installed entry points."""
    from importlib.metadata import entry_points

    return [*DRIVERS, *(point.name for point in entry_points(group=ENTRY_POINT_GROUP))]


def driver_class(scheme: str) -> type[Provider]:
    """Return the driver class of a scheme.

    Raises:
        ProviderNotInstalled: The vendor package is missing.
        ConfigurationError: No driver has this scheme; the error names the nearest that exists.
    """
    driver = DRIVERS.get(scheme)
    if driver is not None:
        if not is_installed(scheme):
            raise ProviderNotInstalled(scheme, driver.extra)
        module, _, attribute = driver.target.partition(":")
        loaded: type[Provider] = getattr(import_module(module), attribute)
        return loaded
    return _from_entry_point(scheme)


def _from_entry_point(scheme: str) -> type[Provider]:
    from importlib.metadata import entry_points

    cause = ""
    for point in entry_points(group=ENTRY_POINT_GROUP, name=scheme):
        try:
            loaded = in_turn(point.load)
        except Exception as error:
            cause = (
                f"provider {scheme!r} is declared by {point.value!r}, which does not import ({type(error).__name__})"
            )
            continue
        if isinstance(loaded, type) and issubclass(loaded, Provider):
            return loaded
        cause = f"provider {scheme!r} is declared by {point.value!r}, which is not a Provider class"
    raise ConfigurationError(cause or unknown("provider", scheme, known_schemes()))
