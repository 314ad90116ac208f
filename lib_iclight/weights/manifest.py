"""The files that may be downloaded (`models_manifest.json`), and whether they lie in the models' folder."""

from __future__ import annotations

import difflib
import functools
import hashlib
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from urllib.parse import urlsplit

# as in lib_iclight/request.py: pydantic 1's models, which every host has
try:
    from pydantic.v1 import BaseModel, Extra, Field, validator
except ImportError:
    from pydantic import BaseModel, Extra, Field, validator

from ..errors import ICLightError
from .files import is_broken

MANIFEST = Path(__file__).parents[2] / "models_manifest.json"

_PLAIN_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*\.(safetensors|onnx)\Z"
_BLOCK = 1 << 20


class ManifestFile(BaseModel):
    """One file: where it comes from, and how to know it."""

    name: str = Field(regex=_PLAIN_NAME)
    """The file's name in the models' folder; never a path."""

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


def find(name: str) -> ManifestFile:
    """The file of that name.

    :raises UnknownFileError: there is none.
    """
    files = manifest()
    if name not in files:
        near = difflib.get_close_matches(name, files, n=1)
        hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(files)}."
        raise UnknownFileError(f"IC-Light's manifest has no file {name[:100]!r}: {hint}")
    return files[name]


def part_of(file: ManifestFile, folder: Path) -> Path:
    """Where a file lies until it is whole."""
    return folder / f"{file.name}.part"


def stored_bytes(file: ManifestFile, folder: Path) -> int:
    """As many bytes lie in the file's part."""
    try:
        return part_of(file, folder).stat().st_size
    except (FileNotFoundError, NotADirectoryError):
        # never begun, or just finished by another process
        return 0


def state_of(file: ManifestFile, folder: Path) -> FileState:
    """What its size tells, and a header where that is wrong; :func:`is_whole` reads every byte."""
    target = folder / file.name
    if target.is_file():
        return FileState.THERE if target.stat().st_size == file.size else state_of_other(file, target)
    return FileState.PARTIAL if stored_bytes(file, folder) else FileState.MISSING


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
