"""The files that may be downloaded (`models_manifest.json`), and whether they lie in the models' folders."""

from __future__ import annotations

import difflib
import functools
import hashlib
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

# The models of pydantic 1 are the one thing that every host has: pydantic 2 carries them as `pydantic.v1`.
try:
    from pydantic.v1 import BaseModel, Extra, Field, validator
except ImportError:
    from pydantic import BaseModel, Extra, Field, validator  # type: ignore[assignment]  # one of the two, never both

from ..errors import ICLightError
from ..text import shorten
from .catalogue import Catalogue
from .kind import Kind
from .models import is_broken

_PACKAGE = Path(__file__).parents[1]

_PLACES = [folder / "models_manifest.json" for folder in (_PACKAGE, _PACKAGE.parent)]
"""In the package, where a wheel has it, and beside it, as in the repository."""

MANIFEST = next((path for path in _PLACES if path.is_file()), _PLACES[-1])

_PLAIN_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*\.(safetensors|onnx)\Z"
_BLOCK = 1 << 20


class ManifestFile(BaseModel):
    """One file: where it comes from, and how to know it."""

    name: str = Field(regex=_PLAIN_NAME)
    """The file's name in the models' folder; never a path."""

    kind: Kind | None = None
    """What it looks at, if it is an IC-Light model; a matting model has none."""

    purpose: str = Field(min_length=1)
    """What the file is for, in a few words."""

    url: str = Field(regex=r"^https://[^\s?#]+\Z")
    """Where it is, at a pinned revision or release."""

    size: int = Field(gt=0)
    """In bytes."""

    sha256: str = Field(regex=r"^[0-9a-f]{64}\Z")
    """Of the whole file."""

    sha256_sources: int = Field(ge=1)
    """In how many public files this hash was seen, counted up to ten. None of it was computed from the file itself."""

    licence: str = Field(min_length=1)
    """SPDX identifier."""

    author: str = Field(min_length=1)
    """Who trained the model."""

    class Config:
        extra = Extra.forbid
        frozen = True

    @validator("kind", always=True)
    def _models_have_a_kind(cls, kind: Kind | None, values: dict[str, Any]) -> Kind | None:  # noqa: N805
        if str(values.get("name")).endswith(".safetensors") != (kind is not None):
            raise ValueError("IC-Light models, which are the safetensors files, have a kind, and no others")
        return kind

    @property
    def host(self) -> str:
        """Whose server it is on, as in `github.com`."""
        return urlsplit(self.url).hostname or ""


class Manifest(BaseModel):
    """The manifest as it is written down."""

    files: list[ManifestFile]

    class Config:
        extra = Extra.forbid
        frozen = True

    @validator("files")
    def _names_differ(cls, files: list[ManifestFile]) -> list[ManifestFile]:  # noqa: N805
        # Windows and macOS tell no upper from lower case
        if len({file.name.lower() for file in files}) != len(files):
            raise ValueError("two files have one name")
        return files


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
def _read() -> Manifest:
    """Key: none. Bound: the one manifest. Emptied by: the process's end, as it comes with the code."""
    return Manifest.parse_raw(MANIFEST.read_text(encoding="utf-8"))


def manifest() -> dict[str, ManifestFile]:
    """All files by name, in the manifest's order."""
    return {file.name: file for file in _read().files}


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
