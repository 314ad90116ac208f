"""Subjects that are drawn, so that their alpha and their colours are known."""

from __future__ import annotations

import cv2
import numpy as np

_FINER = 2
"""Drawn at this many times the size and averaged: edges are soft as a camera's are."""


def hairy_alpha(width: int, height: int, seed: int = 0) -> np.ndarray:
    """A disc with strands of hair, one to a few pixels wide: float32 [height, width] in 0…1."""
    random = np.random.default_rng(seed)
    wide, tall = width * _FINER, height * _FINER
    shorter = min(wide, tall)
    drawn = np.zeros((tall, wide), np.uint8)
    cv2.circle(drawn, (wide // 2, tall // 2), shorter // 4, 255, -1, cv2.LINE_AA)
    along = np.linspace(0, 1, 20)
    for _ in range(120):
        direction = random.uniform(0, 2 * np.pi) + random.normal(0, 0.5) * along**2
        away = shorter * (0.24 + random.uniform(0.1, 0.2) * along)
        points = np.stack([wide / 2 + np.cos(direction) * away, tall / 2 + np.sin(direction) * away], axis=1)
        cv2.polylines(drawn, [points.astype(np.int32)], False, 255, int(random.integers(1, 6)), cv2.LINE_AA)
    return cv2.resize(drawn, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32) / 255


def furry_alpha(width: int, height: int, seed: int = 0) -> np.ndarray:
    """A disc with short fur, which a network that sees little of it still finds: float32 [height, width] in 0…1."""
    random = np.random.default_rng(seed)
    wide, tall = width * _FINER, height * _FINER
    rows, columns = np.mgrid[:tall, :wide] - np.array([tall / 2, wide / 2])[:, None, None]
    lengths = random.uniform(0, 0.03, 1500) * min(wide, tall)
    hair = np.floor((np.arctan2(rows, columns) / (2 * np.pi) + 0.5) * (lengths.size - 1)).astype(int)
    drawn = (np.hypot(rows, columns) < 0.3 * min(wide, tall) + lengths[hair]).astype(np.float32)
    return cv2.resize(drawn, (width, height), interpolation=cv2.INTER_AREA)


def subject_colours(width: int, height: int) -> np.ndarray:
    """Browns that change over the picture, with a fine texture: float32 [height, width, 3] in 0…255."""
    down, across = np.mgrid[:height, :width].astype(np.float32)
    red = 150 + 60 * np.sin(across / width * 12)
    green = 90 + 40 * np.cos(down / height * 10)
    blue = 60 + 30 * np.sin((across + down) / width * 9)
    texture = np.random.default_rng(2).normal(0, 12, (height // 3 + 1, width // 3 + 1, 3)).astype(np.float32)
    return np.stack([red, green, blue], axis=-1) + cv2.resize(texture, (width, height))


def green_screen(width: int, height: int) -> np.ndarray:
    """Green, with a camera's noise: float32 [height, width, 3] in 0…255."""
    grain = np.random.default_rng(1).normal(0, 3, (height, width, 3))
    return (np.array([20, 190, 30]) + grain).clip(0, 255).astype(np.float32)


def mixed(alpha: np.ndarray, subject: np.ndarray, background: np.ndarray) -> np.ndarray:
    """What a camera sees: uint8 [H, W, 3]."""
    share = alpha[..., None]
    return np.rint(share * subject + (1 - share) * background).clip(0, 255).astype(np.uint8)


def to_bytes(alpha: np.ndarray) -> np.ndarray:
    """Alpha as pictures hold it: uint8."""
    return np.rint(alpha * 255).astype(np.uint8)
