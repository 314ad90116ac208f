"""What the panel's dropdowns list, and what is said below them of the entry that is chosen.

Their entries are plain text: the web UI compares saved defaults with what is shown, and older gradio knows no others.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from ..errors import ICLightError
from ..foreground.methods import METHODS
from ..weights import Catalogue, Kind, damaged_models, find_file, is_broken, known_models
from ..weights.manifest import ManifestFile, manifest
from .markup import as_markdown_text
from .parts import IS_GRADIO_3


class ModelList(NamedTuple):
    """The model dropdown's entries, the one to begin with, and what each file looks at."""

    names: list[str]
    """Of models that are there first, then of damaged ones, then of those that can be fetched."""

    chosen: str | None
    kinds: dict[str, Kind]
    """Of all but the damaged ones."""


class Description(NamedTuple):
    """What is said of a choice."""

    text: str = ""
    """As Markdown; empty if there is nothing to say."""

    to_fetch: ManifestFile | None = None
    """The file that it needs and that can be fetched, where it isn't there, or is there and broken."""


def list_models(catalogue: Catalogue) -> ModelList:
    """What the model dropdown lists."""
    there = {path.name: kind for path, kind in known_models(catalogue).items()}
    damaged = [path.name for path in damaged_models(catalogue) if path.name not in there]
    published = {file.name: file.kind for file in manifest().values() if file.kind is not None}
    absent = {name: kind for name, kind in published.items() if name not in there and name not in damaged}
    usable = there or absent
    chosen = next((name for name, kind in usable.items() if kind is Kind.FOREGROUND), next(iter(usable), None))
    return ModelList([*there, *dict.fromkeys(damaged), *absent], chosen, there | absent)


_GIVES_LIGHT = {Kind.FOREGROUND: "you give the light", Kind.BACKGROUND: "the background gives the light"}


def relist_models(dropdown: gr.Dropdown, catalogue: Catalogue) -> Any:
    """The dropdown's list after files were added or removed. What is chosen stays, also a name just pasted."""
    names = list_models(catalogue).names
    # gradio checks what any page sends against these. (No component may be built here to learn their form: reForge
    # dev2's own ones fail while an event is answered.)
    dropdown.choices = names if IS_GRADIO_3 else [(name, name) for name in names]
    return gr.update(choices=names)


def kind_of_choice(name: str | None, catalogue: Catalogue) -> Kind:
    """What a listed model looks at; a damaged one is taken for one that sees the subject only."""
    return list_models(catalogue).kinds.get(name or "", Kind.FOREGROUND)


def describe_model(name: str | None, catalogue: Catalogue) -> Description:
    """What is said of a model: what it looks at, what is wrong with it, or what there is to fetch."""
    if not name:
        return Description()
    there = {path.name: kind for path, kind in known_models(catalogue).items()}
    if name in there:
        return Description(f"{as_markdown_text(name)} looks at the {there[name].value}: {_GIVES_LIGHT[there[name]]}.")
    file = manifest().get(name)
    to_fetch = file if file is not None and file.kind and _may_fetch(file, catalogue) else None
    for path, sentence in damaged_models(catalogue).items():
        if path.name == name:
            return Description(as_markdown_text(sentence), to_fetch)
    if to_fetch is not None:
        return Description(_offer(to_fetch, catalogue.own_folder), to_fetch)
    return Description(as_markdown_text(f"There is no {name} in the models' folders."))


def describe_cutout(label: str | None, catalogue: Catalogue) -> Description:
    """What is said of a way of cutting out: its model's licence and author, or what there is to fetch."""
    file = next((each.file for each in METHODS.values() if each.label == label), None)
    if file is None:
        return Description()
    if find_file(catalogue, file.name) is None:
        return Description(_offer(file, catalogue.own_folder), file)
    return Description(f"{as_markdown_text(file.name)}: {file.licence}, by {file.author}.")


def _may_fetch(file: ManifestFile, catalogue: Catalogue) -> bool:
    """Whether the place that an IC-Light model is fetched to is empty, or what lies there is broken.

    In other folders a file of its name may be something else.
    """
    target = catalogue.own_folder / file.name
    if all(each.path != target for each in catalogue.files):
        return True
    try:
        return is_broken(target)
    except ICLightError:  # it can't be read right now
        return False


def _offer(file: ManifestFile, folder: Path) -> str:
    return (
        f"**{as_markdown_text(file.name)}** is not there yet: {_write_size(file.size)}, {file.licence}, by "
        f"{file.author}, to {as_markdown_text(file.purpose)}. It goes to {as_markdown_text(str(folder))}. "
        f"[Where it comes from]({file.url})"
    )


def _write_size(size: int) -> str:
    """A file's size as people say it."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"
