from __future__ import annotations

import base64
import copy
import dataclasses
import math
import re
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from lib_iclight.errors import ICLightError
from lib_iclight.fields import DEFAULTS, SETTINGS
from lib_iclight.finish.area import DetailArea
from lib_iclight.finish.in_place import InPlace
from lib_iclight.lights import Background, Light, check_lights
from lib_iclight.pictures import Picture
from lib_iclight.request import RelightRequest, parse
from lib_iclight.setting_types import Tab
from lib_iclight.weights.kind import Kind

FIELDS = {
    "enabled": True,
    "model": None,
    "subject": None,
    "cutout": "auto",
    "mask": None,
    "edge_shift": 0.0,
    "edge_feather": 0.0,
    "subject_x": 0.5,
    "subject_y": 0.5,
    "subject_scale": 1.0,
    "subject_mirrored": False,
    "light": "none",
    "light_map": None,
    "background": "image",
    "background_image": None,
    "lights": (),
    "light_denoise": 0.9,
    "reinforce_foreground": 0.0,
    "strength": 1.0,
    "detail_transfer": 0.0,
    "detail_radius": 1.0,
    "detail_area": "subject",
    "colour_keep": 0.0,
    "in_place": "off",
    "full_size": False,
    "show_subject": False,
    "show_untouched": False,
}
"""The panel's order, and what is meant where nothing is said: what clients of the API know. Settings may be added."""

DEFAULTED = {name: FIELDS.get(name, default) for name, default in DEFAULTS.items()}
"""The same with every setting that there is: what the panel sends."""

SWITCHES = ("enabled", "subject_mirrored", "full_size", "show_subject", "show_untouched")
NUMBERS = {
    "edge_shift": (-5, 5),
    "edge_feather": (0, 5),
    "subject_x": (-1, 2),
    "subject_y": (-1, 2),
    "subject_scale": (0.05, 4),
    "light_denoise": (0.1, 1.0),
    "reinforce_foreground": (0, 1),
    "strength": (0.05, 1.5),
    "detail_transfer": (0, 1),
    "detail_radius": (0.2, 5),
    "colour_keep": (0, 1),
}
MODELS = (
    "birefnet-lite",
    "isnet-general-use",
    "birefnet-general",
    "u2net",
    "u2net-human-seg",
    "u2netp",
    "isnet-anime",
)
CHOICES = {
    "cutout": ("auto", *MODELS, "grabcut", "none"),
    "detail_area": ("subject", "everything"),
    "in_place": ("off", "own", "background"),
    "light": ("none", "left", "right", "top", "bottom", "ambient", "custom"),
    "background": ("image", "mirrored", "own", "left", "right", "top", "bottom", "ambient", "lights"),
}
PICTURES = ("subject", "mask", "light_map", "background_image")
PAGE = base64.b64encode(np.random.default_rng(0).bytes(60_000)).decode()
LONGEST_SENTENCE = 400

PANEL = list(DEFAULTED.values())


def refusal(values: dict[str, Any]) -> str:
    with pytest.raises(ICLightError) as caught:
        RelightRequest.from_api(values)
    return str(caught.value)


def a_picture() -> Picture:
    return Picture(np.full((4, 6, 3), 9, np.uint8))


def a_picture_as_base64() -> str:
    import io

    data = io.BytesIO()
    Image.new("RGB", (6, 4), (1, 2, 3)).save(data, "PNG")
    return base64.b64encode(data.getvalue()).decode()


def foreground(name: str | None) -> Kind:
    return Kind.FOREGROUND


def background(name: str | None) -> Kind:
    return Kind.BACKGROUND


def test_fields_are_in_the_panels_order_with_their_defaults() -> None:
    request = RelightRequest.from_api({})
    assert [name for name in request.values if name in FIELDS] == list(FIELDS)
    assert {name: getattr(request, name) for name in FIELDS} == FIELDS


def test_every_field_can_be_left_out_or_given() -> None:
    given = {
        "enabled": True,
        "model": "a.safetensors",
        "subject": a_picture_as_base64(),
        "cutout": "none",
        "mask": a_picture_as_base64(),
        "edge_shift": -1.5,
        "edge_feather": 0.5,
        "subject_x": 0.2,
        "subject_y": 1.2,
        "subject_scale": 0.7,
        "subject_mirrored": True,
        "light": "custom",
        "light_map": a_picture_as_base64(),
        "lights": check_lights("lights", "side angle 30; ambient brightness 0.5"),
        "light_denoise": 0.5,
        "reinforce_foreground": 0.3,
        "background": "mirrored",
        "background_image": a_picture_as_base64(),
        "strength": 0.7,
        "detail_transfer": 0.6,
        "detail_radius": 2.5,
        "detail_area": "everything",
        "colour_keep": 0.9,
        "in_place": "own",
        "full_size": True,
        "show_subject": True,
        "show_untouched": True,
    }
    for name in FIELDS:
        request = RelightRequest.from_api({key: value for key, value in given.items() if key != name})
        assert getattr(request, name) == FIELDS[name]
    request = RelightRequest.from_api(given)
    for name, value in given.items():
        if name in PICTURES:
            assert getattr(request, name).rgb.tolist() == [[[1, 2, 3]] * 6] * 4
        else:
            assert getattr(request, name) == value


