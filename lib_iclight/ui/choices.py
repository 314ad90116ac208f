"""What the panel's dropdowns list: the models that are there, those that are damaged, and those that can be fetched."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from ..errors import ICLightError
from ..foreground.methods import METHODS, CutoutMethod
from ..weights import damaged_models, find_file, is_broken, known_models
from ..weights.kind import Kind
from ..weights.manifest import ManifestFile, manifest

Folders = Callable[[], Sequence[Path]]

_KINDS_TO_FETCH = {
    "iclight_sd15_fc.safetensors": Kind.FOREGROUND,
    "iclight_sd15_fcon.safetensors": Kind.FOREGROUND,
    "iclight_sd15_fbc.safetensors": Kind.BACKGROUND,
}


@dataclass(frozen=True)
class ModelList:
    """The model dropdown's entries, the one to begin with, and what each file looks at."""

    choices: list[tuple[str, str]]
    chosen: str | None
    kinds: dict[str, Kind]


def models(folders: Sequence[Path]) -> ModelList:
    """Models that are there first, then damaged ones, then those that can be fetched."""
    there: dict[str, Kind] = {}
    for path, kind in known_models(folders).items():
        there.setdefault(path.name, kind)
    damaged = [path.name for path in damaged_models(folders) if path.name not in there]
    absent = {name: kind for name, kind in _KINDS_TO_FETCH.items() if name not in there and name not in damaged}
    choices = [
        *((f"{name} ({kind.value})", name) for name, kind in there.items()),
        *((f"{name} (damaged)", name) for name in damaged),
        *((f"{name} ({size_text(manifest()[name].size)} to fetch)", name) for name in absent),
    ]
    usable = there or absent
    chosen = next((name for name, kind in usable.items() if kind is Kind.FOREGROUND), next(iter(usable), None))
    return ModelList(choices, chosen, there | absent)


def relisted(dropdown: gr.Dropdown, listed: ModelList) -> Any:
    """The list after files were added or removed. What is chosen stays, also a name just pasted."""
    dropdown.choices = listed.choices  # gradio checks what the page sends against these
    return gr.update(choices=listed.choices)


def kind(name: str | None, folders: Sequence[Path]) -> Kind:
    """What a listed model looks at; a damaged one is taken for one that sees the subject only."""
    return models(folders).kinds.get(name, Kind.FOREGROUND)


def damage(name: str | None, folders: Sequence[Path]) -> str | None:
    """What is wrong with a listed model, as a sentence."""
    if name in models(folders).kinds:
        return None
    return next((sentence for path, sentence in damaged_models(folders).items() if path.name == name), None)


def cutouts(folders: Sequence[Path]) -> list[tuple[str, str]]:
    """Ways of cutting out, each model with its licence and what is to be fetched."""
    return [(_cutout_label(each, folders), name) for name, each in METHODS.items()]


def cutout_file(value: str | None) -> str | None:
    """The file that a way of cutting out needs, if it needs one."""
    return METHODS[value].file_name if value else None


def missing(name: str | None, folders: Sequence[Path]) -> ManifestFile | None:
    """The file to be fetched for a choice, where it isn't there, or is there and broken."""
    file = manifest().get(name or "")
    if file is None:
        return None
    if file.name in _KINDS_TO_FETCH:
        if any(path.name == file.name for path in known_models(folders)):
            return None
        folders = folders[:1]  # in the other folders it may be the name of something else
    path = find_file(folders, file.name)
    try:
        return file if path is None or is_broken(path) else None
    except ICLightError:  # it can't be read right now
        return None


def size_text(size: int) -> str:
    """A file's size as people say it."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


def _cutout_label(method: CutoutMethod, folders: Sequence[Path]) -> str:
    file = method.file
    if file is None:
        return method.label
    to_fetch = "" if find_file(folders, file.name) else f", {size_text(file.size)} to fetch"
    return f"{method.label} ({file.licence}{to_fetch})"
