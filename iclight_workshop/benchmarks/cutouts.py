"""Photos cut out in every way that there is a file for: figures, and a sheet to be looked at.

    python -m iclight_workshop.benchmarks.cutouts [PHOTOS] --models FOLDER [--rembg PYTHON] [--yardstick FOLDER]

Without photos, those that scikit-image ships are taken, and a drawn subject whose colours and alpha are known. Beside
each of our cut-outs stands rembg's by the same model file, where `--yardstick` has it or `--rembg` names a Python that
can make it.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw

from iclight_workshop.drawn import furry_alpha, green_screen, mixed, subject_colours
from lib_iclight.errors import ICLightError
from lib_iclight.foreground import METHODS, CutoutMethod, CutoutSettings, composite_on_grey, cut_out
from lib_iclight.foreground.matting import MattingModel
from lib_iclight.foreground.methods import GRABCUT
from lib_iclight.pictures import Picture
from lib_iclight.weights import Catalogue, read_catalogue

from .rim import find_rim, measure_leftover
from .yardstick import Yardstick, read_yardstick, run_rembg

_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
_MAGENTA = (230, 0, 230)
"""Of few old backgrounds and few subjects: what is wrong with an edge shows on it."""

_LABEL = 20
_DRAWN = "drawn"
_ENLARGED = 64
"""Width and height in pixels of the part of the rim that the sheet shows enlarged, in a photo of 512 pixels."""


@dataclass(frozen=True)
class Layer:
    """A cut-out: colours uint8 [H, W, 3] and alpha uint8 [H, W]."""

    colour: np.ndarray
    alpha: np.ndarray

    def lay_on_magenta(self) -> np.ndarray:
        """As the sheet shows it."""
        share = self.alpha[..., None].astype(np.float32) / 255
        return np.rint(self.colour * share + np.array(_MAGENTA, np.float32) * (1 - share)).astype(np.uint8)


def main() -> None:
    """Entry point of `python -m iclight_workshop.benchmarks.cutouts`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path, nargs="?", help="folder with photos")
    parser.add_argument("--method", choices=list(METHODS), action="append", help="this way only; can be repeated")
    parser.add_argument("--models", type=Path, default=Path("models"), help="folder with matting models")
    parser.add_argument("--rembg", metavar="PYTHON", help="a Python with rembg, to make what is to be compared with")
    parser.add_argument("--yardstick", type=Path, metavar="FOLDER", help="where rembg's results are kept")
    parser.add_argument("--sheet", type=Path, default=Path("outputs/cutouts.png"), help="where the sheet goes")
    parser.add_argument("--height", type=int, default=320, help="of a photo on the sheet, in pixels")
    options = parser.parse_args()
    photos = read_photos(options.photos) if options.photos else make_photos()
    if not photos:
        parser.error(f"there is no photo in {options.photos}")
    with tempfile.TemporaryDirectory() as temporary:
        yardstick = options.yardstick or Path(temporary)
        rows = []
        catalogue = read_catalogue([options.models])
        for method in find_methods(catalogue):
            if options.method and method.name not in options.method:
                continue
            if options.rembg and method.family and method.file_name:
                session = Path(method.file_name).stem
                run_rembg(options.rembg, session, options.models, method.family.size, photos, yardstick)
            rows += list(compare(method, photos, catalogue, yardstick, options.height))
    options.sheet.parent.mkdir(parents=True, exist_ok=True)
    stack(rows).save(options.sheet)
    print(options.sheet)


def read_photos(folder: Path) -> dict[str, np.ndarray]:
    """A folder's photos by name, uint8 [H, W, 3] each."""
    photos = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in _SUFFIXES:
            with Image.open(path) as image:
                photos[path.stem] = Picture.from_image(image, path.name).rgb
    return photos


def make_photos() -> dict[str, np.ndarray]:
    """scikit-image's photos, and the drawn subject on green."""
    from skimage import data

    photos = {name: np.ascontiguousarray(getattr(data, name)()) for name in ("astronaut", "chelsea", "coffee")}
    alpha, subject = draw_truth()
    return photos | {_DRAWN: mixed(alpha, subject, green_screen(*alpha.shape[::-1]))}


def draw_truth() -> tuple[np.ndarray, np.ndarray]:
    """The drawn subject's alpha in 0…1 and its colours in 0…255, float32."""
    return furry_alpha(900, 700), subject_colours(900, 700)


def find_methods(catalogue: Catalogue) -> list[CutoutMethod]:
    """The methods whose model is there, and GrabCut."""
    with_model = [method for method in METHODS.values() if method.family is not None]
    there = [method for method in with_model if MattingModel.of(method).locate(catalogue) is not None]
    print("their files are not there:", ", ".join(each.name for each in with_model if each not in there) or "none")
    return [*there, METHODS[GRABCUT]]


