"""What lies in the models' folders, listed once for each need: a panel that is built, an event, a request."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from ..errors import ICLightError

_DEEPEST = 3
"""Levels of subfolders that are looked into: the folder in the settings may be a whole drive."""


class Signature(NamedTuple):
    """What changes when a file is replaced, rewritten or cut."""

    size: int
    modified_ns: int
    inode: int
    """0 where the system doesn't tell it, as in a folder's listing on Windows."""

    @classmethod
    def of(cls, path: Path) -> Signature:
        """:raises ICLightError: the file is gone or can't be read."""
        try:
            return cls.from_status(path.stat())
        except OSError as error:
            raise ICLightError(f"The IC-Light model {path.name} can't be read: {error.strerror}.") from error

    @classmethod
    def from_status(cls, status: os.stat_result) -> Signature:
        """The signature of a file whose status is known."""
        return cls(status.st_size, status.st_mtime_ns, status.st_ino)

    def matches(self, other: Signature) -> bool:
        """Whether nothing speaks against the file being the same."""
        return self[:2] == other[:2] and (self.inode == other.inode or 0 in (self.inode, other.inode))


class ListedFile(NamedTuple):
    """A file as a folder's listing tells of it."""

    name: str
    path: Path
    signature: Signature
    is_own: bool
    """Whether it lies in the first folder, which is IC-Light's own; the others hold models of every kind."""

    @property
    def is_safetensors(self) -> bool:
        """By its ending."""
        return self.path.suffix.lower() == ".safetensors"


class Catalogue(NamedTuple):
    """The files in the models' folders and their subfolders, as they were when they were listed."""

    folders: tuple[Path, ...]
    """Those that were listed, IC-Light's own first: fetched files go there."""

    files: tuple[ListedFile, ...]
    """By folder, what lies higher up first, and by path."""

    missing: tuple[Path, ...]
    """Those of the folders that are not there, or can't be read."""

    @property
    def own_folder(self) -> Path:
        """IC-Light's own, which fetched files go to."""
        return self.folders[0]

    @property
    def searched(self) -> str:
        """The folders for a sentence, as in `/models/ic-light or /moddels (which is not there)`."""
        names = [f"{each} (which is not there)" if each in self.missing else str(each) for each in self.folders]
        return " or ".join(dict.fromkeys(names))


def read_catalogue(folders: Sequence[Path]) -> Catalogue:
    """List the folders, each once.

    Their subfolders are looked into three levels deep, links to folders too, and no folder twice. Hidden folders
    (`.git`, `.cache`) are left out, and so are files whose names are no text, which no page and no request could name.

    :param folders: IC-Light's own first. One that is missing, or named twice, is no error.
    """
    distinct: dict[str, Path] = {}
    for folder in folders:
        distinct.setdefault(os.path.realpath(folder), folder)
    seen = set(distinct)
    files: list[ListedFile] = []
    missing: list[Path] = []
    for folder in distinct.values():
        listed = _list(folder, folder == folders[0])
        if listed is None:
            missing.append(folder)
        else:
            files += listed.files
            files += _walk(listed.folders, folder == folders[0], seen)
    return Catalogue(tuple(folders), tuple(files), tuple(missing))


def find_file(catalogue: Catalogue, name: str) -> Path | None:
    """The first file of that name, or None.

    :param name: a file's whole name. It is compared and never joined to a folder, so that it leads nowhere else.
    """
    return next((file.path for file in catalogue.files if file.name == name), None)


def describe_missing_folders(catalogue: Catalogue, chosen: Iterable[Path]) -> str:
    """One sentence about the folders that somebody has set and that are not there; empty if all are.

    :param chosen: those of the catalogue's folders that come from the settings: the web UI's own needn't exist.
    """
    missing = [str(folder) for folder in chosen if folder in catalogue.missing]
    verb = "is" if len(missing) == 1 else "are"
    names = " and ".join(missing)
    return f"{names}, set in Settings → IC Light, {verb} not there: correct the setting." if missing else ""


class _Listing(NamedTuple):
    """One folder's files and subfolders, by name."""

    files: list[ListedFile]
    folders: list[Path]


def _walk(level: list[Path], is_own: bool, seen: set[str]) -> Iterator[ListedFile]:
    """The files of folders and of those below them, level by level.

    :param seen: the real paths of the folders that need no visit; those that get one are added.
    """
    for _ in range(_DEEPEST):
        below: list[Path] = []
        for folder in level:
            real = os.path.realpath(folder)
            listed = None if real in seen else _list(folder, is_own)
            seen.add(real)
            if listed is not None:
                yield from listed.files
                below += listed.folders
        level = below


def _list(folder: Path, is_own: bool) -> _Listing | None:
    """None if it isn't there or can't be read."""
    listed = _Listing([], [])
    try:
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
    except OSError:
        return None
    for entry in entries:
        if not _is_text(entry.name):
            continue
        try:
            if entry.is_file():
                signature = Signature.from_status(entry.stat())
                listed.files.append(ListedFile(entry.name, Path(entry.path), signature, is_own))
            elif entry.is_dir() and not entry.name.startswith("."):
                listed.folders.append(Path(entry.path))
        except OSError:  # gone meanwhile, or a link to nowhere
            continue
    return listed


def _is_text(name: str) -> bool:
    """Whether a name can be written as UTF-8: in one that the system's encoding doesn't explain, surrogates can't."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
