"""The setting that holds lights."""

from __future__ import annotations

from typing import Any

from ..setting_types import Setting
from .presets import presets
from .sources import Lights, check_lights, write_lights


class LightsSetting(Setting):
    """Any number of lights. The panel and infotext hold them as text."""

    def check(self, name: str, value: Any) -> Lights:
        if isinstance(value, str) and value.strip().lower() in presets():
            return presets()[value.strip().lower()]
        return check_lights(name, value)

    def to_panel(self, value: Lights) -> str:
        return write_lights(value, between="\n")

    def to_infotext(self, value: Lights) -> str:
        return write_lights(value)

    def describe(self) -> str:
        return "text, a preset's name, or a list of objects"
