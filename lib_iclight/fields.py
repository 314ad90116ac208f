"""The one table of settings: every field of a relight request, with all that anybody has to know about it.

Request, panel, visibility, infotext, README's table and the check "this was asked for and can't take effect" are
derived from it. A new setting is one entry here, and the code that uses its value.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .finish.area import AREA_LABELS, DetailArea
from .finish.in_place import IN_PLACE_LABELS, InPlace
from .foreground.methods import METHODS
from .lights import (
    BACKGROUND_LABELS,
    LIGHT_LABELS,
    NAMED_BACKGROUNDS,
    Background,
    Light,
    Lights,
    LightsSetting,
)
from .pictures import Picture
from .setting_types import Choice, Needs, Number, PictureSetting, Place, Setting, Switch, Tab, Text
from .weights.kind import Kind


def _setting(default: Any, setting: Setting) -> Any:
    """A field of the table below. (Any, as `dataclasses.field` is: the annotation tells the type.)"""
    return dataclasses.field(default=default, metadata={"setting": setting})


_A_LIGHT = Needs(
    ("light", "lights"),
    lambda light, lights: bool(lights) or light is not Light.NONE,
    "without a light",
    "choose a light, or give lights",
)
_NO_NAMED_LIGHT = Needs(
    ("light",),
    lambda light: light in (Light.NONE, Light.CUSTOM),
    "beside a light that is chosen by its side",
    "set light to none, or to custom to add the lights to a light map",
)
_NO_NAMED_BACKGROUND = Needs(
    ("background",),
    lambda background: background not in NAMED_BACKGROUNDS,
    "on a background that is plain and lit from one side",
    "set background to image, mirrored or own to light a picture, or to lights for the lights alone",
)
_OWN_LIGHT = Needs(("light",), lambda light: light is Light.CUSTOM, "with another light than custom", "choose custom")
_A_PICTURE = Needs(
    ("background",),
    lambda background: background in (Background.IMAGE, Background.MIRRORED),
    "with another background than image or mirrored",
    "choose one of these",
)
_DETAILS = Needs(
    ("detail_transfer",), lambda details: details > 0, "while detail_transfer is 0", "raise detail_transfer"
)
_A_FINISH = Needs(
    ("detail_transfer", "colour_keep", "in_place", "full_size"),
    lambda details, colours, in_place, full_size: (
        details > 0 or colours > 0 or in_place is not InPlace.OFF or full_size
    ),
    "while nothing is done to the results",
    "raise detail_transfer or colour_keep, or set in_place or full_size",
)
_OF_SHORTER_SIDE = "In percent of the picture's shorter side."


@dataclass(frozen=True)
class RelightFields:
    """All settings, in the panel's order.

    A dataclass, and no model of pydantic: each setting checks its own values, and hosts have pydantic 1 or 2.
    """

    enabled: bool = _setting(
        True, Switch("IC Light", "Relight at all. A request that is sent over the API is meant.", in_infotext=False)
    )
    model: str | None = _setting(
        None,
        Text("Model", "A file's name in one of the models' folders. Left out, the first that sees only the subject."),
    )
    subject: Picture | None = _setting(
        None,
        PictureSetting(
            "Subject",
            "What is relit. In img2img, left out, the tab's own picture.",
            place=Place.SUBJECT,
            img2img_label="Subject (empty: the tab's picture)",
        ),
    )
    cutout: str = _setting(
        "auto",
        Choice(
            "Cut out by",
            "What tells the subject from its background. A picture that is transparent around its subject needs none.",
            place=Place.SUBJECT,
            labels={name: method.label for name, method in METHODS.items()},
            is_long=True,
        ),
    )
    mask: Picture | None = _setting(
        None,
        PictureSetting(
            "Mask (painted, or a file)",
            "Painted over the cut-out: white adds, black takes away, transparent leaves it as it is.",
            place=Place.EDGE,
        ),
    )
    edge_shift: float = _setting(
        0.0,
        Number(
            "Grow (or shrink) the edge, %",
            f"Above 0 the cut-out grows, below it shrinks. {_OF_SHORTER_SIDE}",
            place=Place.EDGE,
            low=-5.0,
            high=5.0,
            step=0.1,
            unit=" %",
        ),
    )
    edge_feather: float = _setting(
        0.0,
        Number(
            "Feather the edge, %",
            f"Softens the cut-out's edge. {_OF_SHORTER_SIDE}",
            place=Place.EDGE,
            high=5.0,
            step=0.1,
            unit=" %",
        ),
    )
    subject_x: float = _setting(
        0.5,
        Number(
            "Subject from the left",
            "The middle of its picture: 0 is the frame's left edge, 1 its right one.",
            place=Place.FRAME,
            quiet_default=True,
            low=-1.0,
            high=2.0,
            step=0.01,
        ),
    )
    subject_y: float = _setting(
        0.5,
        Number(
            "Subject from the top",
            "The middle of its picture: 0 is the frame's upper edge, 1 its lower one.",
            place=Place.FRAME,
            quiet_default=True,
            low=-1.0,
            high=2.0,
            step=0.01,
        ),
    )
    subject_scale: float = _setting(
        1.0,
        Number(
            "Subject's scale",
            "1 just covers the frame with its picture.",
            place=Place.FRAME,
            quiet_default=True,
            low=0.05,
            high=4.0,
            step=0.01,
        ),
    )
    subject_mirrored: bool = _setting(
        False, Switch("Mirror the subject", "Exchanges its left and right.", place=Place.FRAME)
    )
    light: Light = _setting(
        Light.NONE,
        Choice(
            "Light comes from",
            "What the picture starts from: bright where the light comes from. "
            'Beside "Prompt only", lights that are added below are used.',
            place=Place.LIGHT,
            kind=Kind.FOREGROUND,
            labels=LIGHT_LABELS,
            enum=Light,
        ),
    )
    light_map: Picture | None = _setting(
        None,
        PictureSetting(
            "Light map",
            "The light itself, bright where it comes from. In img2img with a subject, left out, the tab's picture.",
            place=Place.LIGHT,
            kind=Kind.FOREGROUND,
            needs=(_OWN_LIGHT,),
            img2img_label="Light map (empty: the tab's picture)",
        ),
    )
    background: Background = _setting(
        Background.IMAGE,
        Choice(
            "Background",
            "A picture, what is around the subject in its own, or a plain wall, bright on one side.",
            place=Place.BACKGROUND,
            kind=Kind.BACKGROUND,
            labels=BACKGROUND_LABELS,
            enum=Background,
        ),
    )
    background_image: Picture | None = _setting(
        None,
        PictureSetting(
            "Background picture",
            "What the subject stands in and is lit by.",
            place=Place.BACKGROUND,
            kind=Kind.BACKGROUND,
            needs=(_A_PICTURE,),
        ),
    )
    lights: Lights = _setting(
        (),
        LightsSetting(
            "Lights",
            "Side, spot, front or ambient, then pairs such as angle 315, brightness 0.8, softness 0.5, "
            "colour #ffcc88 or 3200K; the next on a new line or after a semicolon. With a model that looks at a "
            "background they shine on that.",
            place=Place.LIGHTS,
            needs=(_NO_NAMED_LIGHT, _NO_NAMED_BACKGROUND),
        ),
    )
    light_denoise: float = _setting(
        0.9,
        Number(
            "Light denoise",
            "Lower follows the light more, 1 nearly forgets it. Colours take 0.4 to 0.7.",
            place=Place.LIGHT,
            kind=Kind.FOREGROUND,
            tab=Tab.TXT2IMG,  # in img2img the tab's denoising strength says it
            needs=(_A_LIGHT,),
            low=0.1,
            step=0.01,
        ),
    )
    reinforce_foreground: float = _setting(
        0.0,
        Number(
            "Reinforce foreground",
            "How much of the subject lies over the light that the picture starts from.",
            place=Place.LIGHT,
            kind=Kind.FOREGROUND,
            needs=(_A_LIGHT,),
        ),
    )
    strength: float = _setting(
        1.0, Number("Strength", "Factor on IC-Light's weights.", place=Place.BOTTOM, low=0.05, high=1.5)
    )
    detail_transfer: float = _setting(
        0.0,
        Number(
            "Detail transfer",
            "Gives back fine detail, such as letters and faces, that diffusion repainted.",
            place=Place.FINISH,
        ),
    )
    detail_radius: float = _setting(
        1.0,
        Number(
            "Detail radius",
            "What is smaller is a detail, in percent of the picture's shorter side.",
            place=Place.FINISH,
            needs=(_DETAILS,),
            low=0.2,
            high=5.0,
            step=0.1,
            unit=" %",
        ),
    )
    detail_area: DetailArea = _setting(
        DetailArea.SUBJECT,
        Choice(
            "Details of",
            "Where details are given back.",
            place=Place.FINISH,
            needs=(_DETAILS,),
            labels=AREA_LABELS,
            enum=DetailArea,
        ),
    )
    colour_keep: float = _setting(
        0.0,
        Number(
            "Colour keep", "Gives back the subject's own hue and saturation under the new light.", place=Place.FINISH
        ),
    )
    in_place: InPlace = _setting(
        InPlace.OFF,
        Choice(
            "Background of the result",
            "What the relit subject is laid over: nothing but the subject is changed then.",
            place=Place.FINISH,
            quiet_default=True,
            labels=IN_PLACE_LABELS,
            enum=InPlace,
        ),
    )
    full_size: bool = _setting(
        False,
        Switch(
            "Full size",
            "The result at the resolution of the subject's picture: the new light on all that the photo shows.",
            place=Place.FINISH,
        ),
    )
    show_subject: bool = _setting(
        False,
        Switch(
            "Show the subject as the model sees it",
            "Adds the subject, as the model sees it, behind the results.",
            place=Place.BOTTOM,
            in_infotext=False,
        ),
    )
    show_untouched: bool = _setting(
        False,
        Switch(
            "Show the pictures without detail and colour given back as well",
            "Adds them behind the results.",
            place=Place.FINISH,
            needs=(_A_FINISH,),
            in_infotext=False,
        ),
    )


SETTINGS: Mapping[str, Setting] = {each.name: each.metadata["setting"] for each in dataclasses.fields(RelightFields)}
"""Every setting by its field's name, in the panel's order."""

DEFAULTS: Mapping[str, Any] = {each.name: each.default for each in dataclasses.fields(RelightFields)}


def takes_effect(name: str, values: Mapping[str, Any], kind: Kind, tab: Tab) -> bool:
    """Whether a setting can change anything beside the others.

    :param values: checked values by name; what is left out has its default.
    """
    return obstacle(name, values, kind, tab) is None


def obstacle(name: str, values: Mapping[str, Any], kind: Kind, tab: Tab, model: str = "the model") -> str | None:
    """Why a setting can't change anything beside the others, with what to do; None: it can.

    :param values: checked values by name; what is left out has its default.
    :param model: the model's file name.
    :returns: as in `without a light: choose a light`.
    """
    setting = SETTINGS[name]
    if setting.kind not in (None, kind):
        return f"with {model}, which looks at the {kind.value}: choose a model that looks at the {setting.kind.value}"
    if setting.tab not in (None, tab):
        return f"in {tab.value}: use it in {setting.tab.value}"
    for need in setting.needs:
        if not need.is_met(*(values.get(each, DEFAULTS[each]) for each in need.settings)):
            return f"{need.otherwise}: {need.remedy}"
    return None