def compare(
    method: CutoutMethod, photos: dict[str, np.ndarray], catalogue: Catalogue, yardstick: Path, height: int
) -> Iterator[list[Image.Image]]:
    """Cut every photo out in one way, print the figures, and give the sheet's rows."""
    if method.family is not None:  # the file is read and compared before any time is taken
        MattingModel.of(method).estimate_alpha(next(iter(photos.values())), catalogue)
    print(f"\n{method.name}")
    print(f"{'':30} {'cut-out':>16} {'CPU s':>8} {'old background left in the rim':>32} {'alpha off rembg:':>18}")
    print(f"{'':30} {'':>16} {'':>8} {'share':>14} {'px per px outline':>17} {'network':>9} {'final':>8}")
    for name, photo in photos.items():
        start = time.process_time()
        try:
            foreground = cut_out(Picture(photo), CutoutSettings(method.name), catalogue)
        except ICLightError as error:
            print(f"{name}: {error}")
            continue
        seconds = time.process_time() - start
        alpha = np.full(photo.shape[:2], 255, np.uint8) if foreground.alpha is None else foreground.alpha
        layers = {"ours": Layer(foreground.colour, alpha)}
        made = read_yardstick(yardstick, Path(method.file_name or method.name).stem, name)
        times = {"ours": seconds}
        if made is not None:
            layers |= {f"rembg {how}": Layer(colour, made.alpha) for how, colour in made.colours.items()}
            times |= {f"rembg {how}": taken for how, taken in made.seconds.items()}
        rim = find_rim(photo, [layer.alpha for layer in layers.values()])
        for label, layer in layers.items():
            share, amount = measure_leftover(rim, layer.colour, layer.alpha)
            off = describe_difference(method, photo, catalogue, layer.alpha, made) if made and label == "ours" else ""
            truth = describe_error(layer) if name == _DRAWN else ""
            print(f"{name[:30]:30} {label:>16} {times[label]:8.1f} {share:14.1%} {amount:17.2f} {off}{truth}")
        yield draw_row(f"{name}, {method.name}", photo, layers, made, height)


def describe_difference(
    method: CutoutMethod, photo: np.ndarray, catalogue: Catalogue, alpha: np.ndarray, made: Yardstick
) -> str:
    """The mean absolute differences of alpha to rembg's, at the network's size and at the photo's, in levels."""
    found = (MattingModel.of(method).estimate_alpha(photo, catalogue) * 255).astype(np.uint8)  # truncated as rembg does
    differences = [np.abs(one.astype(int) - other).mean() for one, other in ((found, made.small), (alpha, made.alpha))]
    return f"{differences[0]:9.3f} {differences[1]:8.2f}"


def describe_error(layer: Layer) -> str:
    """How far the drawn subject on grey is off the truth, in levels: a mean over its edge and four pixels around."""
    alpha, subject = draw_truth()
    soft = ((alpha > 0) & (alpha < 1)).astype(np.uint8)
    edge = cv2.dilate(soft, np.ones((9, 9), np.uint8)) > 0
    truth = mixed(alpha, subject, np.full_like(subject, 127))
    error = np.abs(composite_on_grey(layer.colour, layer.alpha).astype(int) - truth)[edge].mean()
    return f"   off the truth on grey: {error:.1f} levels"


def draw_row(
    title: str, photo: np.ndarray, layers: dict[str, Layer], made: Yardstick | None, height: int
) -> list[Image.Image]:
    """The photo, our cut-out on magenta, rembg's alpha, and the richest part of the rim enlarged in each cut-out."""
    cells = [frame(photo, title, height), frame(layers["ours"].lay_on_magenta(), "ours", height)]
    if made is not None:
        cells.append(frame(made.alpha, "rembg's alpha", height))
    part = find_richest_part([layer.alpha for layer in layers.values()])
    cells.append(frame(photo[part], "the rim", height))
    return cells + [frame(layer.lay_on_magenta()[part], label, height) for label, layer in layers.items()]


def find_richest_part(alphas: list[np.ndarray]) -> tuple[slice, slice]:
    """The square that most of the cut-outs' outlines lie in, where hair is most likely."""
    height, width = alphas[0].shape
    size = min(height, width, max(16, round(_ENLARGED * min(height, width) / 512)))
    outlines = [
        cv2.morphologyEx((alpha > 127).astype(np.float32), cv2.MORPH_GRADIENT, np.ones((2, 2), np.uint8))
        for alpha in alphas
    ]
    counted = cv2.boxFilter(
        np.sum(outlines, axis=0), -1, (size, size), anchor=(0, 0), normalize=False, borderType=cv2.BORDER_CONSTANT
    )
    counted = counted[: height - size + 1, : width - size + 1]
    top, left = np.unravel_index(int(np.argmax(counted)), counted.shape)
    return np.s_[top : top + size, left : left + size]


def frame(pixels: np.ndarray, label: str, height: int) -> Image.Image:
    """A cell of the sheet: a picture, with what it is written over it."""
    image = Image.fromarray(pixels).convert("RGB")
    how = Image.Resampling.NEAREST if image.height < height / 2 else Image.Resampling.LANCZOS
    image = image.resize((max(1, round(image.width * height / image.height)), height), how)
    framed = Image.new("RGB", (image.width, height + _LABEL), "white")
    framed.paste(image, (0, _LABEL))
    ImageDraw.Draw(framed).text((4, 4), label, fill="black")
    return framed


def stack(rows: list[list[Image.Image]]) -> Image.Image:
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


if __name__ == "__main__":
    main()
