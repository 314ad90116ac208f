"""The IC-Light files that are open, kept from one generation to the next."""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path

from .catalogue import Signature
from .offsets import Offsets

_MAX_OPEN = 4

_open: OrderedDict[Path, Offsets] = OrderedDict()
"""Key: the path; a file that has changed is opened anew. Bound: the last four. Emptied by: :func:`release`."""

_lock = threading.RLock()
"""Generations over the API may run in several threads."""


def load_offsets(path: Path) -> Offsets:
    """The file, opened once and kept as long as it stays the same.

    :raises ICLightError: as :class:`Offsets`.
    """
    with _lock:
        if path in _open and _open[path].signature != Signature.of(path):
            release(path)
        if path not in _open:
            _open[path] = Offsets(path)
        _open.move_to_end(path)
        while len(_open) > _MAX_OPEN:
            release(next(iter(_open)))
        return _open[path]


def release(path: Path) -> None:
    """Let a file go, before it is replaced or removed. Not while a generation runs."""
    with _lock:
        if path in _open:
            _open.pop(path).close()
