"""The values that are set for a kind of model, as far as the tab takes them."""

from __future__ import annotations

from typing import Any

import gradio as gr
import pytest

from lib_iclight.hosts.tab import TabPart
from lib_iclight.setting_types import Tab
from lib_iclight.ui.advice import advise
from lib_iclight.ui.recommended import recommend
from lib_iclight.weights.kind import Kind

from .web_tab import MAKERS, PARTS


def components(tab: Tab, **others: Any) -> dict[TabPart, Any]:
    """A tab's, with others in the place of some, or without those that are None."""
    made = {part: others.get(part.name, MAKERS[part]()) for part in PARTS[tab] if part is not TabPart.RESIZE_TO}
    return {part: component for part, component in made.items() if component is not None}


EXPECTED: dict[tuple[Kind, Tab], dict[str, Any]] = {
    (Kind.FOREGROUND, Tab.TXT2IMG): {
        "SAMPLER": "DPM++ 2M SDE",
        "SCHEDULER": "Karras",
        "STEPS": 25,
        "CFG": 2,
        "HIRES_UPSCALER": "Lanczos",
        "HIRES_SCALE": 1.5,
        "HIRES_STEPS": 0,
        "DENOISING": 0.5,
        "HIRES_CFG": 2,
    },
    (Kind.BACKGROUND, Tab.TXT2IMG): {
        "SAMPLER": "DPM++ 2M SDE",
        "SCHEDULER": "Karras",
        "STEPS": 20,
        "CFG": 7,
        "HIRES_UPSCALER": "Lanczos",
        "HIRES_SCALE": 1.5,
        "HIRES_STEPS": 0,
        "DENOISING": 0.5,
        "HIRES_CFG": 7,
    },
    (Kind.FOREGROUND, Tab.IMG2IMG): {
        "SAMPLER": "DPM++ 2M",
        "SCHEDULER": "Karras",
        "STEPS": 20,
        "CFG": 2,
        "DENOISING": 0.96,
    },
    (Kind.BACKGROUND, Tab.IMG2IMG): {"SAMPLER": "DPM++ 2M SDE", "SCHEDULER": "Karras", "STEPS": 20, "CFG": 7},
}


@pytest.mark.parametrize(("of", "expected"), EXPECTED.items())
def test_each_kind_of_model_has_values_of_its_own(of: tuple[Kind, Tab], expected: dict[str, Any]) -> None:
    kind, tab = of
    recommended = recommend(kind, tab, components(tab))
    assert {part.name: value for part, value in recommended.items()} == expected
    assert advise(kind, tab, {**recommended, TabPart.HIRES: True}) == []


def test_what_the_web_ui_does_not_offer_is_left_alone() -> None:
    def recommended(**others: Any) -> dict[str, Any]:
        found = recommend(Kind.FOREGROUND, Tab.TXT2IMG, components(Tab.TXT2IMG, **others))
        return {part.name: value for part, value in found.items()}

    expected = EXPECTED[Kind.FOREGROUND, Tab.TXT2IMG]
    assert recommended(STEPS=gr.Slider(1, 20)) == {name: value for name, value in expected.items() if name != "STEPS"}
    assert recommended(HIRES_CFG=None, CFG=None).keys() == expected.keys() - {"HIRES_CFG", "CFG"}
    assert "SAMPLER" not in recommended(SAMPLER=gr.Dropdown(["Euler"]))
    assert "SCHEDULER" not in recommended(SCHEDULER=gr.Radio(["Automatic"]))
    assert recommended(HIRES_UPSCALER=gr.Dropdown(["Nearest", "None"]))["HIRES_UPSCALER"] == "None"
    assert recommended(HIRES_UPSCALER=gr.Dropdown(["None", "Lanczos"]))["HIRES_UPSCALER"] == "Lanczos"
    assert recommend(Kind.FOREGROUND, Tab.TXT2IMG, {}) == {}


def test_samplers_may_have_their_schedule_in_their_name() -> None:
    names = ["Euler", "DPM++ 2M SDE", "DPM++ 2M SDE Karras"]
    parts = components(Tab.TXT2IMG, SCHEDULER=None, SAMPLER=gr.Radio(names))
    recommended = recommend(Kind.FOREGROUND, Tab.TXT2IMG, parts)
    assert recommended[TabPart.SAMPLER] == "DPM++ 2M SDE Karras" and TabPart.SCHEDULER not in recommended
