"""The stage: the frame that will be generated, to be arranged by hand. What is done in the page is in `javascript/`.

Python draws what takes a picture's pixels, the subject and what is behind it; the page draws the lights.
"""

from __future__ import annotations

import html
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr
import numpy as np
from PIL import Image

from ..condition import fit_picture
from ..errors import ICLightError
from ..fields import SETTINGS
from ..foreground.methods import GRABCUT, METHODS, NONE
from ..generation import Generation
from ..hosts import Host
from ..lights import (
    BACKGROUND_LABELS,
    LIGHT_LABELS,
    NAMED_BACKGROUNDS,
    NAMED_LIGHTS,
    describe_lights,
    write_lights,
)
from ..pictures import to_data_address
from ..request import RelightRequest
from ..setting_types import Number, Tab
from ..weights.kind import Kind
from .parts import LASTING, UNNAMED, listen, on_change, on_open

TOLD = ("model", "light", "background", "lights", "subject_x", "subject_y", "subject_scale", "subject_mirrored")
"""The settings whose values the page is told, in this order."""

DRAWN = ("subject", "cutout", "edge_shift", "edge_feather", "mask", "light_map", "background_image")
"""The further settings that decide what is drawn."""

LONGEST = 768
"""The longer side of what is drawn, in pixels."""


class Stage(NamedTuple):
    """What the page's script and Python talk through."""

    tab: Tab
    ask: gr.Button
    """Pressed by the script, never seen."""
    answer: gr.HTML
    """Never shown. (Web UIs would save a textbox's value among the defaults.)"""

    def connect(self, parts: dict[str, Any], host: Host, kind_of: Callable[[str | None], Kind]) -> None:
        """Have it follow the panel's components.

        :param parts: all of them, by setting.
        :param kind_of: what a model of the panel's list looks at.
        """
        told, drawn = [parts[name] for name in TOLD], [parts[name] for name in DRAWN]
        on_change(told, None, told, None, js=self._call("follow"), **UNNAMED)
        on_change(drawn, None, None, None, js=self._call("renew"), **UNNAMED)
        on_open(None, told, js=self._call("follow"))

        def on_ask(*values: Any) -> str:
            *settings, asked = values
            named = dict(zip([*TOLD, *DRAWN], settings, strict=True))
            return draw_stage(named, asked, host, kind_of(named["model"]))

        # The question is put together in the page at the moment it is sent, in the place of the answer before. gradio
        # hands over the outputs' values too.
        inputs = [*told, *drawn, self.answer]
        given = f"...values.slice(0, {len(inputs) - 1})"
        asking = f"(...values) => [{given}, window.iclight?.question('{self.tab.value}') ?? '']"
        asked = listen(self.ask.click, on_ask, inputs, self.answer, js=asking, **LASTING)
        listen(asked.then, None, self.answer, js=self._call("takeLayers"))

    def renew_after(self, event: Any) -> None:
        """Have it drawn anew when an event has ended that may change how the subject is cut out."""
        listen(event.then, None, js=self._call("renew"), **UNNAMED)

    def _call(self, function: str) -> str:
        return f"(...values) => {{ window.iclight?.{function}('{self.tab.value}', ...values); }}"


def build_stage(tab: Tab, element_id: Callable[[str], str]) -> Stage:
    """Build it.

    :param element_id: what a part is called in the page.
    """
    shared = f" data-shared='{_to_attribute(describe_stages())}'" if tab is Tab.TXT2IMG else ""  # once a page
    gr.HTML(f"<div class='iclight-stage' data-tab='{tab.value}'{shared}></div>", elem_id=element_id("stage"))
    ask = gr.Button("Draw the stage", elem_id=element_id("stage_ask"), elem_classes=["iclight-unseen"])
    return Stage(tab, ask, gr.HTML("", visible=False))


def _to_attribute(described: dict[str, Any]) -> str:
    return html.escape(json.dumps(described, separators=(",", ":")), quote=False).replace("'", "&#39;")


