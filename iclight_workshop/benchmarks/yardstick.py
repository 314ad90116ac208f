"""What rembg makes of the same pictures by the same model file.

rembg needs newer packages than the web UIs have, so it runs in a Python of its own, in a process of its own, and what
it made is read from files.
"""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

_PROGRAM = """
import json, sys, time
from pathlib import Path
from PIL import Image
from rembg import new_session, remove

name, size, *folders = sys.argv[1:]
session = new_session(name)
session.predict(Image.new("RGB", (64, 64), (200, 30, 30)))  # the first run takes longer
for folder in map(Path, folders):
    photo = Image.open(folder / "photo.png")
    small = photo.resize((int(size), int(size)), Image.Resampling.LANCZOS)
    session.predict(small)[0].save(folder / "small.png")
    seconds = {}
    for how, asked in (("plain", {"putalpha": True}), ("decontaminated", {"decontaminate": True})):
        start = time.process_time()
        made = remove(photo.copy(), session=session, **asked)
        seconds[how] = time.process_time() - start
        made.save(folder / f"{how}.png")
    remove(photo, session=session, only_mask=True).save(folder / "alpha.png")
    (folder / "seconds.json").write_text(json.dumps(seconds))
"""


@dataclass(frozen=True)
class Yardstick:
    """rembg's results for one photo."""

    small: np.ndarray
    """What the network finds at its own size: uint8 [size, size]."""

    alpha: np.ndarray
    """At the photo's size: uint8 [H, W]."""

    colours: dict[str, np.ndarray]
    """The cut-out's colours by how they were made, uint8 [H, W, 3]: `plain` ones are the photo's, `decontaminated`
    ones are without the old background's part."""

    seconds: dict[str, float]
    """Processor time by the same names."""


def run_rembg(python: str, session: str, models: Path, size: int, photos: dict[str, np.ndarray], folder: Path) -> None:
    """Have rembg cut the photos out.

    :param python: a Python that has rembg.
    :param session: rembg's name for the model.
    :param models: the folder with the model's file.
    :param size: the network's width and height in pixels.
    :param photos: uint8 [H, W, 3] by name.
    :param folder: gets a folder for each photo.
    """
    folders = []
    for name, photo in photos.items():
        folders.append(folder / session / name)
        folders[-1].mkdir(parents=True, exist_ok=True)
        Image.fromarray(photo).save(folders[-1] / "photo.png")
    subprocess.run(
        [python, "-c", _PROGRAM, session, str(size), *map(str, folders)],
        env={**os.environ, "U2NET_HOME": str(models.resolve())},
        check=True,
    )


def read_yardstick(folder: Path, session: str, name: str) -> Yardstick | None:
    """What rembg made of a photo, or None where it wasn't asked."""
    made = folder / session / name
    if not (made / "seconds.json").is_file():
        return None
    seconds = json.loads((made / "seconds.json").read_text(encoding="utf-8"))
    colours = {how: np.asarray(Image.open(made / f"{how}.png"))[..., :3] for how in seconds}
    small, alpha = (np.asarray(Image.open(made / f"{each}.png")) for each in ("small", "alpha"))
    return Yardstick(small, alpha, colours, seconds)
