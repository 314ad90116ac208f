"""The demo: two subjects under light from four sides, on one sheet."""

from __future__ import annotations

import argparse
import textwrap
from typing import TYPE_CHECKING, Any

from PIL import Image, ImageDraw, ImageFont, ImageOps

from lib_iclight.errors import ICLightError
from lib_iclight.lights import NAMED_LIGHTS, Light, Window, draw_lights
from lib_iclight.weights.kind import Kind

from .model_files import SMALL, Models, choose_models
from .relighter import Relighter, check_number, open_picture, save_picture, silence_imports

if TYPE_CHECKING:
    from torch import Tensor, nn

SIDES = (Light.LEFT, Light.RIGHT, Light.TOP, Light.BOTTOM)

_CELL, _GAP, _LINE, _THUMBNAIL = 256, 12, 24, 48
"""The sheet's measures, in pixels."""


def run(options: argparse.Namespace) -> int:
    """Write the sheet, print how exact the UNet is, and say how to go on.

    :returns: the exit status.
    :raises ICLightError: an option or a file is wrong.
    """
    for name in ("steps", "seed"):
        check_number(name, getattr(options, name), f"--{name}")
    if options.size is not None:
        check_number("size", options.size, "--size")
    if options.output.suffix.lower() != ".png":
        raise ICLightError(f"--output must name a .png file, not {options.output}.")
    models = choose_models(options.checkpoint, options.iclight, options.small)
    models.find(Kind.FOREGROUND)
    print(models.note)
    recorder = FirstCall()
    rows = _relight_rows(Relighter(models, [recorder]), options)
    save_picture(draw_sheet(rows, models.note), options.output)
    print(f"Sheet: {options.output}")
    _print_error(recorder, models, load_subjects()[0])
    print("To try it on your own pictures: `make page`, or `python -m iclight_standalone photo.jpg --light left`.")
    return 0


class FirstCall:
    """An always-on script that keeps what the UNet was given, and what it gave back, in its first call."""

    def __init__(self) -> None:
        self.given: tuple[Tensor, Tensor, Tensor] | None = None
        """Scaled latent and condition [B, 8 or 12, H/8, W/8], levels of noise [B], prompts [B, 77 · n, width]."""

        self.output: Tensor | None = None
        """[B, 4, H/8, W/8]."""

    def title(self) -> str:
        """Its name among the scripts."""
        return "First call"

    def process_before_every_sampling(self, p: Any, *args: Any, **kwargs: Any) -> None:
        """Listen at the UNet itself, behind every wrapper and merge, until it was called once."""
        if self.given is None:
            unet = p.sd_model.forge_objects.unet.model.diffusion_model
            self._handle = unet.register_forward_hook(self._keep)

    def _keep(self, module: nn.Module, given: tuple[Tensor, Tensor, Tensor], output: Tensor) -> None:
        self.given, self.output = given, output
        self._handle.remove()


def load_subjects() -> list[Image.Image]:
    """A rendered subject with transparency, and a photo."""
    import skimage.data

    return [open_picture(SMALL / "ball.png", "ball.png"), Image.fromarray(skimage.data.astronaut())]


def draw_sheet(rows: list[list[Image.Image]], note: str) -> Image.Image:
    """The subjects on the left, each with what its light made of it; what the light is above, the note below.

    :param rows: a subject, and as many pictures as there are sides.
    :returns: in mode RGB.
    """
    font = ImageFont.load_default(16)
    labels = ["the subject, as the model sees it", *(f"light from the {side.value}" for side in SIDES)]
    width = len(labels) * (_CELL + _GAP) + _GAP
    lines = textwrap.wrap(note, width // 8)
    head = _GAP + _THUMBNAIL + _LINE + _GAP
    note_top = head + len(rows) * (_CELL + _GAP)
    image = Image.new("RGB", (width, note_top + len(lines) * _LINE + _GAP), "white")
    draw = ImageDraw.Draw(image)
    for column, label in enumerate(labels):
        left = _GAP + column * (_CELL + _GAP)
        if column > 0:
            light = draw_lights(NAMED_LIGHTS[SIDES[column - 1]], Window.whole(_THUMBNAIL, _THUMBNAIL)).to_image()
            image.paste(ImageOps.expand(light, 1, "grey"), (left, _GAP))
        draw.text((left, _GAP + _THUMBNAIL + 4), label, fill="black", font=font)
        for number, row in enumerate(rows):
            cell = row[column].convert("RGB").resize((_CELL, _CELL), Image.Resampling.LANCZOS)
            image.paste(cell, (left, head + number * (_CELL + _GAP)))
    for number, line in enumerate(lines):
        draw.text((_GAP, note_top + number * _LINE), line, fill="black", font=font)
    return image


def _relight_rows(relighter: Relighter, options: argparse.Namespace) -> list[list[Image.Image]]:
    """Each subject as the model sees it, and relit from every side with the same noise."""
    from tqdm import tqdm

    given = load_subjects()
    side = (options.size or relighter.models.side) // 8 * 8
    generation = {"prompt": options.prompt, "steps": options.steps, "seed": options.seed, "width": side, "height": side}
    rows = []
    with tqdm(total=len(given) * len(SIDES) * options.steps, unit="step", desc="relighting", delay=0.1) as bar:
        for subject in given:
            settings = [{"subject": subject, "light": light.value} for light in SIDES]
            relit = [relighter.relight(Kind.FOREGROUND, each, bar.update, **generation) for each in settings]
            rows.append([relit[0].subject, *(each.image for each in relit)])
    return rows


def _print_error(recorder: FirstCall, models: Models, subject: Image.Image) -> None:
    """Compute the first relight's first step again, from the subject's pixels on, and print how far the two differ."""
    with silence_imports():
        from . import reference

    assert recorder.given is not None and recorder.output is not None, "every relight calls the UNet"
    scaled, timesteps, prompts = recorder.given
    height, width = (8 * length for length in scaled.shape[-2:])
    picture = reference.cover(reference.grey_composite(subject), width, height)
    condition = reference.condition(models.checkpoint, picture)
    denoiser = reference.Denoiser(models.checkpoint, models.find(Kind.FOREGROUND))
    expected = denoiser.epsilon_of_scaled(scaled[:, :4], timesteps, prompts, condition)
    error = reference.relative_error(recorder.output, expected)
    print(f"UNet output against diffusers' UNet2DConditionModel with summed weights: relative error {error:.1e}")
