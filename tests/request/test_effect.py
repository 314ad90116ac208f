"""What was asked for and can't take effect is refused, and what lacks a picture."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lib_iclight.errors import ICLightError
from lib_iclight.fields import DEFAULTS, SETTINGS
from lib_iclight.pictures import Picture
from lib_iclight.request import RelightRequest
from lib_iclight.setting_types import Tab
from lib_iclight.weights.kind import Kind

PICTURE = Picture(np.full((4, 6, 3), 9, np.uint8))
FC, FBC = Kind.FOREGROUND, Kind.BACKGROUND

NO_EFFECT = [
    ("light_map", {"light_map": PICTURE}, FC, "another light than custom"),
    ("light_map", {"light_map": PICTURE, "light": "left"}, FC, "another light than custom"),
    ("light_denoise", {"light_denoise": 0.5}, FC, "without a light"),
    ("reinforce_foreground", {"reinforce_foreground": 0.5}, FC, "choose a light"),
    ("background_image", {"background": "left", "background_image": PICTURE}, FBC, "than image or mirrored"),
    ("background_image", {"background": "ambient", "background_image": PICTURE}, FBC, "than image or mirrored"),
    ("background_image", {"background": "own", "background_image": PICTURE}, FBC, "than image or mirrored"),
    ("lights", {"light": "left", "lights": "noon"}, FC, "beside a light that is chosen by its side"),
    ("lights", {"light": "ambient", "lights": "noon"}, FC, "set light to none"),
    ("lights", {"background": "left", "lights": "noon"}, FBC, "plain and lit from one side"),
    ("lights", {"background": "ambient", "lights": "side"}, FBC, "set background to image"),
    ("light_denoise", {"background": "lights", "lights": "noon", "light_denoise": 0.5}, FBC, "at the foreground,"),
    ("detail_radius", {"detail_radius": 2}, FC, "raise detail_transfer"),
    ("detail_area", {"detail_area": "everything"}, FC, "raise detail_transfer"),
    ("show_untouched", {"show_untouched": True}, FC, "while nothing is done to the results"),
    ("light", {"light": "left", "background": "left"}, FBC, "looks at the foreground and background"),
    ("light_map", {"light_map": PICTURE, "background": "left"}, FBC, "model that looks at the foreground,"),
    ("light_denoise", {"light_denoise": 0.5, "background": "left"}, FBC, "model that looks at the foreground,"),
    ("reinforce_foreground", {"reinforce_foreground": 1, "background": "left"}, FBC, "model that looks at the foreg"),
    ("background", {"background": "left"}, FC, "model that looks at the foreground and background"),
    ("background_image", {"background_image": PICTURE}, FC, "model that looks at the foreground and background"),
]
"""Setting, request, model, and a part of the sentence."""


def refusal(values: dict[str, Any], kind: Kind, tab: Tab = Tab.TXT2IMG) -> str:
    with pytest.raises(ICLightError) as caught:
        RelightRequest.from_api(values).check_effect(kind, "this.safetensors", tab)
    return str(caught.value)


@pytest.mark.parametrize(("setting", "values", "kind", "says"), NO_EFFECT)
@pytest.mark.parametrize("tab", Tab)
def test_what_cant_take_effect_is_refused(
    setting: str, values: dict[str, Any], kind: Kind, says: str, tab: Tab
) -> None:
    if (setting, tab) == ("light_denoise", Tab.IMG2IMG):
        says = "in img2img" if kind is FC else says
    sentence = refusal(values, kind, tab)
    assert sentence.startswith(f"{setting} has no effect ") and says in sentence
    assert sentence.endswith(f"or leave {setting} out.") and len(sentence) < 300


def test_light_denoise_is_not_img2imgs() -> None:
    request = RelightRequest.from_api({"light": "left", "light_denoise": 0.5})
    request.check_effect(FC, "fc", Tab.TXT2IMG)
    assert refusal({"light": "left", "light_denoise": 0.5}, FC, Tab.IMG2IMG).startswith(
        "light_denoise has no effect in img2img"
    )


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ({"light": "custom", "light_map": PICTURE, "light_denoise": 0.5, "reinforce_foreground": 1}, FC),
        ({"background": "mirrored", "background_image": PICTURE}, FBC),
        ({"background": "mirrored", "background_image": PICTURE, "lights": "noon"}, FBC),
        ({"background": "own", "lights": "noon", "subject_x": 0}, FBC),
        ({"background": "lights", "lights": "noon"}, FBC),
        ({"lights": "noon", "light_denoise": 0.5, "reinforce_foreground": 1, "subject_mirrored": True}, FC),
        ({"light": "custom", "light_map": PICTURE, "lights": "noon"}, FC),
        ({"detail_transfer": 0.1, "detail_radius": 2, "detail_area": "everything", "show_untouched": True}, FC),
        ({"colour_keep": 0.1, "show_untouched": True}, FBC),
        ({"in_place": "own", "show_untouched": True}, FC),
    ],
)
def test_what_takes_effect_is_taken(values: dict[str, Any], kind: Kind) -> None:
    RelightRequest.from_api(values).check_effect(kind, "this", Tab.TXT2IMG)


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("tab", Tab)
def test_defaults_may_always_be_sent(kind: Kind, tab: Tab) -> None:
    """Some clients send every setting that they know."""
    every = {name: getattr(value, "value", value) for name, value in DEFAULTS.items()}
    RelightRequest.from_api(every).check_effect(kind, "this", tab)


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("tab", Tab)
def test_the_panel_leaves_out_what_it_hides(kind: Kind, tab: Tab) -> None:
    """Values of hidden components stay in the page, and are nobody's wish."""
    values = {name: DEFAULTS[name] for name in SETTINGS}
    values |= {"enabled": True, "light_map": PICTURE, "light_denoise": 0.5, "reinforce_foreground": 0.5}
    values |= {"background": "left", "background_image": PICTURE, "detail_radius": 2, "show_untouched": True}
    request = RelightRequest.from_panel(list(values.values()), lambda name: kind, tab)
    request.check_effect(kind, "this", tab)
    assert request.background.value == ("left" if kind is FBC else "image")
    assert request.detail_radius == 1 and not request.show_untouched and request.light_map is None


