"""Values of the tab that are known to fail with IC-Light: said beside the panel, never forced."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import ICLightError
from ..hosts.tab import TabPart
from ..setting_types import Tab
from ..weights import check_checkpoint_file
from ..weights.kind import Kind
from .markup import as_markdown_text

_HIGHEST_CFG = 4.0
_GOOD_CFG = 2.0
"""With a model that sees the subject only; the others were trained to be used at 7."""

_LOWEST_DENOISING = 0.8
_GOOD_DENOISING = 0.9

_SHORTEST_SIDE = 384
_LARGEST_AREA = 1024 * 1024
_GOOD_SIZE = "512 × 768"
"""Pixels. SD 1.5 was trained at 512 × 512."""


def advise(kind: Kind, tab: Tab, values: Mapping[TabPart, Any]) -> list[str]:
    """What is known to fail among a tab's values, each as Markdown that says what happens and what to set.

    :param kind: of the IC-Light model that is chosen.
    :param values: of the tab's components, as they have them. Nothing is said of those that are left out, and of
        those that hold no number, as a field does while it is typed into.
    """
    advice = []
    if kind is Kind.FOREGROUND:
        advice += _on_cfg("CFG Scale", _number(values, TabPart.CFG))
        if tab is Tab.TXT2IMG and values.get(TabPart.HIRES):
            advice += _on_cfg("Hires CFG Scale", _number(values, TabPart.HIRES_CFG))
        if tab is Tab.IMG2IMG:
            advice += _on_denoising(_number(values, TabPart.DENOISING))
    return advice + _on_size(tab, _number(values, TabPart.WIDTH), _number(values, TabPart.HEIGHT))


def advise_on_checkpoint(checkpoint: Path | None) -> list[str]:
    """Why a checkpoint can't be relit with, in the words in which a generation is refused.

    :param checkpoint: its file; None where the web UI doesn't tell.
    """
    if checkpoint is None:
        return []
    try:
        changed = checkpoint.stat().st_mtime_ns
    except OSError:  # the web UI says what is wrong with it when it loads it
        return []
    refusal = _refusal(checkpoint, changed)
    return [as_markdown_text(refusal)] if refusal else []


@functools.lru_cache(maxsize=8)
def _refusal(checkpoint: Path, changed: int) -> str:
    """:param changed: when the file was, in nanoseconds: another file under the same name is read anew."""
    try:
        check_checkpoint_file(checkpoint)
    except ICLightError as error:
        return str(error)
    return ""


def _on_cfg(label: str, cfg: float | None) -> list[str]:
    if cfg is None or cfg <= _HIGHEST_CFG:
        return []
    return [
        f"At a {label} of {cfg:g} this model burns out highlights and overdoes colours: "
        f"set {label} to about {_GOOD_CFG:g}."
    ]


def _on_denoising(strength: float | None) -> list[str]:
    if strength is None or strength >= _LOWEST_DENOISING:
        return []
    return [
        f"At a Denoising strength of {strength:g} much of what the picture starts from stays, the old light or the "
        f"bare light map: set Denoising strength to {_GOOD_DENOISING:g} or more."
    ]


def _on_size(tab: Tab, width: float | None, height: float | None) -> list[str]:
    if width is None or height is None:
        return []
    size = f"{width:g} × {height:g}"
    if min(width, height) < _SHORTEST_SIDE:
        return [
            f"At {size} pixels SD 1.5 has too little room, and faces and hands fall apart: set Width and Height to "
            f"{_SHORTEST_SIDE} or more, {_GOOD_SIZE} for instance."
        ]
    if width * height > _LARGEST_AREA:
        enlarge = "Hires. fix or Full size" if tab is Tab.TXT2IMG else "Full size"
        return [
            f"At {size} pixels SD 1.5 repeats the subject or parts of it: set Width and Height to about {_GOOD_SIZE}, "
            f"and enlarge with {enlarge}."
        ]
    return []


def _number(values: Mapping[TabPart, Any], part: TabPart) -> float | None:
    value = values.get(part)
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