def describe_stages() -> dict[str, Any]:
    """What the page has to know of settings, so that nothing is said there a second time. All stages share it."""
    scale = SETTINGS["subject_scale"]
    if not isinstance(scale, Number):
        raise TypeError("the scale is a number")
    return {
        "told": TOLD,
        "lights": describe_lights(),
        "sides": {light.value: write_lights(lights) for light, lights in NAMED_LIGHTS.items()},
        "backgrounds": {wall.value: write_lights(lights) for wall, lights in NAMED_BACKGROUNDS.items()},
        "labels": {
            "light": {label: value for value, label in LIGHT_LABELS.items()},
            "background": {label: value for value, label in BACKGROUND_LABELS.items()},
        },
        "scale": {"low": scale.low, "high": scale.high},
        "longest": LONGEST,
    }


def draw_stage(values: dict[str, Any], question: str, host: Host, kind: Kind) -> str:
    """Draw the subject in its place, and what lights are added to or fall on.

    :param values: of the panel's components, by setting.
    :param kind: of the model that is chosen.
    :param question: JSON from the page: `width` and `height` of what is drawn, in pixels; `seen`: whether the
        subject is drawn as the model sees it; `subject`: img2img's own picture, made small, as a data address, which
        is taken where the panel has none; `number`, which the answer has too.
    :returns: JSON: `subject` and `backdrop` as data addresses or null, `place` of the subject, `said` of the cut-out,
        and `problem`, a sentence, where something isn't drawn.
    """
    answer: dict[str, Any] = {"subject": None, "backdrop": None, "said": "", "problem": "", "number": None}
    answer["place"] = {name: values[f"subject_{name}"] for name in ("x", "y", "scale", "mirrored")}
    try:
        size, seen, tab_picture, answer["number"] = _read_question(question)
        given = {name: SETTINGS[name].from_panel(value) for name, value in values.items() if name != "lights"}
        given["subject"] = given["subject"] or tab_picture
        generation = Generation(host, RelightRequest.from_api(given), Path(values["model"] or ""), kind)
        if generation.request.subject is not None:
            answer |= _draw_subject(generation, size, seen)
        backdrop = generation.draw_backdrop(size)
        answer["backdrop"] = None if backdrop is None else _to_address(backdrop)
    except ICLightError as error:
        answer["problem"] = str(error)
    # It stands in the page, where browsers read it as markup: file names may be among the sentences.
    return json.dumps(answer).replace("<", "\\u003c")


def _draw_subject(generation: Generation, size: tuple[int, int], seen: bool) -> dict[str, Any]:
    started = time.monotonic()
    generation.cut_out_subjects()
    seconds = time.monotonic() - started
    (subject,) = generation.subjects
    method = subject.foreground.method
    took = f" in {seconds:.1f} s" if seconds >= 0.1 else ""
    how = "Taken as it is" if method == NONE else f"Cut out by {METHODS[method].label}{took}"
    rough = ["For hair and fine edges choose a model under Cut out by, and fetch it."] if method == GRABCUT else []
    said = " ".join([f"{how}.", *rough, *subject.foreground.notes])
    if seen:
        return {"subject": _to_address(fit_picture(generation.host, subject.source, *size)), "said": said}
    colour, alpha = subject.colour_at(generation.host, size), subject.alpha_at(generation.host, size)
    return {"subject": _to_address(colour, alpha), "said": said}


def _read_question(text: str) -> tuple[tuple[int, int], bool, str | None, Any]:
    """:raises ICLightError: it is none of the page's."""
    try:
        asked = json.loads(text)
        size, seen, subject = (int(asked["width"]), int(asked["height"])), bool(asked["seen"]), str(asked["subject"])
    except (ValueError, TypeError, KeyError, OverflowError):
        size = 0, 0
    if not all(8 <= side <= LONGEST for side in size):
        raise ICLightError("The stage's script is missing or an older one: reload the page.")
    return size, seen, subject or None, asked.get("number")


def _to_address(rgb: np.ndarray, alpha: np.ndarray | None = None) -> str:
    pixels = rgb if alpha is None else np.dstack([rgb, alpha])
    return to_data_address(Image.fromarray(pixels))
