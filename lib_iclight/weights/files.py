"""Which IC-Light files there are, and the ones that are open."""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from pathlib import Path

from ..errors import ICLightError
from ..request import Kind
from .offsets import Offsets, Signature, read_kind

SOURCE = "https://huggingface.co/lllyasviel/ic-light"

_MAX_OPEN = 4

_open: OrderedDict[Path, Offsets] = OrderedDict()
"""Key: the path; a file that has changed is opened anew. Bound: the last four. Emptied by: :func:`release`."""

_kinds: dict[tuple[Path, Signature], Kind] = {}
"""Key: the path and what tells that it has changed. Bound: the files in the folder. Emptied by: the process's end."""

_lock = threading.RLock()
"""The panel asks for kinds while a generation runs."""


def list_models(folder: Path) -> list[Path]:
    """The IC-Light folder's safetensors files, by name."""
    try:
        return sorted(path for path in folder.iterdir() if path.suffix.lower() == ".safetensors" and path.is_file())
    except OSError:
        return []


def known_models(folder: Path) -> dict[Path, Kind]:
    """The folder's IC-Light models and what they look at; files that are none are left out."""
    kinds: dict[Path, Kind] = {}
    for path in list_models(folder):
        with contextlib.suppress(ICLightError):
            kinds[path] = kind_of(path)
    return kinds


def find_model(folder: Path, name: str | None) -> Path:
    """The file of a model.

    :param name: a file name in the folder, nothing else; None takes the first that looks at the subject only.
    :raises ICLightError: there is none.
    """
    models = list_models(folder)
    if name is not None:
        for path in models:
            if name in (path.name, path.stem):
                return path
        shown = repr(name if len(name) <= 100 else f"{name[:100]}…")
        if folder.is_dir() and any(path.name == name for path in folder.iterdir()):
            raise ICLightError(f"The IC-Light model {shown} is not a safetensors file: IC-Light opens no other.")
        found = ", ".join(path.name for path in models) or "no model"
        raise ICLightError(f"There is no IC-Light model {shown} in models/{folder.name}. There is: {found}.")
    for path, kind in known_models(folder).items():
        if kind is Kind.FOREGROUND:
            return path
    found = f" (there is {', '.join(path.name for path in models)}: name it as model)" if models else ""
    raise ICLightError(
        f"There is no IC-Light model for subjects without a background in models/{folder.name}{found}: "
        f"put iclight_sd15_fc.safetensors there, from {SOURCE}."
    )


def kind_of(path: Path) -> Kind:
    """What a model looks at, from its header.

    :raises ICLightError: the file is no IC-Light model.
    """
    key = (path, Signature.of(path))
    if key not in _kinds:
        _kinds[key] = read_kind(path)
    return _kinds[key]


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
