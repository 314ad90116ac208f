"""A sheet of photos, each cut out in every way that there is a file for, to be looked at."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from lib_iclight.errors import ICLightError
from lib_iclight.foreground import CutoutSettings, Foreground, cut_out
from lib_iclight.foreground.matting import MattingModel
from lib_iclight.foreground.methods import Cutout
from lib_iclight.pictures import Picture

_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
_GREEN = (0, 177, 64)
_LABEL = 20


def ways(folders: list[Path]) -> list[Cutout]:
    """GrabCut, and the models that are in the folders."""
    found = []
    for cutout in Cutout:
        if cutout not in (Cutout.AUTO, Cutout.NONE, Cutout.GRABCUT):
            try:
                MattingModel.of(cutout).find(folders)
            except ICLightError:
                print(f"{cutout.value} is left out: its file is not there")
            else:
                found.append(cutout)
    return [*found, Cutout.GRABCUT]


def on_green(foreground: Foreground) -> Image.Image:
    """The subject in its own colours on green, where a wrong edge shows."""
    if foreground.alpha is None:
        return Image.fromarray(foreground.colour)
    share = foreground.alpha[..., None].astype(np.float32) / 255
    mixed = foreground.colour * share + np.array(_GREEN, np.float32) * (1 - share)
    return Image.fromarray(np.rint(mixed).astype(np.uint8))


def cell(image: Image.Image, label: str, height: int) -> Image.Image:
    """A picture of the sheet, with what it is written over it."""
    image = image.resize((max(1, round(image.width * height / image.height)), height), Image.Resampling.LANCZOS)
    framed = Image.new("RGB", (image.width, height + _LABEL), "white")
    framed.paste(image, (0, _LABEL))
    ImageDraw.Draw(framed).text((4, 4), label, fill="black")
    return framed


def row(path: Path, cutouts: list[Cutout], folders: list[Path], height: int) -> list[Image.Image]:
    """One photo as it is, and cut out in each way: on green, and its alpha."""
    with Image.open(path) as image:
        picture = Picture.from_image(image, path.name)
    cells = [cell(picture.to_image(), path.name, height)]
    for cutout in cutouts:
        start = time.perf_counter()
        try:
            foreground = cut_out(picture, CutoutSettings(cutout), folders)
        except ICLightError as error:
            print(f"{path.name}, {cutout.value}: {error}")
            continue
        seconds = time.perf_counter() - start
        print(f"{path.name} {picture.width}×{picture.height}, {cutout.value}: {seconds:.1f} s")
        cells.append(cell(on_green(foreground), f"{cutout.value}, {seconds:.1f} s", height))
        if foreground.alpha is not None:
            cells.append(cell(Image.fromarray(foreground.alpha).convert("RGB"), "alpha", height))
    return cells


def sheet(rows: list[list[Image.Image]]) -> Image.Image:
    """Rows of cells, one below the other."""
    size = max(sum(each.width for each in cells) for cells in rows), sum(cells[0].height for cells in rows)
    whole = Image.new("RGB", size, "white")
    top = 0
    for cells in rows:
        left = 0
        for each in cells:
            whole.paste(each, (left, top))
            left += each.width
        top += cells[0].height
    return whole


def main() -> None:
    """Entry point of `python -m iclight_workshop.benchmarks.cutouts`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path, help="folder with photos")
    parser.add_argument("--folder", type=Path, default=Path("models"), help="folder with matting models")
    parser.add_argument("--output", type=Path, default=Path("cutouts.png"), help="where the sheet goes")
    parser.add_argument("--height", type=int, default=480, help="of a photo on the sheet, in pixels")
    options = parser.parse_args()
    photos = sorted(path for path in options.photos.iterdir() if path.suffix.lower() in _SUFFIXES)
    if not photos:
        parser.error(f"there is no photo in {options.photos}")
    cutouts = ways([options.folder])
    sheet([row(path, cutouts, [options.folder], options.height) for path in photos]).save(options.output)
    print(f"{len(photos)} photos, {len(cutouts)} ways: {options.output}")


if __name__ == "__main__":
    main()
