"""The finish on a photo that was relit and badly drawn on purpose: a sheet to look at, and the time it takes.

    python -m iclight_workshop.benchmarks.finish [PHOTO] [--sheet outputs/finish.png]

The sheet shows the original, the "result" (another light over it, everything pulled about by some pixels, blurred),
the result with its details returned, and with its colours returned as well. Without a photo, scikit-image's astronaut
is taken. Times are processor seconds on one core, the better of three runs.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from lib_iclight.finish import finish
from lib_iclight.foreground.resize import resize_and_centre_crop
from lib_iclight.srgb import to_display, to_linear

SIZES = ((1024, 1536), (2048, 3072))


def main() -> None:
    """Entry point of `python -m iclight_workshop.benchmarks.finish`."""
    parser = argparse.ArgumentParser(description="A sheet of the finish's steps, and their times.")
    parser.add_argument("photo", nargs="?", type=Path)
    parser.add_argument("--sheet", type=Path, default=Path("outputs/finish.png"))
    asked = parser.parse_args()
    cv2.setNumThreads(1)
    photo = open_photo(asked.photo)
    asked.sheet.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(draw_sheet(photo)).save(asked.sheet)
    print(asked.sheet)
    print(f"{'size':>12} {'detail':>8} {'colour':>8}  processor seconds")
    for width, height in SIZES:
        original, result = make_pair(photo, width, height)
        print(
            f"{width:>6}×{height:<5}"
            f" {measure_seconds(partial(finish, result, original, None, detail_transfer=1.0)):8.2f}"
            f" {measure_seconds(partial(finish, result, original, None, colour_keep=1.0)):8.2f}"
        )


def open_photo(path: Path | None) -> Image.Image:
    if path is not None:
        return Image.open(path).convert("RGB")
    from skimage import data

    return Image.fromarray(data.astronaut())


def draw_sheet(photo: Image.Image) -> np.ndarray:
    scale = 768 / min(photo.size)
    original, result = make_pair(photo, round(photo.width * scale), round(photo.height * scale))
    detailed = finish(result, original, None, detail_alpha=None, detail_transfer=1.0)
    coloured = finish(result, original, None, detail_alpha=None, detail_transfer=1.0, colour_keep=1.0)
    return np.hstack([original, result, detailed, coloured])


def make_pair(photo: Image.Image, width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    """The photo at a size, and a badly drawn picture of it in a warm light from the left."""
    original = np.asarray(resize_and_centre_crop(photo, width, height))
    light = np.linspace(1.6, 0.15, width)[None, :, None] * np.array([1.0, 0.75, 0.5])
    lit = to_display((to_linear(original) * light).astype(np.float32))
    scale = min(width, height) / 768
    generator = np.random.default_rng(0)
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    pull = [cv2.GaussianBlur(generator.standard_normal(rows.shape), (0, 0), 5 * scale) for _ in "xy"]
    across, down = (2 * scale * each / each.std() for each in pull)
    maps = ((columns + across).astype(np.float32), (rows + down).astype(np.float32))
    wild = cv2.remap(lit, *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return original, cv2.GaussianBlur(wild, (0, 0), 1.2 * scale)


def measure_seconds(step: Callable[[], object]) -> float:
    taken = []
    for _ in range(3):
        start = time.process_time()
        step()
        taken.append(time.process_time() - start)
    return min(taken)


if __name__ == "__main__":
    main()
