"""What a setting is: the types that the table in `fields.py` is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple

from .pictures import Picture
from .weights.kind import Kind


class Tab(str, Enum):
    """Which of the web UI's tabs generates."""

    TXT2IMG = "txt2img"
    IMG2IMG = "img2img"


class Place(Enum):
    """Where in the panel a setting stands."""

    TOP = "top"
    SUBJECT = "subject"
    EDGE = "edge"
    FRAME = "frame"
    LIGHT = "light"
    BACKGROUND = "background"
    LIGHTS = "lights"
    FINISH = "finish"
    BOTTOM = "bottom"


class Needs(NamedTuple):
    """What other settings have to be for a setting to take effect."""

    settings: tuple[str, ...]
    """The other settings' names."""

    is_met: Callable[..., bool]
    """Tells from their values, in that order."""

    otherwise: str
    """When it has no effect, as in "has no effect without a light"."""

    remedy: str
    """What to do then, as in "choose a light"."""


@dataclass(frozen=True)
class Setting:
    """What the panel, the API and infotext know of a field. Subclasses know its type."""

    label: str
    """Its name in the panel. Saved defaults are found by it, so it is unique and stays the same."""

    help: str = ""
    """For the panel and README, in a photographer's words."""

    place: Place = Place.TOP

    kind: Kind | None = None
    """The kind of model that it goes with; None: both."""

    tab: Tab | None = None
    """The tab that it takes effect in; None: both."""

    needs: tuple[Needs, ...] = ()
    """All of these have to hold for it to take effect."""

    in_infotext: bool = True
    """Whether a picture's infotext tells it, where it differs from its default."""

    quiet_default: bool = False
    """Whether infotext leaves it out at its default: there it does nothing."""

    img2img_label: str | None = None
    """Its label in the img2img tab, where that is another one."""

    def check(self, name: str, value: Any) -> Any:
        """The value as the request holds it.

        :raises ValueError: with a sentence, for whatever JSON, or the panel, may send instead.
        """
        raise NotImplementedError

    def from_panel(self, value: Any) -> Any:
        """A value of its component in the panel, as :meth:`check` takes it."""
        return value

    def to_panel(self, value: Any) -> Any:
        """The other way round."""
        return value

    def to_infotext(self, value: Any) -> Any:
        """How infotext has a checked value: a number, or text."""
        return value

    def from_infotext(self, text: str) -> Any:
        """What infotext tells, as :meth:`check` takes it.

        :raises ValueError: it is damaged.
        """
        return text

    def describe(self) -> str:
        """What may be sent over the API, for README."""
        raise NotImplementedError


class Switch(Setting):
    """On or off."""

    def check(self, name: str, value: Any) -> bool:
        if not isinstance(value, bool):
            raise ValueError(f"{name} must be true or false, not {quoted(value)}.")
        return value

    def from_infotext(self, text: str) -> bool:
        return text == "True"

    def describe(self) -> str:
        return "`true` or `false`"


class Text(Setting):
    """A few words, or None."""

    def check(self, name: str, value: Any) -> str | None:
        if not isinstance(value, (str, type(None))):
            raise ValueError(f"{name} must be text, not {quoted(value)}.")
        return value

    def from_panel(self, value: Any) -> Any:
        return value or None  # an empty dropdown is either

    def describe(self) -> str:
        return "text"


@dataclass(frozen=True)
class Number(Setting):
    """A number in a range, both ends included."""

    low: float = 0.0
    high: float = 1.0
    step: float = 0.05
    """Of the panel's slider."""

    unit: str = ""

    def check(self, name: str, value: Any) -> float:
        # bool is an int in Python, and NaN lies in no range
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not self.low <= value <= self.high:
            raise ValueError(f"{name} must be a number from {self.low:g} to {self.high:g}, not {quoted(value)}.")
        return float(value)

    def from_infotext(self, text: str) -> float:
        return float(text)

    def describe(self) -> str:
        return f"{self.low:g} to {self.high:g}{self.unit}"


@dataclass(frozen=True)
class Choice(Setting):
    """One of several values. The panel holds their labels.

    Its components' values are the labels themselves: Forge compares saved defaults with labels, and gradio 3 knows no
    dropdown whose labels are not its values.
    """

    labels: Mapping[str, str] = field(default_factory=dict)
    """For each value its label, in the panel's order."""

    enum: type[Enum] | None = None
    """What the request holds; None: the value as text."""

    is_long: bool = False
    """Shown as a dropdown instead of side by side."""

    def check(self, name: str, value: Any) -> Any:
        if not isinstance(value, str) or value not in self.labels:
            raise ValueError(f"{name} must be one of {', '.join(self.labels)}, not {quoted(value)}.")
        return value if self.enum is None else self.enum(value)

    def from_panel(self, value: Any) -> Any:
        return next((each for each, label in self.labels.items() if label == value), value)

    def to_panel(self, value: Any) -> Any:
        return self.labels[value]

    def to_infotext(self, value: Any) -> str:
        return value.value if isinstance(value, Enum) else value

    def describe(self) -> str:
        return "a name from its list" if self.is_long else ", ".join(f"`{value}`" for value in self.labels)


@dataclass(frozen=True)
class PictureSetting(Setting):
    """A picture, or None."""

    in_infotext: bool = False

    def check(self, name: str, value: Any) -> Picture | None:
        return None if value is None else Picture.from_value(value, name)

    def from_panel(self, value: Any) -> Picture | None:
        return None if value is None else Picture.from_panel(value, self.label)

    def describe(self) -> str:
        return "picture, base64"


def quoted(value: Any, longest: int = 40) -> str:
    """A value in a sentence: what JSON calls it, and never a page of base64."""
    text = {None: "null", True: "true", False: "false"}.get(value) if isinstance(value, (bool, type(None))) else None
    text = text or repr(value)
    return text if len(text) <= longest else f"{text[:longest]}…"