@pytest.mark.parametrize("name", SWITCHES)
@pytest.mark.parametrize("value", [0, 1, 1.0, "true", "", [], {}, [True]])
def test_switches_are_true_or_false(name: str, value: Any) -> None:
    sentence = refusal({name: value})
    assert sentence.startswith(f"{name} must be true or false") and repr(value) in sentence


@pytest.mark.parametrize("name", SWITCHES)
def test_switches_cant_be_null(name: str) -> None:
    assert refusal({name: None}) == f"{name} must be true or false, not null."


@pytest.mark.parametrize("value", [5, 0, True, [], ["fc"], {}, 1.5])
def test_a_model_is_text(value: Any) -> None:
    assert refusal({"model": value}).startswith("model must be text")


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize(
    "value", [True, False, None, "0.5", "", [0.5], {}, math.nan, math.inf, -math.inf, 10**400, -(10**400), 5.1, -5.1]
)
def test_numbers_are_numbers(name: str, value: Any) -> None:
    low, high = NUMBERS[name]
    assert refusal({name: value}).startswith(f"{name} must be a number from {low:g} to {high:g}, not ")


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_reach_to_both_ends_and_no_further(name: str) -> None:
    low, high = NUMBERS[name]
    for value in (low, high, 1, 1.0):
        assert getattr(RelightRequest.from_api({name: value}), name) == value
    for value in (math.nextafter(low, -9), math.nextafter(high, 9)):
        assert name in refusal({name: value})


@given(name=st.sampled_from(list(NUMBERS)), value=st.floats())
def test_no_number_outside_the_range_is_taken(name: str, value: float) -> None:
    low, high = NUMBERS[name]
    if low <= value <= high:
        assert getattr(RelightRequest.from_api({name: value}), name) == value
    else:
        assert name in refusal({name: value})


@pytest.mark.parametrize("name", CHOICES)
def test_choices_are_one_of_the_list(name: str) -> None:
    kinds = {"cutout": str, "light": Light, "background": Background, "detail_area": DetailArea, "in_place": InPlace}
    for value in CHOICES[name]:
        chosen = getattr(RelightRequest.from_api({name: value}), name)
        assert type(chosen) is kinds[name] and chosen == kinds[name](value)
    for value in (CHOICES[name][0].upper(), "", " none", None, 0, 1, True, [], [CHOICES[name][0]], {"a": 1}, math.nan):
        sentence = refusal({name: value})
        assert sentence.startswith(f"{name} must be one of {', '.join(CHOICES[name])}, not ")


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("value", [5, True, False, [], {}, b"abc", "?", "", PAGE, "http://host/a.png", [PAGE]])
def test_pictures_are_pictures(name: str, value: Any) -> None:
    sentence = refusal({name: value})
    assert name in sentence and len(sentence) < LONGEST_SENTENCE


def test_what_is_wrong_is_shown_as_json_has_it() -> None:
    assert refusal({"light": None}).endswith("not null.")
    assert refusal({"strength": True}).endswith("not true.")
    assert refusal({"strength": False}).endswith("not false.")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("ligths", "lights"),
        ("light_densoise", "light_denoise"),
        ("Subject", "subject"),
        ("background_img", "background"),
    ],
)
def test_unknown_names_get_a_hint(name: str, meant: str) -> None:
    sentence = refusal({name: 1})
    assert repr(name) in sentence and f"did you mean {meant}" in sentence


def test_unknown_names_like_no_other_get_the_list() -> None:
    sentence = refusal({"zzzzzz": 1})
    assert all(name in sentence for name in FIELDS)


@pytest.mark.parametrize("values", [{1: 2}, {None: 1}, {("a",): 1}])
def test_names_are_text(values: dict) -> None:
    assert "must be text" in refusal(values)


