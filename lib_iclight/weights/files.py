"""Which IC-Light files there are, and the ones that are open."""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ..errors import ICLightError
from ..weights.kind import Kind
from .offsets import Offsets, Signature, can_be_opened, read_kind

SOURCE = "https://huggingface.co/lllyasviel/ic-light"

_MAX_OPEN = 4

_FIRST_CONVOLUTIONS = (b'conv_in.weight"', b'input_blocks.0.0.weight"')
"""How a header names it: diffusers' way and ldm's, with any prefix."""

_LONGEST_HEADER = 100_000_000
"""Bytes that a safetensors header may have (huggingface/safetensors)."""

_open: OrderedDict[Path, Offsets] = OrderedDict()
"""Key: the path; a file that has changed is opened anew. Bound: the last four. Emptied by: :func:`release`."""


class _Seen(NamedTuple):
    """What a file's header told."""

    signature: Signature
    kind: Kind | None
    refusal: str
    """Why it is no IC-Light model, if it is none; empty if nobody has asked why."""


_seen: dict[Path, _Seen] = {}
"""Key: the path; a file that has changed is read anew. Bound: the files in the models' folders. Emptied by: the
process's end."""

_lock = threading.RLock()
"""The panel asks for kinds while a generation runs."""


def list_models(folders: Sequence[Path]) -> list[Path]:
    """The safetensors files in the folders, by folder and name. Of files of one name the first counts."""
    models: dict[str, Path] = {}
    for folder in folders:
        for path in sorted(_files(folder)):
            if path.suffix.lower() == ".safetensors":
                models.setdefault(path.name, path)
    return list(models.values())


def known_models(folders: Sequence[Path]) -> dict[Path, Kind]:
    """The folders' IC-Light models and what they look at; files that are none are left out."""
    kinds: dict[Path, Kind] = {}
    for path in list_models(folders):
        with contextlib.suppress(ICLightError, OSError):
            if path.parent == folders[0] or _may_be_model(path):
                kinds[path] = kind_of(path)
    return kinds


def damaged_models(folders: Sequence[Path]) -> dict[Path, str]:
    """The files in the first folder, IC-Light's own, that can't be used: for each a sentence, with what to do.

    The other folders hold models of every kind: what is no IC-Light model there is nobody's mistake.
    """
    sentences: dict[Path, str] = {}
    for path in list_models(folders[:1]):
        try:
            kind_of(path)
        except ICLightError as error:
            sentences[path] = f"{error} Replace it, or move it out of {path.parent}."
    return sentences


def is_broken(path: Path) -> bool:
    """Whether a model's file, that of a cut short download perhaps, is of no use to anybody: a fetch may replace it.

    Only safetensors files tell by themselves. Whatever else can be opened may be somebody's own, and is left alone.

    :raises ICLightError: nobody can tell, as it can't be read right now.
    """
    return path.suffix.lower() == ".safetensors" and not can_be_opened(path)


def find_model(folders: Sequence[Path], name: str | None) -> Path:
    """The file of a model.

    :param folders: IC-Light's own first.
    :param name: the name of a file in one of the folders, with or without its suffix, nothing else; None takes the
        first that looks at the subject only.
    :raises ICLightError: there is none.
    """
    if name is None:
        return _first_model(folders)
    models = list_models(folders)
    for path in models:
        if name in (path.name, path.stem):
            return path
    shown = repr(name if len(name) <= 100 else f"{name[:100]}…")
    if find_file(folders, name) is not None:
        raise ICLightError(f"The IC-Light model {shown} is not a safetensors file: IC-Light opens no other.")
    searched = " or ".join(str(folder) for folder in folders if folder == folders[0] or folder.is_dir())
    found = ", ".join(path.name for path in known_models(folders)) or "no model"
    raise ICLightError(f"There is no IC-Light model {shown} in {searched}. There is: {found}.")


def find_file(folders: Sequence[Path], name: str) -> Path | None:
    """The file of that name in the first folder that has one, or None.

    :param name: a file's whole name. It is compared and never joined to a folder, so that it leads nowhere else.
    """
    return next((path for folder in folders for path in _files(folder) if path.name == name), None)


def kind_of(path: Path) -> Kind:
    """What a model looks at, from its header.

    :raises ICLightError: the file is no IC-Light model.
    """
    signature = Signature.of(path)
    seen = _seen.get(path)
    if seen is None or seen.signature != signature or not (seen.kind or seen.refusal):
        try:
            seen = _Seen(signature, read_kind(path), "")
        except ICLightError as error:
            if isinstance(error.__cause__, OSError):  # it may become readable without being changed
                raise
            seen = _Seen(signature, None, str(error))
        _seen[path] = seen
    if seen.kind is None:
        raise ICLightError(seen.refusal)
    return seen.kind


def _may_be_model(path: Path) -> bool:
    """A quick no to a file whose header doesn't name a first convolution: folders may hold hundreds of other models."""
    signature = Signature.of(path)
    seen = _seen.get(path)
    if seen is not None and seen.signature == signature:
        return seen.kind is not None
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = file.read(min(length, _LONGEST_HEADER))
    if any(name in header for name in _FIRST_CONVOLUTIONS):
        return True
    _seen[path] = _Seen(signature, None, "")
    return False


def _files(folder: Path) -> list[Path]:
    """The folder's files; none if it isn't there."""
    try:
        return [path for path in folder.iterdir() if path.is_file()]
    except OSError:
        return []


def _first_model(folders: Sequence[Path]) -> Path:
    kinds = known_models(folders)
    for path, kind in kinds.items():
        if kind is Kind.FOREGROUND:
            return path
    found = f" (there is {', '.join(path.name for path in kinds)}: name it as model)" if kinds else ""
    damaged = "".join(f" {sentence}" for sentence in list(damaged_models(folders).values())[:1])
    raise ICLightError(
        f"There is no IC-Light model for subjects without a background in {folders[0]}{found}: "
        f"put iclight_sd15_fc.safetensors there, from {SOURCE}.{damaged}"
    )


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
