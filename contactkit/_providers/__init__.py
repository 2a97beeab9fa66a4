"""One module or package per provider, with the provider's name; its `PROVIDER` declares it."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from contactkit.errors import ConfigurationError
from contactkit.spec import Provider, nearest


@cache
def names() -> tuple[str, ...]:
    """The names of all providers."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def find(provider: str | Provider) -> Provider:
    """A declaration by its name, or the given one; ConfigurationError for an unknown name."""
    if isinstance(provider, Provider):
        return provider
    if provider not in names():
        hint = nearest(str(provider).lower(), names())
        raise ConfigurationError(f"unknown provider {provider!r}; {hint}")
    return importlib.import_module(f"{__name__}.{provider}").PROVIDER