@pytest.mark.parametrize("name", [*FIELDS, PAGE])
@pytest.mark.parametrize("value", [PAGE, [PAGE], {"data": PAGE}, {PAGE: 1}], ids=["text", "list", "dict", "name"])
def test_no_sentence_holds_a_page_of_base64(name: str, value: Any) -> None:
    if (name, value) == ("model", PAGE):
        return  # text is what a model's name is
    sentence = refusal({name: value})
    assert len(sentence) < LONGEST_SENTENCE
    assert PAGE[:60] not in sentence


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from([*FIELDS, "lihgt", "__class__", "self", "cls"]), JSON, max_size=4))
def test_whatever_json_is_sent_is_taken_or_refused_with_a_sentence(values: dict[str, Any]) -> None:
    before = copy.deepcopy(values)
    try:
        request = RelightRequest.from_api(values)
    except ICLightError as error:
        assert 10 < len(str(error)) < LONGEST_SENTENCE
    else:
        assert 0.05 <= request.strength <= 1.5
        assert isinstance(request.light, Light)
    assert repr(values) == repr(before)


@given(st.lists(JSON, max_size=len(DEFAULTED) + 1))
def test_whatever_args_are_sent_are_taken_or_refused_with_a_sentence(args: list[Any]) -> None:
    try:
        request = parse(args, foreground, Tab.TXT2IMG)
    except ICLightError as error:
        assert 10 < len(str(error)) < LONGEST_SENTENCE
    else:
        assert request is None or request.enabled


def test_a_request_cant_be_changed() -> None:
    request = RelightRequest.from_api({})
    for name in FIELDS:
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(request, name, FIELDS[name])


def test_what_was_sent_is_left_as_it_was() -> None:
    sent = {"subject": a_picture_as_base64(), "light": "left"}
    before = copy.deepcopy(sent)
    RelightRequest.from_api(MappingProxyType(sent))
    assert sent == before


# ------------------------------------------------------------------------------------------------ the panel


def test_the_panels_values_are_taken_in_order() -> None:
    picture = a_picture()
    values = [True, "fc", picture, "none", picture, 1.5, 0.5, 0.2, 0.3, 1.5, True, "custom", picture, "image", None]
    values += [
        check_lights("lights", "side; front"),
        0.4,
        0.3,
        0.6,
        0.7,
        2.0,
        "everything",
        0.8,
        "own",
        True,
        True,
        True,
    ]
    sent = {**DEFAULTED, **dict(zip(FIELDS, values, strict=True)), "lights": "side\nfront"}
    request = RelightRequest.from_panel(list(sent.values()), foreground, Tab.TXT2IMG)
    assert [getattr(request, name) for name in FIELDS] == values


def test_the_panel_hides_the_other_kinds_fields() -> None:
    wrong = {**DEFAULTED, "background": "nonsense", "background_image": 5}
    request = RelightRequest.from_panel(list(wrong.values()), foreground, Tab.TXT2IMG)
    assert request.background is Background.IMAGE and request.background_image is None
    request.check_effect(Kind.FOREGROUND, "fc", Tab.TXT2IMG)

    for kind_of, named in ((foreground, {"light": "left"}), (background, {"background": "left"})):
        values = {**DEFAULTED, **named, "lights": "laser"}
        assert RelightRequest.from_panel(list(values.values()), kind_of, Tab.TXT2IMG).lights == ()

    wrong = {**DEFAULTED, "light": "nonsense", "light_map": 5, "light_denoise": "x", "background": "left"}
    request = RelightRequest.from_panel(list(wrong.values()), background, Tab.TXT2IMG)
    assert request.light is Light.NONE and request.background is Background.LEFT
    request.check_effect(Kind.BACKGROUND, "fbc", Tab.TXT2IMG)


@pytest.mark.parametrize(
    ("kind_of", "field"),
    [
        (foreground, "light"),
        (foreground, "light_denoise"),
        (foreground, "subject_scale"),
        (background, "lights"),
        (background, "background"),
        (background, "background_image"),
    ],
)
def test_the_panels_shown_fields_are_checked(kind_of: Any, field: str) -> None:
    with pytest.raises(ICLightError, match=f"{field}|{SETTINGS[field].label}"):
        RelightRequest.from_panel(list({**DEFAULTED, "light": "left", field: 77}.values()), kind_of, Tab.TXT2IMG)


@pytest.mark.parametrize("count", [0, 1, len(DEFAULTED) - 1, len(DEFAULTED) + 1, 4 * len(DEFAULTED)])
def test_the_panels_values_are_counted(count: int) -> None:
    with pytest.raises(ICLightError, match=r"not its panel's.*args"):
        RelightRequest.from_panel((PANEL * 4)[:count], foreground, Tab.TXT2IMG)


