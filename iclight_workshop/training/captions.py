"""Captions of the rendered scenes, worded as users' prompts are."""

from __future__ import annotations

import numpy as np

from .world import Lighting

Words = tuple[str, str, str]
"""A scene's pattern, colour and thing."""

FROM = {"left": "from the left", "right": "from the right", "top": "from above", "bottom": "from below"}


def write_caption(words: Words, light: Lighting, *, with_thing: bool, with_side: bool) -> str:
    """*a striped red vase, warm light from the left*, or a part of it."""
    pattern, colour, thing = words
    parts = [f"a {'' if pattern == 'plain' else pattern + ' '}{colour} {thing}"] if with_thing else []
    side = f" {FROM[light.side]}" if with_side and light.side is not None else ""
    parts.append(f"{light.colour} light{side}")
    return ", ".join(parts)


def vary_caption(words: Words, light: Lighting, random: np.random.Generator) -> str:
    """A caption with parts left out: a tenth says nothing, and often the side is for the picture to tell."""
    if random.random() < 0.1:
        return ""
    with_thing, with_side = random.random() < 0.6, random.random() < 0.5
    return write_caption(words, light, with_thing=with_thing, with_side=with_side)
