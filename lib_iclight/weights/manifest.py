"""The files that may be downloaded (`models_manifest.json`), and whether they lie in the models' folders."""

from __future__ import annotations

import dataclasses
import difflib
import functools
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ..errors import ICLightError
from ..text import shorten
from .catalogue import Catalogue
from .kind import Kind
from .models import is_broken

_PACKAGE = Path(__file__).parents[1]

_PLACES = [folder / "models_manifest.json" for folder in (_PACKAGE, _PACKAGE.parent)]
"""In the package, where a wheel has it, and beside it, as in the repository."""

MANIFEST = next((path for path in _PLACES if path.is_file()), _PLACES[-1])

_BLOCK = 1 << 20


@dataclass(frozen=True)
class ManifestFile:
    """One file: where it comes from, and how to know it.

    :raises ValueError: a field is none; the sentence names it.
    """

    name: str
    """The file's name in the models' folder; never a path."""

    kind: Kind | None
    """What it looks at, if it is an IC-Light model, which the safetensors files are; a matting model has none."""

    purpose: str
    """What the file is for, in a few words."""

    url: str
    """Where it is, at a pinned revision or release."""

    size: int
    """In bytes."""

    sha256: str
    """Of the whole file."""

    sha256_sources: int
    """In how many public files this hash was seen, counted up to ten. None of it was computed from the file itself."""

    licence: str
    """SPDX identifier."""

    author: str
    """Who trained the model."""

    def __post_init__(self) -> None:
        holds = {
            "name": _is_text(self.name, r"[A-Za-z0-9][A-Za-z0-9._-]*\.(safetensors|onnx)"),
            "kind": isinstance(self.kind, Kind) if str(self.name).endswith(".safetensors") else self.kind is None,
            "purpose": _is_text(self.purpose),
            "url": _is_text(self.url, r"https://[^\s?#]+"),
            "size": _is_count(self.size),
            "sha256": _is_text(self.sha256, r"[0-9a-f]{64}"),
            "sha256_sources": _is_count(self.sha256_sources),
            "licence": _is_text(self.licence),
            "author": _is_text(self.author),
        }
        for field, is_right in holds.items():
            if not is_right:
                value = shorten(repr(getattr(self, field)))
                raise ValueError(f"{field} can't be {value} for {shorten(repr(self.name))} in IC-Light's manifest.")

    @property
    def host(self) -> str:
        """Whose server it is on, as in `github.com`."""
        return urlsplit(self.url).hostname or ""


def _is_text(value: Any, pattern: str = r".+") -> bool:
    return isinstance(value, str) and re.fullmatch(pattern, value) is not None


def _is_count(value: Any) -> bool:
    return type(value) is int and value > 0  # bool is an int in Python


def read_manifest(text: str) -> dict[str, ManifestFile]:
    """The files by name, in the order in which they are written down.

    :param text: JSON: `files`, a list of objects that have the fields of :class:`ManifestFile`.
    :raises ValueError: it is none.
    """
    written = json.loads(text)
    if not isinstance(written, dict) or list(written) != ["files"] or not isinstance(written["files"], list):
        raise ValueError("IC-Light's manifest is to be one object with a list of files, and nothing else.")
    fields = {field.name for field in dataclasses.fields(ManifestFile)}
    files = []
    for entry in written["files"]:
        if not isinstance(entry, dict):
            raise ValueError(f"An entry of IC-Light's manifest is no object: {shorten(repr(entry))}.")
        if wrong := fields - {"kind"} - set(entry) | set(entry) - fields:
            raise ValueError(f"An entry of IC-Light's manifest lacks or has too much: {', '.join(sorted(wrong))}.")
        kind = next((kind for kind in Kind if kind.value == entry.get("kind")), entry.get("kind"))
        files.append(ManifestFile(**{**entry, "kind": kind}))
    # Windows and macOS tell no upper from lower case
    if len({file.name.lower() for file in files}) != len(files):
        raise ValueError("In IC-Light's manifest two files have one name.")
    return {file.name: file for file in files}


class UnknownFileError(ICLightError):
    """A file that the manifest does not have."""


class FileState(str, Enum):
    """How a file lies in the folder."""

    MISSING = "missing"
    PARTIAL = "partial"
    """Some of it is there, and the next fetch goes on from that."""

    THERE = "there"

    DAMAGED = "damaged"
    """Of no use to anybody: a fetch replaces it."""

    OTHER = "other"
    """Not the published file, but perhaps somebody's own: a fetch leaves it."""


@functools.lru_cache(maxsize=1)
def manifest() -> Mapping[str, ManifestFile]:
    """All files by name, in the manifest's order.

    Kept. Key: none. Bound: the one manifest. Emptied by: the process's end, as it comes with the code.
    """
    return read_manifest(MANIFEST.read_text(encoding="utf-8"))


def find_entry(name: str) -> ManifestFile:
    """The manifest's file of that name.

    :raises UnknownFileError: there is none.
    """
    files = manifest()
    if name not in files:
        near = difflib.get_close_matches(name, files, n=1)
        hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(files)}."
        raise UnknownFileError(f"IC-Light's manifest has no file {shorten(name)!r}: {hint}")
    return files[name]


def part_of(file: ManifestFile, folder: Path) -> Path:
    """Where a file lies until it is whole."""
    return folder / f"{file.name}.part"


def stored_bytes(file: ManifestFile, folder: Path) -> int:
    """How many bytes of a file lie in its part; 0 if it was never begun, or can't be read."""
    try:
        return part_of(file, folder).stat().st_size
    except OSError:
        return 0


def find_whole(file: ManifestFile, catalogue: Catalogue) -> Path | None:
    """The first listed file of its name and size; :func:`is_whole` reads every byte."""
    sizes = ((each.path, each.signature.size) for each in catalogue.files if each.name == file.name)
    return next((path for path, size in sizes if size == file.size), None)


def state_of(file: ManifestFile, catalogue: Catalogue) -> FileState:
    """What sizes tell, and in IC-Light's own folder the header of a file whose size is wrong."""
    if find_whole(file, catalogue):
        return FileState.THERE
    sizes = {each.path: each.signature.size for each in catalogue.files}
    target = catalogue.own_folder / file.name
    if target in sizes:
        return state_of_other(file, target)
    return FileState.PARTIAL if sizes.get(part_of(file, catalogue.own_folder)) else FileState.MISSING


def may_be_own(file: ManifestFile, target: Path) -> bool:
    """Whether what lies at a file's place, if it is not the file, may be of use to somebody: a converted copy, say."""
    if not target.exists():
        return False
    try:
        if is_broken(target):
            return False
    except ICLightError:  # it can't be read right now
        return True
    # a matting model is run with the right sha256 only, so that another of the right size is nothing but damaged
    return target.suffix != ".onnx" or target.stat().st_size != file.size


def state_of_other(file: ManifestFile, target: Path) -> FileState:
    """How what lies at a file's place is to be called where it is not the file."""
    return FileState.OTHER if may_be_own(file, target) else FileState.DAMAGED


def is_whole(path: Path, file: ManifestFile, before_block: Callable[[], None] = lambda: None) -> bool:
    """Whether a path holds the file, byte for byte.

    :param before_block: called before each MiB that is read; may raise to stop.
    """
    if not path.is_file() or path.stat().st_size != file.size:
        return False
    digest = hashlib.sha256()
    with path.open("rb") as stored:
        while True:
            before_block()
            block = stored.read(_BLOCK)
            if not block:
                return digest.hexdigest() == file.sha256
            digest.update(block)
