"""The little world: solids and reliefs whose shape, colours and light are known.

A scene is made of smooth functions of the place, so it is the same at every size. Places are in units of half the
picture's side: x from -1 at the left to 1 at the right, y from -1 at the top to 1 at the bottom, z towards the viewer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from lib_iclight.srgb import to_display

Field = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""A smooth function of x and y."""

COLOURS = {
    "red": (0.62, 0.06, 0.05),
    "orange": (0.75, 0.27, 0.04),
    "yellow": (0.76, 0.60, 0.07),
    "green": (0.09, 0.45, 0.10),
    "blue": (0.06, 0.14, 0.60),
    "purple": (0.36, 0.08, 0.46),
    "white": (0.78, 0.78, 0.76),
    "grey": (0.28, 0.28, 0.28),
    "brown": (0.26, 0.12, 0.05),
}
"""Albedos, linear."""

LIGHT_COLOURS = {
    "white": (1.0, 1.0, 1.0),
    "warm": (1.0, 0.62, 0.28),
    "red": (1.0, 0.26, 0.2),
    "green": (0.35, 1.0, 0.3),
    "blue": (0.28, 0.45, 1.0),
    "purple": (0.8, 0.32, 1.0),
}
"""Linear."""

SIDES = {"left": (-1.0, 0.0), "right": (1.0, 0.0), "top": (0.0, -1.0), "bottom": (0.0, 1.0)}
"""Where a light can come from, as x and y."""

THINGS = ("ball", "egg", "stone", "pillow", "vase", "ring", "plaque")
PATTERNS = ("plain", "striped", "checked", "spotted", "cloudy")

STEP = 1e-3
"""Step of the finite differences that slopes are computed by."""

SOFTNESS = 0.2
"""How far the light reaches around a solid: as from a window, not from a point."""


@dataclass(frozen=True)
class Lighting:
    """One light from far away, and what comes from everywhere."""

    side: str | None
    """A key of SIDES; None: all ambient."""

    colour: str
    """A key of LIGHT_COLOURS."""

    elevation: float = 0.6
    """How far in front of the wall the light stands, in radians."""

    turn: float = 0.0
    """How far it is off its side, in radians."""

    ambient: float = 0.12
    """Of the light's brightness."""

    def compute_direction(self) -> np.ndarray:
        """Towards the light: a unit vector, [3]."""
        if self.side is None:
            return np.array([0.0, 0.0, 1.0])
        x, y = SIDES[self.side]
        sine, cosine = np.sin(self.turn), np.cos(self.turn)
        flat = np.array([x * cosine - y * sine, x * sine + y * cosine]) * np.cos(self.elevation)
        return np.array([*flat, np.sin(self.elevation)])

    @property
    def rgb(self) -> np.ndarray:
        """Linear, [3]."""
        return np.array(LIGHT_COLOURS[self.colour])


AMBIENT = Lighting(None, "white", ambient=0.75)
"""A light without a side, for subjects whose shading is to tell nothing of where light comes from."""


