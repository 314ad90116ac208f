"""Every preset's light map, and what the small models make of it: `python -m iclight_workshop.preset_sheet FILE`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from iclight_standalone.model_files import SMALL, choose_models
from iclight_standalone.relighter import Relighter, open_picture
from lib_iclight.lights import Window, draw_lights, presets
from lib_iclight.pictures import Picture
from lib_iclight.weights.kind import Kind

_SIDE, _GAP, _LINE, _COLUMNS = 192, 10, 22, 5
"""The sheet's measures, in pixels, but for the last."""

_NOTE = "Relit by the repository's small models, which know solids and few words. The lights are what any model gets."


def main() -> None:
    """Write the sheet to the file that is named."""
    relighter = Relighter(choose_models(None, None, small=True))
    subject = open_picture(SMALL / "stone.png", "stone.png")
    cells = [(name, *_relight(relighter, subject, name)) for name in presets()]
    draw_sheet(cells).save(sys.argv[1], quality=88)


def draw_sheet(cells: list[tuple[str, Image.Image, Image.Image]]) -> Image.Image:
    """A name, its light map and its relit picture in each cell."""
    font = ImageFont.load_default(15)
    wide, high = 2 * _SIDE + 2 * _GAP, _SIDE + _LINE + _GAP
    rows = -(-len(cells) // _COLUMNS)
    sheet = Image.new("RGB", (_COLUMNS * wide + _GAP, rows * high + _LINE + _GAP), "white")
    draw = ImageDraw.Draw(sheet)
    for number, (name, *pictures) in enumerate(cells):
        left, top = _GAP + number % _COLUMNS * wide, number // _COLUMNS * high
        draw.text((left, top + 3), name, fill="black", font=font)
        for column, picture in enumerate(pictures):
            sheet.paste(picture.resize((_SIDE, _SIDE), Image.Resampling.LANCZOS), (left + column * _SIDE, top + _LINE))
    draw.text((_GAP, rows * high + 3), _NOTE, fill="black", font=font)
    return sheet


def _relight(relighter: Relighter, subject: Image.Image, name: str) -> tuple[Image.Image, Image.Image]:
    side = relighter.models.side
    outline = Picture(np.asarray(subject.getchannel("A").resize((side, side)).convert("RGB")))
    light_map = draw_lights(presets()[name], Window.whole(side, side), outline=outline).to_image()
    generation: dict[str, Any] = {"prompt": "", "seed": 3, "width": side, "height": side}
    settings = {"subject": subject, "lights": name, "light_denoise": 0.8}
    relit = relighter.relight(Kind.FOREGROUND, settings, **generation).image
    return light_map, relit.convert("RGB")


if __name__ == "__main__":
    if len(sys.argv) != 2 or Path(sys.argv[1]).suffix not in (".jpg", ".png"):
        sys.exit("Name the sheet's file, .jpg or .png.")
    main()
