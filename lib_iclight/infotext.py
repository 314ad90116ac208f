"""A relight's settings in a picture's infotext, there and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .fields import DEFAULTS, SETTINGS, takes_effect
from .request import RelightRequest
from .setting_types import Tab
from .weights.kind import Kind

PREFIX = "IC-Light "
"""What every name of ours in infotext begins with."""

WARNING = PREFIX + "warning"
"""The name under which infotext tells what could not be done."""


def infotext_name(setting: str) -> str:
    """A setting's name in infotext: `light_denoise` is `IC-Light light denoise`."""
    return PREFIX + setting.replace("_", " ")


def infotext_of(request: RelightRequest, kind: Kind, tab: Tab) -> dict[str, Any]:
    """The settings that take effect, by their names in a picture's infotext.

    Defaults that do nothing, as numbers at 0 and switches that are off, are left out: pasting sets what is not told to
    its default.
    """
    values = {name: getattr(request, name) for name in SETTINGS}
    return {
        infotext_name(name): setting.to_infotext(values[name])
        for name, setting in SETTINGS.items()
        if setting.in_infotext and _is_told(name, values[name]) and takes_effect(name, values, kind, tab)
    }


def _is_told(name: str, value: Any) -> bool:
    default = DEFAULTS[name]
    return value != default or not (SETTINGS[name].quiet_default or not default)


def is_ours(params: Mapping[str, str]) -> bool:
    """Whether a picture's infotext tells of a relight."""
    return infotext_name("model") in params


def pasted_value(setting: str, params: Mapping[str, str]) -> Any:
    """The value that a picture's infotext gives a setting's component in the panel.

    :returns: the default where a relight's infotext doesn't tell the setting; None, which leaves the component as it
        is, where the picture was not relit or the value is damaged.
    """
    if not is_ours(params):
        return None
    definition, told = SETTINGS[setting], params.get(infotext_name(setting))
    if told is None:
        return definition.to_panel(DEFAULTS[setting])
    try:
        value = definition.check(setting, definition.from_infotext(told))
    except ValueError:
        return None
    return definition.to_panel(value)
