"""Lights as pictures: what a pass starts from, a plain wall that they fall on, and a background under them."""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import numpy as np

from ..pictures import Picture
from ..srgb import to_display, to_linear
from .colour import linear_colour
from .sources import LightKind, Lights, LightSource

_STRIP = 64
"""Rows that are worked on at a time: their numbers stay in the processor's cache."""


class Levels(NamedTuple):
    """Display levels of a white light's bright and dark end."""

    bright: int
    dark: int


LIGHT_MAP = Levels(255, 0)
"""Of what a pass starts from: `gradio_demo.py` of the reference."""

WALL = Levels(224, 32)
"""Of a plain background: `gradio_demo_bg.py` of the reference."""


class Window(NamedTuple):
    """The part of the frame that is drawn. All sizes are in pixels of what is drawn."""

    width: int
    height: int
    left: int
    top: int
    frame_width: int
    frame_height: int

    @classmethod
    def whole(cls, width: int, height: int) -> Window:
        """All of a frame of that size."""
        return cls(width, height, 0, 0, width, height)

    @classmethod
    def of_region(cls, region: tuple[int, int, int, int], picture: tuple[int, int], width: int, height: int) -> Window:
        """A region of a picture that is enlarged to some size.

        :param region: left, top, right, bottom in the picture's pixels.
        :param picture: its width and height.
        """
        left, top, right, bottom = region
        across, down = width / (right - left), height / (bottom - top)
        frame = round(picture[0] * across), round(picture[1] * down)
        # rounded apart, the region might end a pixel beyond the frame
        return cls(
            width,
            height,
            min(round(left * across), frame[0] - width),
            min(round(top * down), frame[1] - height),
            *frame,
        )


def draw_lights(lights: Lights, window: Window, levels: Levels = LIGHT_MAP, outline: Picture | None = None) -> Picture:
    """Lights as a picture: uint8 [H, W, 3]. The last eight without an outline are kept.

    :param outline: the subject's, as :func:`add_lights` has it.
    """
    if outline is None:
        return _draw_and_keep(lights, window, levels)
    return Picture(to_picture(add_lights(lights, window, outline, levels)))


@functools.lru_cache(maxsize=8)
def _draw_and_keep(lights: Lights, window: Window, levels: Levels) -> Picture:
    rgb = to_picture(add_lights(lights, window, levels=levels))
    rgb.setflags(write=False)
    return Picture(rgb)


def to_picture(light: np.ndarray) -> np.ndarray:
    """Linear light as display values, uint8 of the same shape; what is too bright is clipped."""
    return np.concatenate([to_display(light[top : top + _STRIP]) for top in range(0, len(light), _STRIP)])


def shine_on(rgb: np.ndarray, light: np.ndarray) -> np.ndarray:
    """A picture under lights: what it reflects, times the light that falls on it.

    :param rgb: uint8 [H, W, 3], as it looks in white light of brightness 1.
    :param light: linear, float32 [H, W, 3], as :func:`add_lights` gives it.
    :returns: uint8 [H, W, 3], a new array.
    """
    strips = [slice(top, top + _STRIP) for top in range(0, len(rgb), _STRIP)]
    return np.concatenate([to_display(to_linear(rgb[strip]) * light[strip]) for strip in strips])


