"""Display values to linear light and back: sRGB's transfer function, IEC 61966-2-1."""

from __future__ import annotations

import functools

import numpy as np

LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)
"""What red, green and blue give to the luminance of linear light (ITU-R BT.709, whose primaries are sRGB's)."""

_STEPS = 65535


def to_linear(display: np.ndarray) -> np.ndarray:
    """Linear light 0…1, float32, of uint8 display values of any shape."""
    return _linear_of_display()[display]


def to_display(linear: np.ndarray) -> np.ndarray:
    """Display values, uint8, rounded, of linear light of any shape; what lies outside 0…1 is clipped."""
    steps = np.clip(linear, 0.0, 1.0) * np.float32(_STEPS)
    steps += np.float32(0.5)
    return _display_of_linear().take(steps.astype(np.uint16))


def luminance(linear: np.ndarray) -> np.ndarray:
    """The luminance [H, W, 1] of linear light [H, W, 3], float32."""
    return (linear @ LUMINANCE)[..., None]


@functools.lru_cache(maxsize=1)
def _linear_of_display() -> np.ndarray:
    value = np.arange(256) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4).astype(np.float32)


@functools.lru_cache(maxsize=1)
def _display_of_linear() -> np.ndarray:
    """By light in 65535 steps: where the curve is steepest, a step is a twentieth of a level."""
    light = np.arange(_STEPS + 1) / _STEPS
    value = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.rint(value * 255).astype(np.uint8)
