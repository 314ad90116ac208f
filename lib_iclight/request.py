"""What is asked for: the one place where input is checked, and where panel, API and infotext get their names from."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any

# The models of pydantic 1 are the one thing that every host has: pydantic 2 carries them as `pydantic.v1`.
try:
    from pydantic.v1 import BaseModel, Extra, Field, StrictBool, StrictStr, ValidationError, validator
except ImportError:
    from pydantic import BaseModel, Extra, Field, StrictBool, StrictStr, ValidationError, validator

from .errors import ICLightError
from .finish.area import DetailArea
from .foreground.methods import METHODS
from .light import Background, Light
from .pictures import Picture
from .weights.kind import Kind

_NUMBERS = (
    "edge_shift",
    "edge_feather",
    "light_denoise",
    "reinforce_foreground",
    "strength",
    "detail_transfer",
    "detail_radius",
    "colour_keep",
)
_CHOICES = ("cutout", "light", "background", "detail_area")
_PICTURES = ("subject", "mask", "light_map", "background_image")
_FIELDS_OF = {
    Kind.FOREGROUND: ("light", "light_map", "light_denoise", "reinforce_foreground"),
    Kind.BACKGROUND: ("background", "background_image"),
}


class RelightRequest(BaseModel):
    """One relight, as asked for by the panel or over the API. The fields' order is the panel's."""

    enabled: StrictBool = True
    """Relight at all. The panel's checkbox; over the API a request that is sent is meant."""

    model: StrictStr | None = None
    """File name of the IC-Light model in `models/ic-light`; None takes the first that sees only the subject."""

    subject: Picture | None = None
    """What is to be relit; in img2img None takes the tab's picture."""

    cutout: str = "auto"
    """How the subject is cut out where it has no transparency of its own."""

    mask: Picture | None = None
    """Painted over the cut-out: white adds, black takes away, transparent leaves it as it is."""

    edge_shift: float = Field(0.0, ge=-5.0, le=5.0)
    """Grows the cut-out, or shrinks it, by percent of its picture's shorter side."""

    edge_feather: float = Field(0.0, ge=0.0, le=5.0)
    """Softens the cut-out's edge, by percent of its picture's shorter side."""

    light: Light = Light.NONE
    """Where the light comes from, for models that see only the subject."""

    light_map: Picture | None = None
    """The light itself, bright where it comes from, for `light` custom; in img2img None takes the tab's picture."""

    light_denoise: float = Field(0.9, ge=0.1, le=1.0)
    """Share of the schedule that txt2img's light pass runs: lower follows the light map more."""

    reinforce_foreground: float = Field(0.0, ge=0.0, le=1.0)
    """How much of the subject is laid over the light that the pass starts from."""

    background: Background = Background.IMAGE
    """What the subject stands in, for models that see a background."""

    background_image: Picture | None = None
    """The background's picture, for `background` image and mirrored."""

    strength: float = Field(1.0, ge=0.05, le=1.5)
    """Factor on the weight differences."""

    detail_transfer: float = Field(0.0, ge=0.0, le=1.0)
    """How much of the original's fine detail is given back to the result."""

    detail_radius: float = Field(1.0, ge=0.2, le=5.0)
    """Up to which size something is a detail, in percent of the result's shorter side."""

    detail_area: DetailArea = DetailArea.SUBJECT
    """Where details are given back."""

    colour_keep: float = Field(0.0, ge=0.0, le=1.0)
    """How much of the subject's own hue and saturation is given back under the new light."""

    show_subject: StrictBool = False
    """Show the subject as the model sees it among the results."""

    show_untouched: StrictBool = False
    """Show the results as they were before details and colours were given back as well."""

    class Config:
        extra = Extra.forbid
        allow_mutation = False
        arbitrary_types_allowed = True

    @validator(*_NUMBERS, pre=True)
    def _is_number(cls, value: Any, field: Any) -> Any:  # noqa: N805
        # bool is an int in Python, pydantic would take numbers as text, and NaN lies in no range
        low, high = limits(field.name)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
            raise ValueError(f"{field.name} must be a number from {low:g} to {high:g}, not {_shown(value)}.")
        return value

    @validator(*_CHOICES, pre=True)
    def _is_choice(cls, value: Any, field: Any) -> Any:  # noqa: N805
        choices = list(METHODS) if field.name == "cutout" else [each.value for each in field.type_]
        if not isinstance(value, str) or value not in choices:
            raise ValueError(f"{field.name} must be one of {', '.join(choices)}, not {_shown(value)}.")
        return value

    @validator(*_PICTURES, pre=True)
    def _is_picture(cls, value: Any, field: Any) -> Any:  # noqa: N805
        return None if value is None else Picture.from_value(value, field.name)

    @classmethod
    def from_api(cls, values: Mapping[str, Any]) -> RelightRequest:
        """Check a request's values, named as the fields are.

        :raises ICLightError: for the first field that is unknown, of the wrong type or out of range.
        """
        try:
            return cls(**values)
        except ValidationError as error:
            raise ICLightError(_sentence(error.errors()[0], values)) from error
        except TypeError as error:
            raise ICLightError("The names of IC Light's settings must be text.") from error

    @classmethod
    def from_panel(cls, values: Sequence[Any], kind_of: Callable[[str | None], Kind]) -> RelightRequest:
        """Check the panel's values, in the fields' order.

        :param kind_of: tells a model's kind; the panel hides the other kind's fields, so they are left out.
        :raises ICLightError: as :meth:`from_api`, or the number of values is not the panel's.
        """
        named = dict(zip(cls.__fields__, values, strict=False))
        if len(values) != len(cls.__fields__) or any(isinstance(named[picture], str) for picture in _PICTURES):
            raise ICLightError(
                "IC Light got a list of values that is not its panel's. "
                'Over the API, send one dict: {"args": [{"subject": "…", "light": "left"}]}.'
            )
        named["model"] = named["model"] or None
        kind = kind_of(cls.from_api({"model": named["model"]}).model)
        hidden = {field for other, fields in _FIELDS_OF.items() if other is not kind for field in fields}
        if named["light"] == Light.NONE.value:
            hidden.add("reinforce_foreground")
        return cls.from_api({name: value for name, value in named.items() if name not in hidden})

    def check_kind(self, kind: Kind, model: str) -> None:
        """Refuse what the chosen model can't look at.

        :param model: the model's file name, for the sentence.
        :raises ICLightError: fields of the other kind were set, or a light or background that another needs is missing.
        """
        for other, fields in _FIELDS_OF.items():
            misplaced = [field for field in fields if field in self.__fields_set__ and other is not kind]
            if misplaced:
                raise ICLightError(
                    f"{misplaced[0]} doesn't go with {model}, which looks at the {kind.value}: "
                    f"leave it out, or choose a model that looks at the {other.value}."
                )
        if self.reinforce_foreground and self.light is Light.NONE:
            raise ICLightError(
                "reinforce_foreground lays the subject over the light that the pass starts from: choose a light, "
                "or set it to 0."
            )
        needs_picture = kind is Kind.BACKGROUND and self.background in (Background.IMAGE, Background.MIRRORED)
        if needs_picture and self.background_image is None:
            raise ICLightError(
                f"{model} needs a background: give a picture in background_image, "
                "or set background to left, right, top, bottom or ambient."
            )