@dataclass(frozen=True)
class Scene:
    """A subject before a wall, at one size."""

    thing: str
    pattern: str
    colour: str
    normals: np.ndarray
    """Unit vectors, [size, size, 3]."""

    albedo: np.ndarray
    """Linear, [size, size, 3]; goes on beyond the subject."""

    alpha: np.ndarray
    """0…1, [size, size]."""

    wall: np.ndarray
    """The wall's albedo, linear, [size, size, 3]."""

    darkest: float
    """How bright the wall is at the side that the light doesn't come from, 0…1, as it looks (sRGB)."""

    def compute_shading(self, light: Lighting) -> np.ndarray:
        """The light that falls on the subject: linear, [size, size, 3]."""
        facing = np.clip((self.normals @ light.compute_direction() + SOFTNESS) / (1 + SOFTNESS), 0, None)
        if light.side is None:
            facing = 0.35 * (facing + 1)
        return light.rgb * (light.ambient + 1.25 * facing[..., None])

    def draw_subject(self, light: Lighting) -> np.ndarray:
        """The subject without its surroundings, uint8 [size, size, 3]."""
        return to_display(self.albedo * self.compute_shading(light))

    def draw_background(self, light: Lighting, with_shadow: bool = False) -> np.ndarray:
        """The wall without the subject, brighter towards the light: uint8 [size, size, 3].

        :param with_shadow: with the shadow that the subject casts.
        """
        size = len(self.alpha)
        x, y = locate_pixels(size)
        direction = light.compute_direction()
        along = (x * direction[0] + y * direction[1]) / max(np.hypot(*direction[:2]), 1e-6)
        looks = 0.55 + 0 * x if light.side is None else self.darkest + (1 - self.darkest) * (0.5 + 0.5 * along)
        falls = np.clip(looks, 0, 1.1) ** 2.2
        if with_shadow and light.side is not None:
            shift = -0.22 * direction[:2] * size / 2
            moved = cv2.warpAffine(self.alpha, np.array([[1, 0, shift[0]], [0, 1, shift[1]]]), (size, size))
            falls = falls * (1 - 0.55 * cv2.GaussianBlur(moved, (0, 0), 0.05 * size))
        lit = light.rgb * (light.ambient * 0.3 + falls[..., None])
        return to_display(self.wall * lit)

    def draw_picture(self, light: Lighting) -> np.ndarray:
        """The subject before the wall, uint8 [size, size, 3]."""
        return self.composite(self.draw_subject(light), self.draw_background(light, with_shadow=True))

    def composite(self, subject: np.ndarray, background: np.ndarray | int) -> np.ndarray:
        """Composite a subject over a background by the scene's alpha: uint8 [size, size, 3]."""
        alpha = self.alpha[..., None]
        return np.rint(subject * alpha + background * (1 - alpha)).astype(np.uint8)


@dataclass(frozen=True)
class Recipe:
    """A scene before it has a size. The same number always makes the same scene."""

    number: int
    things: tuple[str, ...] = THINGS

    def at(self, size: int) -> Scene:
        """The scene, at that many pixels a side."""
        random = np.random.default_rng([self.number, 7])
        thing, pattern = str(random.choice(self.things)), str(random.choice(PATTERNS))
        colour = str(random.choice(list(COLOURS)))
        x, y = locate_pixels(size)
        inside, height = _make_solid(thing, random)
        normals = _compute_normals(height, x, y)
        albedo = _make_albedo(pattern, COLOURS[colour], random)(x, y)
        slope = np.hypot(inside(x + STEP, y) - inside(x - STEP, y), inside(x, y + STEP) - inside(x, y - STEP))
        pixels_inside = (1 - inside(x, y)) / np.maximum(slope / (2 * STEP), 1e-3) * size / 2
        alpha = np.clip(pixels_inside + 0.5, 0, 1)
        wall = _make_wall(random)(x, y)
        return Scene(thing, pattern, colour, normals, albedo, alpha, wall, random.uniform(0.02, 0.3))


def locate_pixels(size: int) -> tuple[np.ndarray, np.ndarray]:
    """x and y of every pixel's middle, [size, size] each."""
    middles = (np.arange(size) + 0.5) / size * 2 - 1
    x, y = np.meshgrid(middles, middles)
    return x, y


def draw_lighting(random: np.random.Generator, is_white: bool = False) -> Lighting:
    """Any light that has a side; coloured in three of five, unless it is to be white."""
    colours = list(LIGHT_COLOURS)
    is_coloured = not is_white and random.random() < 0.6
    colour = str(random.choice(colours[1:])) if is_coloured else "white"
    side = str(random.choice(list(SIDES)))
    return Lighting(side, colour, random.uniform(0.3, 0.8), random.uniform(-0.35, 0.35), random.uniform(0.05, 0.16))