def test_the_panels_labels_are_values() -> None:
    """The dropdowns and radios hold what they show."""
    shown = {**DEFAULTED, "cutout": "Nothing: take it as it is", "light": "All around", "detail_transfer": 1}
    shown |= {"detail_area": "Everything"}
    request = RelightRequest.from_panel(list(shown.values()), foreground, Tab.TXT2IMG)
    assert (request.cutout, request.light, request.detail_area) == ("none", Light.AMBIENT, DetailArea.EVERYTHING)
    shown |= {"background": "Mirrored picture"}
    request = RelightRequest.from_panel(list(shown.values()), background, Tab.TXT2IMG)
    assert request.background is Background.MIRRORED


@pytest.mark.parametrize("picture", PICTURES)
@pytest.mark.parametrize(
    ("path", "file"), [("/tmp/gradio/ab/drawing.svg", "drawing.svg"), ("C:\\Temp\\Drawing.SVG", "Drawing.SVG")]
)
def test_a_drawing_is_named(picture: str, path: str, file: str) -> None:
    """The page hands over an SVG's path. Nobody looks whether there is such a file."""
    label = SETTINGS[picture].label
    with pytest.raises(ICLightError, match=rf"^{re.escape(label)} is {file}, an SVG drawing, and no picture"):
        shown = {**DEFAULTED, "light": "custom", picture: path}
        kind_of = background if picture == "background_image" else foreground
        RelightRequest.from_panel(list(shown.values()), kind_of, Tab.TXT2IMG)


@pytest.mark.parametrize("picture", PICTURES)
@pytest.mark.parametrize("text", ["", "none", PAGE], ids=["empty", "word", "page"])
def test_the_panel_never_has_a_picture_as_text(picture: str, text: str) -> None:
    """It is another extension's list, or one that was written for another version of the panel."""
    with pytest.raises(ICLightError) as caught:
        RelightRequest.from_panel(list({**DEFAULTED, picture: text}.values()), foreground, Tab.TXT2IMG)
    assert "args" in str(caught.value) and len(str(caught.value)) < LONGEST_SENTENCE


@pytest.mark.parametrize("nothing", [None, ""])
def test_an_empty_dropdown_is_no_model(nothing: str | None) -> None:
    asked = []

    def kind_of(name: str | None) -> Kind:
        asked.append(name)
        return Kind.FOREGROUND

    request = RelightRequest.from_panel(list({**DEFAULTED, "model": nothing}.values()), kind_of, Tab.TXT2IMG)
    assert request.model is None and asked == [None]


@pytest.mark.parametrize("name", [5, 1.5, ["fc"], {"a": 1}, True])
def test_only_text_is_looked_up_as_a_model(name: Any) -> None:
    def kind_of(name: str | None) -> Kind:
        assert name is None or isinstance(name, str), "a model's name was looked up before it was checked"
        return Kind.FOREGROUND

    with pytest.raises(ICLightError, match="model must be text"):
        RelightRequest.from_panel(list({**DEFAULTED, "model": name}.values()), kind_of, Tab.TXT2IMG)


# ------------------------------------------------------------------------------------------------ parse


@pytest.mark.parametrize("args", [(), [], (False,), (False, "junk", 5), (False, *PANEL[1:]), ({"enabled": False},)])
def test_nothing_is_asked_for(args: Any) -> None:
    assert parse(args, foreground, Tab.TXT2IMG) is None


@pytest.mark.parametrize("values", [{}, MappingProxyType({"light": "left"}), {"enabled": True}])
def test_a_dict_that_is_sent_is_meant(values: Any) -> None:
    request = parse([values], foreground, Tab.TXT2IMG)
    assert request is not None and request.enabled
    assert request.light.value == values.get("light", "none")


def test_a_dict_is_checked_even_if_it_is_disabled() -> None:
    with pytest.raises(ICLightError, match="lihgt"):
        parse([{"enabled": False, "lihgt": "left"}], foreground, Tab.TXT2IMG)


def test_the_panels_values_are_told_by_a_true() -> None:
    assert parse(PANEL, foreground, Tab.TXT2IMG) == RelightRequest.from_panel(PANEL, foreground, Tab.TXT2IMG)


@pytest.mark.parametrize(
    "first", [None, 1, 0, "true", PAGE, [], [True], 0.0, "", b"x"], ids=lambda value: repr(value)[:9]
)
def test_other_args_are_refused_with_an_example(first: Any) -> None:
    with pytest.raises(ICLightError) as caught:
        parse([first, *PANEL[1:]], foreground, Tab.TXT2IMG)
    assert "must be one dict" in str(caught.value) and len(str(caught.value)) < LONGEST_SENTENCE
