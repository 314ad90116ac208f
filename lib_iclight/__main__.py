"""Relight one photo without a web UI: `python -m lib_iclight photo.jpg --light left --checkpoint … --iclight …`.

Without models it makes tiny ones with random weights and shows the whole path.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from .embedded.pictures import opened
from .errors import ICLightError
from .foreground import resize_and_centre_crop
from .light import light_map
from .request import Kind, Light
from .weights import kind_of

if TYPE_CHECKING:
    from .embedded.reference import Recorder

OUTPUTS = Path("outputs")
DEFAULTS = {"steps": 20, "seed": 12345, "width": 512, "height": 512}
RANDOM_DEFAULTS = {"steps": 8, "seed": 12345, "width": 256, "height": 256}
"""Random weights gain nothing by more."""
LEAST = {"steps": 1, "seed": -1, "width": 64, "height": 64}
RANDOM_WEIGHTS = "random weights: shows the path, not light"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    :returns: the exit status: 2 where something that the user can put right is wrong.
    """
    options = _parser().parse_args(arguments)
    try:
        if (options.checkpoint is None) != (options.iclight is None):
            raise ICLightError("Give both --checkpoint and --iclight, or neither for a try with random weights.")
        _relight(options)
    except ICLightError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m lib_iclight", description="Relight one photo with IC-Light.")
    parser.add_argument("photo", nargs="?", type=Path, help="what is to be relit; without one, a portrait")
    parser.add_argument(
        "--light", help="where the light comes from (fc, fcon): left, right, top, bottom, ambient, none"
    )
    parser.add_argument("--background", type=Path, metavar="PICTURE", help="what the subject is to stand in (fbc)")
    parser.add_argument("--prompt", default="portrait, detailed face, warm light")
    parser.add_argument("--negative-prompt", default="")
    parser.add_argument("--checkpoint", type=Path, metavar="FILE", help="an SD 1.5 checkpoint (safetensors)")
    parser.add_argument("--iclight", type=Path, metavar="FILE", help="an IC-Light model (safetensors)")
    parser.add_argument("--output", type=Path, metavar="FILE", help="where the picture goes (PNG)")
    parser.add_argument("--cfg", type=float, help="guidance; 2 without a background, 7 with one")
    parser.add_argument(
        "--cutout", default="auto", help="how the subject is cut out: auto, a matting model, grabcut or none"
    )
    for name, default in DEFAULTS.items():
        parser.add_argument(f"--{name}", type=int, help=f"{default} by default")
    return parser


def _relight(options: argparse.Namespace) -> None:
    photo, background = _subject(options.photo), None
    if options.background is not None:
        background = _opened(options.background, "background")
    is_random = options.checkpoint is None
    for name, default in (RANDOM_DEFAULTS if is_random else DEFAULTS).items():
        value = default if getattr(options, name) is None else getattr(options, name)
        if value < LEAST[name]:
            raise ICLightError(f"--{name} must be {LEAST[name]} or more, not {value}.")
        setattr(options, name, value)
    output = options.output or OUTPUTS / ("demo.png" if is_random else "relit.png")
    if output.suffix.lower() != ".png":
        raise ICLightError(f"--output must name a .png file, not {output}.")
    with _quiet():
        import torch

        from .embedded.reference import Recorder
        from .embedded.tiny import write_models
        from .embedded.webui import WebUI

        if is_random:
            torch.set_num_threads(1)  # with so little to compute, threads mostly wait for each other
            tiny = write_models(OUTPUTS / "tiny-models")
            options.checkpoint = tiny.checkpoint
            options.iclight = tiny.foreground if background is None else tiny.background
    kind = kind_of(options.iclight)
    settings = _settings(options, kind, photo, background)
    recorder = Recorder()
    webui = WebUI(options.checkpoint, options.iclight.parent, [recorder])
    result, subject = _generated(webui, options, kind, settings)
    output.parent.mkdir(parents=True, exist_ok=True)
    if not is_random:
        result.save(output)
        print(f"Relit picture: {output}")
        return
    light = _light(settings, *result.size, background)
    panels = {"photo": photo, "subject, as the model sees it": subject, light[0]: light[1], "result": result}
    _sheet(panels, RANDOM_WEIGHTS).save(output)
    print(f"Sheet ({RANDOM_WEIGHTS}): {output}")
    _print_error(recorder, options, [subject] if kind is Kind.FOREGROUND else [subject, light[1]])