def add_lights(
    lights: Lights, window: Window, outline: Picture | None = None, levels: Levels = LIGHT_MAP
) -> np.ndarray:
    """The sum of lights, in linear light.

    Each fades evenly in display levels and is truncated to whole ones, as the reference's ramps are, so that a white
    side light alone is one of them to the byte.

    :param outline: the subject's alpha in the window, as a grey picture, for front lights; None: it fills the window.
    :param levels: the ends of a white light. What no light reaches is as bright as the dark one, or as the ambient
        light, where there is one.
    :returns: float32 [H, W, 3], 1 where a white light of brightness 1 is brightest.
    """
    import cv2

    dark = to_linear(np.uint8(levels.dark))
    of_level = to_linear(np.arange(256, dtype=np.uint8)) - dark
    ambient = [light for light in lights if light.kind is LightKind.AMBIENT]
    floor = _colour_of(ambient[0]) if ambient else (float(dark),) * 3
    placed = [(light, _colour_of(light)) for light in lights if light not in ambient]
    has_front = any(light.kind is LightKind.FRONT for light, _ in placed)
    outside = _distance_outside(outline.rgb[..., 0]) if has_front and outline is not None else None
    total = np.empty((window.height, window.width, 3), np.float32)
    for top in range(0, window.height, _STRIP):
        strip = total[top : top + _STRIP]
        part = window._replace(height=len(strip), top=window.top + top)
        planes = [np.full(strip.shape[:2], value, np.float32) for value in floor]
        for light, colour in placed:
            drawn = _draw(light, part, None if outside is None else outside[top : top + _STRIP], levels)
            faded = cv2.LUT(drawn, of_level)
            for plane, share in zip(planes, colour, strict=True):
                cv2.scaleAdd(faded, share, plane, plane)
        cv2.merge(planes, strip)
    return total


def _colour_of(light: LightSource) -> list[float]:
    return [light.brightness * share for share in linear_colour(light.colour)]


def _draw(light: LightSource, window: Window, outside: np.ndarray | None, levels: Levels) -> np.ndarray:
    """A light's display levels as if it were white: uint8 [H, W].

    :param outside: the distance from the subject, as :func:`_distance_outside` gives it; None: it fills the window.
    """
    shorter = min(window.frame_width, window.frame_height)
    if light.kind is LightKind.SIDE:
        return _draw_side(light, window, levels)
    if light.kind is LightKind.SPOT:
        radius = light.radius * shorter
        share = np.float32(radius) - _distance_from(light.x, light.y, window)
        share /= np.float32(radius * light.softness)
    elif outside is None:
        return np.full((window.height, window.width), levels.bright, np.uint8)
    else:
        share = 1 - outside / np.float32(light.softness * shorter)
    np.clip(share, 0, 1, out=share)
    share *= np.float32(levels.bright - levels.dark)
    share += np.float32(levels.dark)
    return share.astype(np.uint8)


def _draw_side(light: LightSource, window: Window, levels: Levels) -> np.ndarray:
    """A ramp from the corner or edge that is nearest to the light to the one that is farthest.

    It is the weighted sum of one ramp along each axis: along an axis the other's weight is 0, and what is left are the
    reference's own numbers.
    """
    turn = math.radians(light.angle)
    right, down = round(math.sin(turn), 12), -round(math.cos(turn), 12)
    ways = abs(right) * max(window.frame_width - 1, 1), abs(down) * max(window.frame_height - 1, 1)
    columns = np.linspace(*(levels[::-1] if right > 0 else levels), window.frame_width) * (ways[0] / sum(ways))
    rows = np.linspace(*(levels[::-1] if down > 0 else levels), window.frame_height) * (ways[1] / sum(ways))
    columns = columns[window.left : window.left + window.width]
    rows = rows[window.top : window.top + window.height]
    unreached = levels.bright * (1 - light.softness)
    ramp = ((columns - unreached) / light.softness)[None] + (rows / light.softness)[:, None]
    return ramp.clip(levels.dark, levels.bright, out=ramp).astype(np.uint8)


def _distance_from(x: float, y: float, window: Window) -> np.ndarray:
    """From a point, in shares of the frame, to each pixel's middle, in pixels: float32 [H, W]."""
    across = np.arange(window.width, dtype=np.float32) + np.float32(window.left + 0.5 - x * window.frame_width)
    down = np.arange(window.height, dtype=np.float32) + np.float32(window.top + 0.5 - y * window.frame_height)
    return np.sqrt(across[None] ** 2 + down[:, None] ** 2)


def _distance_outside(subject: np.ndarray) -> np.ndarray:
    """From each pixel to the nearest of the subject's, in pixels: float32 [height, width], 0 within."""
    import cv2

    outside = (subject < 128).astype(np.uint8)
    if outside.all():  # nothing of it is in the frame: OpenCV has no distance to nothing
        return np.full(subject.shape, np.inf, np.float32)
    return cv2.distanceTransform(outside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
