"""Settings in infotext, there and back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib_iclight.fields import DEFAULTS, SETTINGS, takes_effect
from lib_iclight.infotext import infotext_name, infotext_of, is_ours, pasted_value
from lib_iclight.lights import LightsSetting
from lib_iclight.request import RelightRequest
from lib_iclight.setting_types import Choice, Number, Switch, Tab
from lib_iclight.weights.kind import Kind
from tests.lights.strategies import LIGHTS

FC, FBC = Kind.FOREGROUND, Kind.BACKGROUND


def told(values: dict[str, Any], kind: Kind = FC, tab: Tab = Tab.TXT2IMG) -> dict[str, Any]:
    return infotext_of(RelightRequest.from_api({"model": "m", **values}), kind, tab)


def test_infotext_has_what_is_in_effect() -> None:
    values = {"light": "left", "light_denoise": 0.5, "strength": 0.8, "cutout": "none"}
    common = {"IC-Light model": "m", "IC-Light strength": 0.8, "IC-Light cutout": "none"}
    light = {**common, "IC-Light light": "left"}
    assert told(values) == {**light, "IC-Light light denoise": 0.5}
    assert told(values, tab=Tab.IMG2IMG) == light
    assert told(values, FBC) == {**common, "IC-Light background": "image"}


def test_infotext_tells_what_is_done_to_the_cut_out_and_the_result() -> None:
    changed = {"edge_shift": -1.5, "edge_feather": 0.5, "reinforce_foreground": 0.3, "colour_keep": 0.9}
    text = told({"light": "left", **changed, "detail_transfer": 0.6, "detail_area": "everything"})
    for field, value in changed.items():
        assert text[infotext_name(field)] == value
    assert text["IC-Light detail transfer"] == 0.6 and text["IC-Light detail area"] == "everything"
    assert text["IC-Light detail radius"] == 1.0
    assert not {infotext_name(field) for field in changed} & told({}).keys()


def test_names_are_told_apart_and_values_are_json() -> None:
    names = [infotext_name(field) for field in SETTINGS]
    assert len(set(names)) == len(names) and all(name.startswith("IC-Light ") for name in names)
    json.dumps(told({"light": "left", "detail_transfer": 1}))


def _values(setting: Any) -> st.SearchStrategy[Any]:
    if isinstance(setting, Number):
        return st.floats(setting.low, setting.high)
    if isinstance(setting, Choice):
        return st.sampled_from(list(setting.labels))
    if isinstance(setting, Switch):
        return st.booleans()
    if isinstance(setting, LightsSetting):
        return LIGHTS
    return st.just("model.safetensors")


REQUESTS = st.fixed_dictionaries({name: _values(each) for name, each in SETTINGS.items() if each.in_infotext})


@given(REQUESTS, st.sampled_from(Kind), st.sampled_from(Tab))
def test_what_a_picture_tells_comes_back(values: dict[str, Any], kind: Kind, tab: Tab) -> None:
    """Pasted into the panel and read from there, every setting that takes effect is what it was."""
    request = RelightRequest.from_api(values)
    text = {name: str(value) for name, value in infotext_of(request, kind, tab).items()}
    pasted = {name: pasted_value(name, text) for name in values}
    again = RelightRequest.from_api({name: SETTINGS[name].from_panel(value) for name, value in pasted.items()})
    for name in values:
        if takes_effect(name, request.values, kind, tab):
            assert getattr(again, name) == getattr(request, name)
        else:
            assert getattr(again, name) == DEFAULTS[name]


@pytest.mark.parametrize("name", [name for name, setting in SETTINGS.items() if setting.in_infotext])
def test_other_pictures_change_nothing(name: str) -> None:
    assert pasted_value(name, {"Steps": "20", "Seed": "1"}) is None
    assert not is_ours({"Steps": "20"}) and is_ours({"IC-Light model": "m"})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("strength", "much"),
        ("strength", "9"),
        ("strength", "nan"),
        ("light", "up"),
        ("detail_area", ""),
        ("cutout", "?"),
    ],
)
def test_damaged_values_change_nothing(name: str, text: str) -> None:
    assert pasted_value(name, {"IC-Light model": "m", infotext_name(name): text}) is None


def test_what_is_not_told_is_set_to_its_default() -> None:
    text = {"IC-Light model": "m"}
    assert pasted_value("light", text) == "Prompt only"
    assert pasted_value("detail_transfer", text) == 0
    assert pasted_value("light", {**text, "IC-Light light": "custom"}) == "My own light map"
