"""The values that IC-Light's own demos, and people who use it, have settled on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..hosts.tab import TabPart, TabParts
from ..setting_types import Tab
from ..weights.kind import Kind

_SCHEDULER = "Karras"

_HIRES: Mapping[TabPart, Sequence[Any]] = {
    TabPart.HIRES_UPSCALER: ("Lanczos", "None"),  # Neo enlarges by Lanczos where no upscaler is named
    TabPart.HIRES_SCALE: (1.5,),
    TabPart.HIRES_STEPS: (0,),  # as many as the first pass
    TabPart.DENOISING: (0.5,),
}

_VALUES: Mapping[tuple[Kind, Tab], Mapping[TabPart, Sequence[Any]]] = {
    (Kind.FOREGROUND, Tab.TXT2IMG): {
        TabPart.SAMPLER: ("DPM++ 2M SDE",),
        TabPart.STEPS: (25,),
        TabPart.CFG: (2,),
        **_HIRES,
        TabPart.HIRES_CFG: (2,),
    },
    (Kind.FOREGROUND, Tab.IMG2IMG): {
        TabPart.SAMPLER: ("DPM++ 2M",),
        TabPart.STEPS: (20,),
        TabPart.CFG: (2,),
        TabPart.DENOISING: (0.96,),
    },
    (Kind.BACKGROUND, Tab.TXT2IMG): {
        TabPart.SAMPLER: ("DPM++ 2M SDE",),
        TabPart.STEPS: (20,),
        TabPart.CFG: (7,),
        **_HIRES,
        TabPart.HIRES_CFG: (7,),
    },
    (Kind.BACKGROUND, Tab.IMG2IMG): {
        TabPart.SAMPLER: ("DPM++ 2M SDE",),
        TabPart.STEPS: (20,),
        TabPart.CFG: (7,),
    },
}
"""Of several values the first that the web UI offers is taken."""


def recommend(kind: Kind, tab: Tab, parts: TabParts) -> dict[TabPart, Any]:
    """What to set a tab's components to, as far as it has them and they take it.

    Whether there is a hires pass stays the user's choice: only its values are set.

    :param kind: of the IC-Light model that is chosen.
    """
    wanted = dict(_VALUES[kind, tab])
    if TabPart.SCHEDULER in parts:
        wanted[TabPart.SCHEDULER] = (_SCHEDULER,)
    else:  # older web UIs have a sampler for each pair of the two
        wanted[TabPart.SAMPLER] = [f"{name} {_SCHEDULER}" for name in wanted[TabPart.SAMPLER]]
    taken = {
        part: next((value for value in values if _takes(parts[part], value)), None)
        for part, values in wanted.items()
        if part in parts
    }
    return {part: value for part, value in taken.items() if value is not None}


def _takes(component: Any, value: Any) -> bool:
    """Whether a list has an entry, or a slider goes that far."""
    choices = getattr(component, "choices", None)
    if choices is not None:
        return value in [each[1] if isinstance(each, tuple) else each for each in choices]
    return getattr(component, "minimum", value) <= value <= getattr(component, "maximum", value)
