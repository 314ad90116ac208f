"""What is asked for: the one place where input is checked, by the table in `fields.py`."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .errors import ICLightError
from .fields import DEFAULTS, SETTINGS, RelightFields, obstacle, takes_effect
from .finish.in_place import InPlace
from .lights import Background, Light
from .setting_types import PictureSetting, Tab, quoted
from .weights.kind import Kind


class RelightRequest(RelightFields):
    """One relight, as asked for by the panel or over the API."""

    @classmethod
    def from_api(cls, values: Mapping[str, Any]) -> RelightRequest:
        """Check a request's values, named as the fields are.

        :raises ICLightError: for the first field of the wrong type or out of range, or for one that is unknown.
        """
        if not all(isinstance(name, str) for name in values):
            raise ICLightError("The names of IC Light's settings must be text.")
        try:
            checked = {name: setting.check(name, values[name]) for name, setting in SETTINGS.items() if name in values}
        except ValueError as error:
            raise ICLightError(str(error)) from error
        for name in values:
            if name not in SETTINGS:
                raise ICLightError(_describe_unknown(name))
        return cls(**checked)

    @property
    def values(self) -> dict[str, Any]:
        """All settings' values by name."""
        return {name: getattr(self, name) for name in SETTINGS}

    @classmethod
    def from_panel(cls, values: Sequence[Any], kind_of: Callable[[str | None], Kind], tab: Tab) -> RelightRequest:
        """Check the panel's values, in the fields' order.

        What can't take effect is hidden in the panel, so it is left out here.

        :param kind_of: tells a model's kind.
        :raises ICLightError: as :meth:`from_api`, or the number of values is not the panel's.
        """
        named = dict(zip(SETTINGS, values, strict=False))
        if len(values) != len(SETTINGS) or any(_is_foreign(name, value) for name, value in named.items()):
            raise ICLightError(_NOT_THE_PANELS)
        kind = kind_of(cls.from_api({"model": SETTINGS["model"].from_panel(named["model"])}).model)
        asked: dict[str, Any] = {}
        checked: dict[str, Any] = {}
        for name, value in named.items():  # settings that others depend on come before them
            if takes_effect(name, checked, kind, tab):
                asked[name] = SETTINGS[name].from_panel(value)  # once: a picture is decoded here
                checked[name] = getattr(cls.from_api({name: asked[name]}), name)
        return cls.from_api(asked)

    def check_effect(self, kind: Kind, model: str, tab: Tab) -> None:
        """Refuse what can't take effect.

        A setting that has its default asks for nothing, so it may always be sent.

        :param kind: what the chosen model looks at.
        :param model: its file name, for the sentence.
        :raises ICLightError: for the first such setting.
        """
        values = self.values
        for name in SETTINGS:
            if values[name] == DEFAULTS[name]:
                continue
            reason = obstacle(name, values, kind, tab, model)
            if reason is not None:
                raise ICLightError(f"{name} has no effect {reason}, or leave {name} out.")

    def check_complete(self, kind: Kind, model: str, tab: Tab) -> None:
        """Refuse a request that lacks a picture for which nothing else can stand in.

        :raises ICLightError: for the first that is missing.
        """
        if self.subject is None and tab is not Tab.IMG2IMG:
            raise ICLightError("There is no subject: give IC Light a picture as its subject.")
        has_tab_picture = tab is Tab.IMG2IMG and self.subject is not None
        if self.light is Light.CUSTOM and self.light_map is None and not has_tab_picture:
            raise ICLightError(
                "light custom needs a picture in light_map; in img2img the tab's picture can be the light map, "
                "with the subject in IC Light's panel."
            )
        needs_background = kind is Kind.BACKGROUND and self.background in (Background.IMAGE, Background.MIRRORED)
        if needs_background and self.background_image is None:
            raise ICLightError(
                f"{model} needs a background: give a picture in background_image, "
                "or set background to own, left, right, top, bottom or ambient."
            )
        if self.in_place is InPlace.BACKGROUND and kind is not Kind.BACKGROUND:
            raise ICLightError(
                f"in_place background needs a model that looks at a background, which {model} doesn't: choose one, or "
                "set in_place to own."
            )
        if kind is Kind.BACKGROUND and self.background is Background.LIGHTS and not self.lights:
            raise ICLightError("background lights needs some: give them in lights.")


def parse(args: Sequence[Any], kind_of: Callable[[str | None], Kind], tab: Tab) -> RelightRequest | None:
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
        return RelightRequest.from_panel(args, kind_of, tab)
    raise ICLightError(
        'IC Light\'s args must be one dict, as in {"args": [{"subject": "…", "light": "left"}]}. '
        f"The first is {quoted(args[0])}."
    )


def _is_foreign(name: str, value: Any) -> bool:
    """Whether the panel never sends this: text for a picture, but for the path of a file that the page let through."""
    is_text = isinstance(SETTINGS[name], PictureSetting) and isinstance(value, str)
    return is_text and not re.search(r"\.\w{1,5}\Z", value)


_NOT_THE_PANELS = (
    "IC Light got a list of values that is not its panel's. "
    'Over the API, send one dict: {"args": [{"subject": "…", "light": "left"}]}.'
)


def _describe_unknown(name: str) -> str:
    near = difflib.get_close_matches(name, SETTINGS, n=1)
    hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(SETTINGS)}."
    return f"IC Light has no setting {quoted(name, longest=20)}: {hint}"
