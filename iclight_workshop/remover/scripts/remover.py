"""A Forge extension for tests only: takes something away from the host, as an update of it may.

Link it as `aa-remover`, so that it is loaded before the extension under test. ICLIGHT_REMOVE names a module, or what is
in one: `modules.images.flatten`.
"""

from __future__ import annotations

import importlib
import os
import sys


def remove(path: str) -> None:
    """Take a module, or an attribute of a module or of a class in it, away."""
    owner, _, name = path.rpartition(".")
    try:
        found = importlib.import_module(owner)
    except ImportError:  # a class
        module, _, class_name = owner.rpartition(".")
        found = getattr(importlib.import_module(module), class_name)
    if hasattr(found, name) and not isinstance(getattr(found, name), type(sys)):
        delattr(found, name)
    else:
        sys.modules[path] = None  # type: ignore[assignment]  # importing it is an ImportError now


if "ICLIGHT_REMOVE" in os.environ:
    remove(os.environ["ICLIGHT_REMOVE"])