def _make_solid(thing: str, random: np.random.Generator) -> tuple[Field, Field]:
    """A solid as two functions of the place: how far out it is, 0 in the middle and 1 at the outline, and how high."""
    size, turn = random.uniform(0.55, 0.8), random.uniform(-0.5, 0.5)
    cx, cy = random.uniform(-0.16, 0.16, 2)
    squeeze = 1.0 if thing == "ball" else random.uniform(0.65, 1.0)
    bumps = _make_waves(random, 6, 5, 14 if thing == "plaque" else 8)
    bumpy = {"ball": 0, "plaque": 0.05, "stone": 0.025}.get(thing, random.choice([0, 0.008]))
    corners = {"pillow": random.uniform(2.6, 4.5), "plaque": 10.0}.get(thing, 2.0)
    wobble = random.uniform(0.03, 0.12, 3) * (thing == "stone")
    phases = random.uniform(0, 2 * np.pi, 3)
    waist, neck = random.uniform(0.12, 0.3), random.uniform(2.5, 4.5)

    def local(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        sine, cosine = np.sin(turn), np.cos(turn)
        x, y = (x - cx) / size, (y - cy) / size
        return (x * cosine + y * sine) / squeeze, y * cosine - x * sine

    def inside(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        x, y = local(x, y)
        if thing == "ring":
            return np.abs(np.hypot(x, y) - 0.6) / 0.4
        if thing == "vase":
            return np.maximum(np.abs(x) / (0.62 - waist * np.sin(neck * y + phases[0])), np.abs(y) ** 12)
        angle = np.arctan2(y, x)
        outline = 1 + sum(w * np.sin((k + 2) * angle + p) for k, (w, p) in enumerate(zip(wobble, phases, strict=True)))
        return (np.abs(x) ** corners + np.abs(y) ** corners) ** (1 / corners) / outline

    def height(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        steepness = {"ring": 0.4, "plaque": 0.12, "vase": 0.6, "pillow": 0.6}.get(thing, 0.85)
        return size * (steepness * np.sqrt(np.clip(1 - inside(x, y) ** 2, 1e-4, None)) + bumpy * bumps(x, y) / size)

    return inside, height


def _compute_normals(height: Field, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    across = (height(x + STEP, y) - height(x - STEP, y)) / (2 * STEP)
    down = (height(x, y + STEP) - height(x, y - STEP)) / (2 * STEP)
    normals = np.stack([-across, -down, np.ones_like(x)], axis=-1)
    return normals / np.linalg.norm(normals, axis=-1, keepdims=True)


def _make_waves(random: np.random.Generator, number: int, low: float, high: float) -> Field:
    """A sum of that many waves of low…high radians, about -1…1."""
    lengths, angles = random.uniform(low, high, number), random.uniform(0, 2 * np.pi, number)
    phases = random.uniform(0, 2 * np.pi, number)
    waves = list(zip(lengths * np.cos(angles), lengths * np.sin(angles), phases, strict=True))
    return lambda x, y: sum(np.sin(a * x + b * y + phase) for a, b, phase in waves) / np.sqrt(number)


def _make_albedo(pattern: str, colour: tuple[float, float, float], random: np.random.Generator) -> Field:
    """Linear RGB, [..., 3]: the colour, and for patterns another one."""
    first = np.array(colour) * random.uniform(0.8, 1.15)
    second = np.array(COLOURS[str(random.choice(list(COLOURS)))]) * random.uniform(0.8, 1.15)
    angle, pitch, phase = random.uniform(0, np.pi), random.uniform(5, 11), random.uniform(0, 2 * np.pi)
    clouds = _make_waves(random, 8, 3, 14)

    def share(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        u, v = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
        if pattern == "plain":
            return 0 * x
        if pattern == "striped":
            return _soft_step(np.sin(pitch * u + phase))
        if pattern == "checked":
            return _soft_step(4 * np.sin(pitch * u + phase) * np.sin(pitch * v))
        if pattern == "spotted":
            return _soft_step(2 * (np.sin(pitch * u + phase) + np.sin(pitch * v) - 1))
        return np.clip(0.5 + 0.5 * clouds(x, y), 0, 1)

    def albedo(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        mixed = share(x, y)[..., None]
        return np.clip(first * (1 - mixed) + second * mixed, 0.01, 0.9)

    return albedo


def _make_wall(random: np.random.Generator) -> Field:
    """A pale wall, plain or cloudy."""
    base = random.uniform(0.55, 0.9) * (1 - random.uniform(0, 0.25, 3))
    clouds, strength = _make_waves(random, 6, 2, 9), random.choice([0, 0.18])
    return lambda x, y: np.clip(base * (1 + strength * clouds(x, y)[..., None]), 0.05, 0.95)


def _soft_step(value: np.ndarray) -> np.ndarray:
    return np.clip(0.5 + 2 * value, 0, 1)