@pytest.mark.parametrize("choice", ["image", "mirrored", "own", "left", "right", "top", "bottom", "ambient"])
def test_a_background_model_needs_a_background(choice: str) -> None:
    subject = {"subject": PICTURE, "background": choice}
    bare = RelightRequest.from_api(subject)
    if choice in ("image", "mirrored"):
        with pytest.raises(ICLightError, match=r"^fbc needs a background.*background_image"):
            bare.check_complete(FBC, "fbc", Tab.TXT2IMG)
    else:
        bare.check_complete(FBC, "fbc", Tab.TXT2IMG)
    RelightRequest.from_api({**subject, "background_image": PICTURE}).check_complete(FBC, "fbc", Tab.TXT2IMG)


@pytest.mark.parametrize(
    ("values", "tab", "says"),
    [
        ({}, Tab.TXT2IMG, "no subject"),
        ({"light": "custom", "subject": PICTURE}, Tab.TXT2IMG, "light_map"),
        ({"light": "custom", "subject": PICTURE, "lights": "noon"}, Tab.TXT2IMG, "light_map"),
        ({"light": "custom"}, Tab.IMG2IMG, "light_map"),
        ({}, Tab.IMG2IMG, None),
        ({"subject": PICTURE}, Tab.TXT2IMG, None),
        ({"light": "custom", "subject": PICTURE}, Tab.IMG2IMG, None),
        ({"light": "custom", "light_map": PICTURE}, Tab.IMG2IMG, None),
    ],
)
def test_pictures_that_nothing_stands_in_for(values: dict[str, Any], tab: Tab, says: str | None) -> None:
    request = RelightRequest.from_api(values)
    if says is None:
        request.check_complete(FC, "fc", tab)
        return
    with pytest.raises(ICLightError, match=says):
        request.check_complete(FC, "fc", tab)


def test_lights_alone_need_some() -> None:
    request = RelightRequest.from_api({"subject": PICTURE, "background": "lights"})
    with pytest.raises(ICLightError, match="background lights needs some: give them in lights"):
        request.check_complete(FBC, "fbc", Tab.TXT2IMG)


def test_a_background_that_the_model_doesnt_have_is_not_laid_under() -> None:
    request = RelightRequest.from_api({"subject": PICTURE, "in_place": "background"})
    with pytest.raises(ICLightError, match="in_place background needs a model that looks at a background"):
        request.check_complete(FC, "fc", Tab.TXT2IMG)
