"""Components made from the request's fields: their ranges, defaults and choices are said once, there."""

from __future__ import annotations

from enum import Enum
from typing import Any

import gradio as gr

from ..request import RelightRequest, limits

UNNAMED: dict[str, Any] = {"api_name": False}
"""For all events: they are the page's, gradio needn't describe them to anyone."""

QUIET = {**UNNAMED, "show_progress": "hidden", "queue": False}
"""For events that only show and hide."""


def picture(label: str, visible: bool = True, **name: str) -> gr.Image:
    """A picture to be given by the user, in any mode."""
    # no image_mode: gradio's own conversion would turn 16-bit greyscale white, `Picture` takes any mode
    how = {"type": "pil", "image_mode": None, "format": "png", "interactive": True, "height": 280}
    return gr.Image(label=label, visible=visible, **how, **name)


def radio(label: str, choices: type[Enum], labels: dict[Any, str], info: str | None = None, **name: str) -> gr.Radio:
    """A choice that shows all there is. The first is the default."""
    default = next(iter(choices))
    pairs = [(labels[each], each.value) for each in choices]
    return gr.Radio(pairs, value=default.value, label=label, info=info, **name)


def slider(
    field: str, step: float, info: str | None = None, visible: bool = True, label: str | None = None, **name: str
) -> gr.Slider:
    """A number field, in its range."""
    low, high = limits(field)
    default = RelightRequest.__fields__[field].default
    label = label or field.replace("_", " ").capitalize()
    return gr.Slider(low, high, default, step=step, label=label, info=info, visible=visible, **name)
