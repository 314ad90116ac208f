"""How long light maps take to draw: `python -m iclight_workshop.benchmarks.lights`.

At 1024 × 1536, the best of nine runs each, beside Pillow's Lanczos from half the size in the same run. The status is 1
if a preset takes more than the bound: let nothing else run meanwhile.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable

import numpy as np
from PIL import Image

from lib_iclight.lights import Lights, Window, add_lights, check_lights, presets, to_picture
from lib_iclight.pictures import Picture

WIDTH, HEIGHT = 1024, 1536
RUNS = 9
BOUND = 50.0
"""Milliseconds."""

EIGHT = "; ".join(f"spot x {number / 8} y 0.4 colour #{number}0{number}0ff" for number in range(1, 9))


def main() -> int:
    """Print the times."""
    yardstick = best_of(
        lambda: Image.new("RGB", (WIDTH // 2, HEIGHT // 2)).resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
    )
    print(f"Pillow's Lanczos to the same size: {yardstick:.0f} ms")
    outline = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    outline[400:1200, 300:700] = 255
    slowest = 0.0
    for name, lights in {**presets(), "eight spots": check_lights("lights", EIGHT)}.items():
        took = best_of(functools.partial(draw, lights, Picture(outline)))
        print(f"{name}: {took:.0f} ms, {took / yardstick:.2f} of that")
        slowest = max(slowest, took)
    print(f"slowest {slowest:.0f} ms (bound {BOUND:.0f})")
    return int(slowest > BOUND)


def draw(lights: Lights, outline: Picture) -> np.ndarray:
    """A light map, nothing of it kept from before."""
    return to_picture(add_lights(lights, Window.whole(WIDTH, HEIGHT), outline))


def best_of(run: Callable[[], object]) -> float:
    """The shortest of several runs, in milliseconds."""
    times = []
    for _ in range(RUNS):
        begin = time.perf_counter()
        run()
        times.append(time.perf_counter() - begin)
    return 1000 * min(times)


if __name__ == "__main__":
    raise SystemExit(main())
