"""Which of the files in the models' folders are IC-Light models, and what they look at."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import NamedTuple

from ..errors import ICLightError
from ..text import shorten
from .catalogue import Catalogue, ListedFile, Signature, find_file
from .kind import Kind
from .offsets import can_be_opened, read_kind

SOURCE = "https://huggingface.co/lllyasviel/ic-light"

_FIRST_CONVOLUTIONS = (b'conv_in.weight"', b'input_blocks.0.0.weight"')
"""How a header names it: diffusers' way and ldm's, with any prefix."""

_LONGEST_HEADER = 100_000_000
"""Bytes that a safetensors header may have (huggingface/safetensors)."""

_MOST_SEEN = 20_000


class _Seen(NamedTuple):
    """What a file's header told."""

    signature: Signature
    kind: Kind | None
    """None if it is no IC-Light model."""

    refusal: str
    """The sentence that says why it is none; empty as long as only :func:`_may_be_model` has looked at it."""


_seen: dict[Path, _Seen] = {}
"""Key: the path; a file whose signature has changed is read anew. Bound: 20,000 files. Emptied by: one more than
that, and the process's end."""


def known_models(catalogue: Catalogue) -> dict[Path, Kind]:
    """The IC-Light models and what they look at, in the catalogue's order.

    Of files of one name the first counts, in folders for models of every kind the first that is an IC-Light model.
    """
    kinds: dict[Path, Kind] = {}
    names: set[str] = set()
    for file in catalogue.files:
        if file.is_safetensors and file.name not in names:
            kind = _find_kind(file)
            if kind is not None:
                kinds[file.path] = kind
            if kind is not None or file.is_own:
                names.add(file.name)
    return kinds


def damaged_models(catalogue: Catalogue) -> dict[Path, str]:
    """The files in IC-Light's own folder that can't be used: for each a sentence, with what to do.

    The other folders hold models of every kind: what is no IC-Light model there is nobody's mistake.
    """
    sentences: dict[Path, str] = {}
    for file in catalogue.files:
        if file.is_own and file.is_safetensors:
            try:
                _read_kind(file.path, file.signature)
            except ICLightError as error:
                sentences[file.path] = f"{error} Replace it, or move it out of {file.path.parent}."
    return sentences


def is_broken(path: Path) -> bool:
    """Whether a model's file, that of a cut short download perhaps, is of no use to anybody: a fetch may replace it.

    Only safetensors files tell by themselves. Whatever else can be opened may be somebody's own, and is left alone.

    :raises ICLightError: nobody can tell, as it can't be read right now.
    """
    return path.suffix.lower() == ".safetensors" and not can_be_opened(path)


def find_model(catalogue: Catalogue, name: str | None) -> Path:
    """The file of a model.

    :param name: the name of a file, with or without its suffix, nothing else; None takes the first that looks at the
        subject only. Of files of one name the same is taken as in :func:`known_models`.
    :raises ICLightError: there is none.
    """
    if name is None:
        return _find_first_model(catalogue)
    named = [file for file in catalogue.files if file.is_safetensors and name in (file.name, file.path.stem)]
    if named:
        return next((file.path for file in named if file.is_own or _find_kind(file) is not None), named[0].path)
    shown = repr(shorten(name))
    if find_file(catalogue, name) is not None:
        raise ICLightError(f"The IC-Light model {shown} is not a safetensors file: IC-Light opens no other.")
    found = ", ".join(path.name for path in known_models(catalogue)) or "no model"
    raise ICLightError(f"There is no IC-Light model {shown} in {catalogue.searched}. There is: {found}.")


def kind_of(path: Path) -> Kind:
    """What a model looks at, from its header.

    :raises ICLightError: the file is no IC-Light model.
    """
    return _read_kind(path, Signature.of(path))


def _find_first_model(catalogue: Catalogue) -> Path:
    kinds = known_models(catalogue)
    for path, kind in kinds.items():
        if kind is Kind.FOREGROUND:
            return path
    found = f" (there is {', '.join(path.name for path in kinds)}: name it as model)" if kinds else ""
    damaged = "".join(f" {sentence}" for sentence in list(damaged_models(catalogue).values())[:1])
    raise ICLightError(
        f"There is no IC-Light model for subjects without a background in {catalogue.searched}{found}: "
        f"put iclight_sd15_fc.safetensors into {catalogue.own_folder}, from {SOURCE}.{damaged}"
    )


def _find_kind(file: ListedFile) -> Kind | None:
    """What a listed file looks at; None if it is no IC-Light model."""
    with contextlib.suppress(ICLightError, OSError):
        if file.is_own or _may_be_model(file):
            return _read_kind(file.path, file.signature)
    return None


def _read_kind(path: Path, signature: Signature) -> Kind:
    seen = _look_up(path, signature)
    if seen is None or not (seen.kind or seen.refusal):
        try:
            seen = _Seen(signature, read_kind(path), "")
        except ICLightError as error:
            if isinstance(error.__cause__, OSError):  # it may become readable without being changed
                raise
            seen = _Seen(signature, None, str(error))
        _note(path, seen)
    if seen.kind is None:
        raise ICLightError(seen.refusal)
    return seen.kind


def _may_be_model(file: ListedFile) -> bool:
    """Whether a file's header names a first convolution. Quick, because folders may hold hundreds of other models."""
    seen = _look_up(file.path, file.signature)
    if seen is not None:
        return seen.kind is not None
    with file.path.open("rb") as opened:
        length = int.from_bytes(opened.read(8), "little")
        header = opened.read(length) if length <= _LONGEST_HEADER else b""
    if any(name in header for name in _FIRST_CONVOLUTIONS):
        return True
    _note(file.path, _Seen(file.signature, None, ""))
    return False


def _look_up(path: Path, signature: Signature) -> _Seen | None:
    seen = _seen.get(path)
    return seen if seen is not None and seen.signature.matches(signature) else None


def _note(path: Path, seen: _Seen) -> None:
    if len(_seen) >= _MOST_SEEN:
        _seen.clear()
    _seen[path] = seen
