"""What browser tests need: without it they are skipped and say what is missing.

With CONTACTKIT_BROWSER=required they fail instead.
"""

from __future__ import annotations

import os
import shutil
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import pytest


def module(name: str) -> Any:
    """Import a module."""
    try:
        return import_module(name)
    except ImportError:
        _missing(name)


def chromium() -> str:
    """The path of the browser."""
    return shutil.which("chromium") or _missing("chromium on PATH")


def axe() -> Path:
    """The file axe.min.js of axe-core."""
    file = Path(os.environ.get("AXE_CORE", ""))
    return file if file.is_file() else _missing("AXE_CORE, the path of axe-core's axe.min.js")


def _missing(what: str) -> NoReturn:
    if os.environ.get("CONTACTKIT_BROWSER") == "required":
        pytest.fail(f"missing: {what}", pytrace=False)
    pytest.skip(f"missing: {what}", allow_module_level=True)
