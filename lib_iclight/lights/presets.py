"""Lights that have a name: `presets.json`, a text of lights by name."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from pathlib import Path

from .sources import Lights, check_lights


@functools.lru_cache(maxsize=1)
def presets() -> Mapping[str, Lights]:
    """The presets by name, in the order in which they are listed."""
    texts = json.loads(Path(__file__).with_name("presets.json").read_text(encoding="utf-8"))
    return {name: check_lights(name, text) for name, text in texts.items()}
