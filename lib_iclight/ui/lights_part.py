"""The panel's lights: a list of presets, the lights as text, and a picture of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from ..errors import ICLightError
from ..lights import Lights, Window, draw_lights, presets, write_lights
from ..pictures import Picture, to_data_address
from ..request import RelightRequest
from .markup import as_html_text
from .parts import QUIET, listen

_WIDTH, _HEIGHT = 160, 240
"""Of the picture, in pixels."""


def build_lights(build_part: Callable[[str], Any], element_id: Callable[[str], str]) -> Any:
    """Everything about lights.

    :param build_part: builds a setting's component.
    :param element_id: what a part is called in the page.
    :returns: what is hidden where lights take no effect.
    """
    with gr.Accordion("Lights of any kind, anywhere", open=False, elem_id=element_id("lights_group")) as group:
        names = [name.capitalize() for name in presets()]
        preset = gr.Dropdown(names, label="Begin with", elem_id=element_id("lights_preset"))
        with gr.Row():
            lights = build_part("lights")
            picture = gr.HTML(elem_id=element_id("lights_picture"))
    listen(preset.change, _write_preset, preset, lights, **QUIET)
    listen(lights.change, show_lights, lights, picture, **QUIET)
    return group


def show_lights(text: str) -> str:
    """The lights that a text stands for, as HTML with a picture in it, or what is wrong with it.

    An oval stands for the subject.
    """
    try:
        lights = RelightRequest.from_api({"lights": text}).lights
    except ICLightError as error:
        return f"<p>{as_html_text(str(error))}</p>"
    return _as_html(_draw(lights)) if lights else ""


def _write_preset(name: str | None) -> Any:
    lights = presets().get((name or "").lower())
    return gr.update() if lights is None else write_lights(lights, between="\n")


def _draw(lights: Lights) -> Image.Image:
    rows, columns = np.ogrid[-3 : 3 : _HEIGHT * 1j, -3 : 3 : _WIDTH * 1j]
    is_inside = columns**2 + (rows / 1.5) ** 2 <= 1  # a third of the width, half of the height
    outline = Picture(np.repeat(np.uint8(255 * is_inside)[..., np.newaxis], 3, axis=2))
    return draw_lights(lights, Window.whole(_WIDTH, _HEIGHT), outline=outline).to_image()


def _as_html(image: Image.Image) -> str:
    address = to_data_address(image)
    return f'<img src="{address}" width="{image.width}" height="{image.height}" alt="The light map of these lights">'
