"""Time and memory of a result at full size: `python -m iclight_workshop.benchmarks.full_size [PHOTO]`.

Without a photo, one of 24 megapixels is drawn. A mask cuts it out, its frame is 832 × 1248, and the "relit" picture
is the photo itself, darker to the right; the result is laid over the photo. The status is 1 if a bound is missed: let
nothing else run meanwhile.
"""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from iclight_standalone.host import standalone_host
from iclight_standalone.sampler import State
from lib_iclight.condition import fit_picture
from lib_iclight.foreground import CutoutSettings, cut_out
from lib_iclight.lights import Window, add_lights, check_lights, shine_on
from lib_iclight.pictures import Picture
from lib_iclight.request import RelightRequest
from lib_iclight.result import finish_result
from lib_iclight.subject import Subject
from lib_iclight.weights import read_catalogue

FRAME = (832, 1248)
SECONDS, BYTES = 60.0, 3e9


def main() -> int:
    """Print what one result takes."""
    photo = Picture.from_value(Path(sys.argv[1]).read_bytes(), "PHOTO") if len(sys.argv) > 1 else draw_photo(4000, 6000)
    host = standalone_host([], State())
    oval = np.zeros((photo.height, photo.width), np.uint8)
    cv2.ellipse(oval, (photo.width // 2, photo.height // 2), (photo.width // 3, photo.height // 3), 0, 0, 360, 255, -1)
    settings = CutoutSettings("none", mask=Picture(np.repeat(oval[..., None], 3, axis=2)), edge_feather=0.2)
    subject = Subject(cut_out(photo, settings, read_catalogue([])))
    light = add_lights(check_lights("lights", "side angle 270 colour 3200K"), Window.whole(*FRAME))
    relit = Image.fromarray(shine_on(fit_picture(host, subject.source, *FRAME), light))
    request = RelightRequest.from_api({"full_size": True, "in_place": "own"})
    begin = time.perf_counter()
    result = finish_result(host, request, subject, relit, lambda each, size: each.surroundings_at(host, size))
    seconds = time.perf_counter() - begin
    peak = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"{photo.width} × {photo.height} to {result.width} × {result.height}: {seconds:.1f} s (bound {SECONDS:.0f})")
    print(f"the process, photo and cut-out included, at most {peak / 1e9:.2f} GB (bound {BYTES / 1e9:.0f})")
    result.save("full-size.png")
    print("full-size.png is the result, to look at")
    return int(seconds > SECONDS or peak > BYTES)


def draw_photo(width: int, height: int) -> Picture:
    """Noise of every size, as photos have."""
    random = np.random.default_rng(0)
    photo = np.zeros((height, width, 3), np.float32)
    for step in (1, 4, 16, 64, 256):
        noise = random.normal(0, 14, (height // step + 1, width // step + 1, 3)).astype(np.float32)
        photo += cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
    return Picture((128 + photo).clip(0, 255).astype(np.uint8))


if __name__ == "__main__":
    raise SystemExit(main())
