"""One file a provider; the file's name is the provider's, and its `PROVIDER` the declaration.

A file whose name starts with an underscore is a part of one.
"""

from __future__ import annotations

import difflib
import importlib
import pkgutil

from contactkit.errors import ConfigurationError
from contactkit.spec.provider import Provider


def names() -> tuple[str, ...]:
    """Every provider that has a file here."""
    found = (module.name for module in pkgutil.iter_modules(__path__))
    return tuple(sorted(name for name in found if not name.startswith("_")))


def find(provider: str | Provider) -> Provider:
    """A declaration by its name, or itself; ConfigurationError for an unknown name."""
    if isinstance(provider, Provider):
        return provider
    if provider not in names():
        near = difflib.get_close_matches(str(provider).lower(), names(), n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        known = ", ".join(names())
        raise ConfigurationError(f"Unknown provider {provider!r}.{hint} Known: {known}.")
    return importlib.import_module(f"{__name__}.{provider}").PROVIDER