def parse(args: Sequence[Any], kind_of: Callable[[str | None], Kind]) -> RelightRequest | None:
    """What a script's arguments ask for: the panel's values, or one dict from the API.

    :returns: None where no relight is asked for.
    :raises ICLightError: as :meth:`RelightRequest.from_api`.
    """
    if not args or args[0] is False:
        return None
    if isinstance(args[0], Mapping):
        request = RelightRequest.from_api(args[0])
        return request if request.enabled else None
    if args[0] is True:
        return RelightRequest.from_panel(args, kind_of)
    raise ICLightError(
        'IC Light\'s args must be one dict, as in {"args": [{"subject": "…", "light": "left"}]}. '
        f"The first is {_shown(args[0])}."
    )


INFOTEXT_SETTINGS = (
    "model",
    "strength",
    "cutout",
    "edge_shift",
    "edge_feather",
    "light",
    "light_denoise",
    "reinforce_foreground",
    "background",
    "detail_transfer",
    "detail_radius",
    "detail_area",
    "colour_keep",
)
"""The fields that a picture's infotext can tell."""


def infotext(request: RelightRequest, kind: Kind, model: str, starts_from_light: bool) -> dict[str, Any]:
    """The settings in effect, by their names in a picture's infotext.

    :param model: the model's file name.
    :param starts_from_light: the pass starts from a light at `light_denoise`.
    """
    without = {field for other, fields in _FIELDS_OF.items() if other is not kind for field in fields}
    if not starts_from_light:
        without.add("light_denoise")
    if not request.detail_transfer:
        without |= {"detail_radius", "detail_area"}
    values = request.dict(include=set(INFOTEXT_SETTINGS) - without) | {"model": model}
    return {
        infotext_name(field): value.value if isinstance(value, Enum) else value
        for field in INFOTEXT_SETTINGS
        if (value := values.get(field)) is not None and not (field in OFF_BY_DEFAULT and value == 0)
    }


OFF_BY_DEFAULT = ("edge_shift", "edge_feather", "reinforce_foreground", "detail_transfer", "colour_keep")
"""Told only where they do something. Pasting a picture's settings sets the others back to nothing."""


INFOTEXT_PREFIX = "IC-Light "


def infotext_name(field: str) -> str:
    """A field's name in infotext: `light_denoise` is `IC-Light light denoise`."""
    return INFOTEXT_PREFIX + field.replace("_", " ")


def limits(field: str) -> tuple[float, float]:
    """The range of a number field, both ends included."""
    info = RelightRequest.__fields__[field].field_info
    return info.ge, info.le


def _shown(value: Any) -> str:
    """A value in a sentence: what JSON calls it, and never a page of base64."""
    text = {None: "null", True: "true", False: "false"}.get(value) if isinstance(value, (bool, type(None))) else None
    text = text or repr(value)
    return text if len(text) <= 40 else f"{text[:40]}…"


def _sentence(error: Mapping[str, Any], values: Mapping[str, Any]) -> str:
    name = str(error["loc"][0])
    if error["type"] == "value_error.extra":
        near = difflib.get_close_matches(name, RelightRequest.__fields__, n=1)
        hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(RelightRequest.__fields__)}."
        return f"IC Light has no setting {_shown(name)}: {hint}"
    if error["type"].startswith("value_error.strictbool"):
        return f"{name} must be true or false, not {_shown(values[name])}."
    if error["type"].startswith("type_error.str"):
        return f"{name} must be text, not {_shown(values[name])}."
    if error["type"].startswith("type_error.none"):
        return f"{name} can't be null: leave it out for its default."
    return str(error["msg"])
