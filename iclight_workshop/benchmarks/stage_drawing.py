"""What a frame costs while a light is dragged in the page: `python -m iclight_workshop.benchmarks.stage_drawing`.

Eight lights at 512 × 768 in a headless Chromium (playwright, and Chromium on the PATH), 200 frames of one drag each, as
a light map and on a picture. The first frame, which also draws the lights that stay, is told apart. The status is 1 if
a median is beyond the bound: let nothing else run meanwhile. (The best frame tells how busy the machine was.)
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from lib_iclight.lights import describe_lights

from ..chromium import chromium

WIDTH, HEIGHT = 512, 768
FRAMES = 200
BOUND = 10.0
"""Milliseconds."""

EIGHT = (
    "side angle 315 colour 3200K; side angle 120 softness 0.5 colour #4080ff; front brightness 0.3 softness 0.6; "
    "spot x 0.3 radius 0.6; spot x 0.7 y 0.2 radius 0.4 colour #ff8040; side angle 210 brightness 0.2; "
    "spot x 0 y 1 radius 1 brightness 0.4; spot x 1 y 0 radius 0.5 colour 9000K; ambient brightness 0.03"
)
DRAGS = {"a side": 0, "a front light": 2, "a spot": 3}
"""Which of the eight moves."""

SCRIPTS = Path(__file__).parents[2] / "javascript"

DRAG = """({text, width, height, frames, moving, shines}) => {
    const lights = iclight.lights.read(text);
    const drawer = new iclight.LightDrawer(width, height);
    const outline = new Uint8Array(width * height);
    for (let y = 200; y < 600; y++) outline.fill(255, y * width + 150, y * width + 350);
    drawer.setOutline(outline);
    const picture = Uint8ClampedArray.from({length: width * height * 4}, (_, at) => (at * 7) % 256);
    const times = [];
    for (let frame = 0; frame < frames; frame++) {
        const share = frame / frames;
        const moved = {side: {angle: 360 * share}, spot: {x: share, y: share}, front: {softness: 0.1 + 0.9 * share}};
        Object.assign(lights[moving], moved[lights[moving].kind]);
        const begin = performance.now();
        drawer.draw(lights, moving, shines ? picture : null);
        times.push(performance.now() - begin);
    }
    return times;
}"""


def main() -> int:
    """Print the times."""
    slowest = 0.0
    with chromium() as browser:
        for what, shines in (("light map", False), ("picture", True)):
            for name, moving in DRAGS.items():
                first, *frames = measure(browser.new_page(), moving, shines)
                median = float(np.median(frames))
                print(
                    f"{what}, {name} is dragged: median {median:.1f} ms, worst {max(frames):.1f} ms of {len(frames)} "
                    f"(best {min(frames):.1f} ms, first {first:.0f} ms)"
                )
                slowest = max(slowest, median)
    print(f"slowest median {slowest:.1f} ms (bound {BOUND:.0f})")
    return int(slowest > BOUND)


def measure(page: Any, moving: int, shines: bool) -> list[float]:
    """One drag in a new page: milliseconds of its first frame and of those that follow."""
    for name in ("iclight_lights.js", "iclight_drawing.js"):
        page.add_script_tag(path=SCRIPTS / name)
    page.evaluate("data => iclight.lights.setUp(data)", describe_lights())
    drag = {"text": EIGHT, "width": WIDTH, "height": HEIGHT, "frames": FRAMES + 1, "moving": moving, "shines": shines}
    times: list[float] = page.evaluate(DRAG, drag)
    page.close()
    return times


if __name__ == "__main__":
    raise SystemExit(main())