def _settings(
    options: argparse.Namespace, kind: Kind, photo: Image.Image, background: Image.Image | None
) -> dict[str, Any]:
    """The request for IC Light; fields that the model can't look at are refused there."""
    light = options.light
    if light is None and kind is Kind.FOREGROUND and background is None:
        light = Light.LEFT.value
    given = {"light": light, "background_image": background}
    return {
        "model": options.iclight.name,
        "subject": photo,
        "cutout": options.cutout,
        "show_subject": True,
        **{name: value for name, value in given.items() if value is not None},
    }


def _generated(webui: Any, options: argparse.Namespace, kind: Kind, settings: dict) -> tuple[Image.Image, Image.Image]:
    """The relit picture, and the subject as the model sees it."""
    from tqdm import tqdm

    payload = {
        "prompt": options.prompt,
        "negative_prompt": options.negative_prompt,
        "seed": options.seed,
        "steps": options.steps,
        "cfg_scale": options.cfg or (2.0 if kind is Kind.FOREGROUND else 7.0),
        "width": options.width // 8 * 8,
        "height": options.height // 8 * 8,
        "sampler_name": "Euler",
        "alwayson_scripts": {"IC Light": {"args": [settings]}},
    }
    # not shown before the first step, so that a refusal is all that is said
    with tqdm(total=options.steps, unit="step", desc="relighting", delay=0.1) as bar:
        webui.state.on_step = bar.update
        images, _ = webui.txt2img(payload)
    return images[0], images[1]


def _print_error(recorder: Recorder, options: argparse.Namespace, pictures: list[Image.Image]) -> None:
    from .embedded.reference import relative_error

    arrays = [np.asarray(picture.convert("RGB")) for picture in pictures]
    error = relative_error(recorder, options.checkpoint, options.iclight, arrays)
    print(f"UNet output against diffusers' UNet2DConditionModel with summed weights: relative error {error:.1e}")


def _light(
    settings: dict[str, Any], width: int, height: int, background: Image.Image | None
) -> tuple[str, Image.Image]:
    """What the light comes from, with its label."""
    if background is not None:
        return "background", resize_and_centre_crop(background, width, height)
    light = Light(settings["light"])
    if light is Light.NONE:
        return "no light map", Image.new("RGB", (width, height), (64, 64, 64))
    return f"light map: {light.value}", light_map(light, width, height).to_image()


def _sheet(panels: dict[str, Image.Image], note: str) -> Image.Image:
    """The pictures side by side, a label above each and the note below."""
    size, line = 320, 28
    font = ImageFont.load_default(16)
    sheet = Image.new("RGB", (len(panels) * (size + 8) + 8, size + 2 * line + 8), "white")
    draw = ImageDraw.Draw(sheet)
    for number, (label, image) in enumerate(panels.items()):
        left = 8 + number * (size + 8)
        draw.text((left, 6), label, fill="black", font=font)
        sheet.paste(ImageOps.contain(image.convert("RGB"), (size, size)), (left, line))
    draw.text((8, size + line + 6), note, fill="black", font=font)
    return sheet


def _subject(path: Path | None) -> Image.Image:
    if path is not None:
        return _opened(path, "photo")
    import skimage.data

    return Image.fromarray(skimage.data.astronaut())


def _opened(path: Path, name: str) -> Image.Image:
    """A picture file with its transparency; checked as every other picture is."""
    try:
        image = Image.open(path)
    except OSError as error:
        raise ICLightError(f"The {name} {path} can't be opened: {error.strerror or 'it is no picture'}.") from error
    return opened(image, name)


@contextlib.contextmanager
def _quiet() -> Any:
    """Libraries' chatter while they are loaded is not for the user."""
    logging.getLogger("transformers").setLevel(logging.ERROR)
    with contextlib.redirect_stdout(io.StringIO()):
        yield


if __name__ == "__main__":
    sys.exit(main())
