"""The tab's own components, such as its CFG scale, gathered while the web UI makes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

from ..setting_types import Tab


class TabPart(Enum):
    """A component of a tab that the panel reads, sets or listens to: how its element's id goes on after the tab's name.

    The whole family has kept these ids, as style sheets and other extensions go by them.
    """

    PROMPT = "prompt"
    SAMPLER = "sampling"
    SCHEDULER = "scheduler"
    STEPS = "steps"
    WIDTH = "width"
    HEIGHT = "height"
    CFG = "cfg_scale"
    DENOISING = "denoising_strength"
    """In txt2img that of the hires pass."""
    HIRES = "hr-checkbox"
    HIRES_UPSCALER = "hr_upscaler"
    HIRES_SCALE = "hr_scale"
    HIRES_STEPS = "hires_steps"
    HIRES_CFG = "hr_cfg"
    RESIZE_TO = "tab_resize_to"
    """In img2img: while this is open, width and height count."""
    RESIZE_BY = "tab_resize_by"
    """In img2img: while this is open, they don't."""


TabParts = Mapping[TabPart, Any]
"""The components that a tab has; those that the web UI lacks are left out."""

_PARTS = {f"{tab.value}_{part.value}": part for tab in Tab for part in TabPart}

_LAST = {f"{tab.value}_gallery" for tab in Tab}
"""Every web UI of the family makes the results' gallery after all of a tab's settings, in whatever order these are."""


class TabWatch:
    """Gathers the components of one tab, and has the panel connected once all of them are there.

    A panel may be built before some of them, as the order of a tab's sections is a setting; and it may be built for the
    API alone, where it is connected to nothing.
    """

    def __init__(self) -> None:
        self._parts: dict[TabPart, Any] = {}
        self._connect: Callable[[TabParts], None] | None = None

    def when_complete(self, connect: Callable[[TabParts], None]) -> None:
        """Have a panel connected that was just built, when its tab is. Never called on a tab without a gallery."""
        self._connect = connect

    def add(self, component: Any) -> None:
        """Take notice of a component that was just made, whatever it is."""
        element = getattr(component, "elem_id", None)
        if element in _PARTS:
            self._parts.setdefault(_PARTS[element], component)  # of two that share an id, the first is the web UI's
        elif element in _LAST and self._connect is not None:
            self._connect(self._parts)
            self._connect = None
