"""Loaded models that relight one picture after the other: what the command line, the demo and the page share."""

from __future__ import annotations

import contextlib
import io
import logging
import math
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from PIL import Image

from lib_iclight.errors import ICLightError
from lib_iclight.patch import check_checkpoint
from lib_iclight.weights import load_offsets
from lib_iclight.weights.kind import Kind

from .host import standalone_host
from .model_files import Models
from .tab_pictures import decode_picture

if TYPE_CHECKING:
    from .webui import WebUI

STEPS, SEED, PROMPT = 20, 12345, "warm light"

LIMITS = {
    "steps": (1, 150),
    "seed": (-1, 2**32 - 1),
    "width": (64, 2048),
    "height": (64, 2048),
    "size": (64, 2048),
    "cfg": (1, 30),
    "port": (1, 65535),
}
"""Smallest and largest value of what is no field of the request; -1 draws a seed."""

MAX_BYTES = 500_000_000
"""Size of the largest picture file that is opened."""

_SMALL_BYTES = 100_000_000
"""Checkpoints smaller than this run on one thread: with so little to do, threads mostly wait for each other."""


class Relit(NamedTuple):
    """What one relight led to."""

    image: Image.Image

    subject: Image.Image
    """The subject as the model sees it."""

    comments: str
    """What could not be done to a picture that was made all the same; empty as a rule."""


class Relighter:
    """One loaded web UI, for any number of pictures."""

    def __init__(self, models: Models, scripts: Sequence[Any] = ()) -> None:
        """Load the checkpoint, and see that IC-Light's files fit it.

        :param scripts: more always-on scripts, run after ours.
        :raises ICLightError: a file can't be read or doesn't fit, or a package is missing.
        """
        self.models = models
        self.webui = _load(models, scripts)

    def relight(
        self, kind: Kind, settings: dict[str, Any], on_step: Callable[[], object] | None = None, **generation: Any
    ) -> Relit:
        """Relight one picture.

        :param kind: which IC-Light model is used.
        :param settings: fields of the request, but for the model.
        :param on_step: called at each step.
        :param generation: fields of `/sdapi/v1/txt2img`.
        :raises ICLightError: the picture can't be relit.
        """
        model = self.models.find(kind)
        args = {**settings, "model": model.name, "show_subject": True}
        cfg = self.models.cfg[kind]
        defaults = {"prompt": PROMPT, "seed": SEED, "steps": STEPS, "cfg_scale": cfg, "sampler_name": "Euler"}
        self.webui.state.on_step = on_step
        images, info = self.webui.txt2img(
            {**defaults, **generation, "alwayson_scripts": {"IC Light": {"args": [args]}}}
        )
        return Relit(images[0], images[-1], info["comments"])


def check_number(name: str, value: float | None, shown: str) -> None:
    """:param shown: how the user knows it.

    :raises ICLightError: it is not in the range that :data:`LIMITS` has under the name.
    """
    low, high = LIMITS[name]
    if value is None or not low <= value <= high:
        raise ICLightError(f"{shown} must be a number from {low} to {high}, not {value}.")


def choose_size(
    picture: Image.Image, side: int, width: int | None = None, height: int | None = None
) -> tuple[int, int]:
    """Choose the width and height to sample, in steps of 8 pixels: the picture's shape, unless both are given.

    :param side: as many pixels as a square of this side has are sampled, if neither is given. A shape narrower than
        1:2 is cropped to that.
    """
    shape = min(max(picture.width / picture.height, 0.5), 2.0)
    if width is not None:
        wide, high = width, round(width / shape) if height is None else height
    elif height is not None:
        wide, high = round(height * shape), height
    else:
        wide, high = round(side * math.sqrt(shape) / 8) * 8, round(side / math.sqrt(shape) / 8) * 8
    return _fit_into_limits(wide), _fit_into_limits(high)


def _fit_into_limits(length: int) -> int:
    """The multiple of 8 pixels at or below a length, within what can be sampled."""
    least, most = LIMITS["size"]
    return min(max(length // 8 * 8, least), most)


def open_picture(path: Path, name: str) -> Image.Image:
    """Open a picture's file with its transparency; it is checked as every other picture is.

    :param name: what the picture is called in an error's sentence.
    :raises ICLightError: it can't be opened.
    """
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise ICLightError(f"{name} has {size / 1e6:.0f} MB: at most {MAX_BYTES / 1e6:.0f} are taken.")
        if not path.is_file():
            raise ICLightError(f"{name} is no ordinary file: give a picture.")
        content = path.read_bytes()
    except OSError as error:
        raise ICLightError(f"{name} can't be opened: {error.strerror}.") from error
    if not content:
        raise ICLightError(f"{name} is empty: give a picture.")
    return decode_picture(content, name)


def save_picture(image: Image.Image, target: Path) -> None:
    """Write a PNG file: it is whole as soon as it has its name.

    :raises ICLightError: it can't be written.
    """
    part = target.with_name(f"{uuid.uuid4().hex}.part")  # nobody's, even while another run writes here
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with part.open("xb") as file:
            image.save(file, format="PNG")
        part.replace(target)
    except OSError as error:
        raise ICLightError(f"{target} can't be written: {error.strerror or error}.") from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def _load(models: Models, scripts: Sequence[Any]) -> WebUI:
    with silence_imports():
        import torch

        from .webui import WebUI

    folders = list(dict.fromkeys([*(path.parent for path in models.iclight.values()), *models.folders]))
    webui = WebUI(models.checkpoint, folders, scripts)
    try:
        sd_model = webui.load()
    except (LookupError, RuntimeError, ValueError, TypeError, ArithmeticError) as error:  # missing, or of other shapes
        reason = str(error).partition("\n")[0].rstrip(":")
        raise ICLightError(f"{models.checkpoint.name} is no whole SD 1.5 checkpoint: {reason}.") from error
    for path in models.iclight.values():
        check_checkpoint(standalone_host(folders, webui.state), sd_model, load_offsets(path))
    if models.checkpoint.stat().st_size < _SMALL_BYTES:
        torch.set_num_threads(1)
    return webui


@contextlib.contextmanager
def silence_imports() -> Iterator[None]:
    """Silence what libraries print while they are loaded.

    :raises ICLightError: a package is not installed.
    """
    logging.getLogger("transformers").setLevel(logging.ERROR)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    except ModuleNotFoundError as error:
        raise ICLightError(
            f"The Python package {error.name} is missing: run `make demo`, which sets up an environment of its own."
        ) from error
