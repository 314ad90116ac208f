"""Where subject, light and background come from: every picture, in every tab, with every mask mode.

Each cell ends in a condition and a start that are checked against the reference's arithmetic, or in a sentence. What
is expected is written here once more, as plain rules.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from PIL import Image, ImageOps

from iclight_standalone import reference as oracle
from iclight_workshop.host_bench import Bench, background, encode, mask, subject, tab_picture

from .cases import BASE, BOX, HEIGHT, LANCZOS, TAB, WIDTH, plain_background, relight

HIRES = {"enable_hr": True, "hr_scale": 1.25, "hr_upscaler": "Latent", "denoising_strength": 0.5}
TABS = ("txt2img", "hires", "img2img")
MASKS = ("no mask", "whole picture", "only masked")
SUBJECTS = ("panel", "panel, of the tab's size", "tab")
LIGHTS = ("fc", "fc side", "fc map", "fc tab's picture", "fbc image", "fbc mirrored", "fbc plain")

FIRST, SECOND = tab_picture(WIDTH, HEIGHT), ImageOps.mirror(tab_picture(WIDTH, HEIGHT))


@dataclass(frozen=True)
class Cell:
    """One combination."""

    tab: str
    mask: str
    images: int
    """In the img2img tab."""

    subject: str
    light: str

    def __str__(self) -> str:
        return f"{self.tab}-{self.mask}-{self.images}-{self.subject}-{self.light}"


CELLS = [
    *(Cell(tab, "no mask", 1, each, light) for tab in TABS[:2] for each in ("panel", "tab") for light in LIGHTS),
    *(Cell("img2img", *rest) for rest in itertools.product(MASKS, (1, 2), SUBJECTS, LIGHTS)),
]


def sentence(cell: Cell) -> str | None:
    """A part of what a cell is refused with, or None."""
    if cell.tab != "img2img" and cell.subject == "tab":
        return "There is no subject"
    if cell.light == "fc tab's picture" and (cell.tab != "img2img" or cell.subject == "tab"):
        return "light custom needs a picture in light_map"
    if cell.mask == "only masked" and cell.subject == "panel":
        return "need one size"
    return None


def settings(cell: Cell) -> dict[str, Any]:
    """The request's."""
    kind, _, light = cell.light.partition(" ")
    values: dict[str, Any] = {"model": f"iclight_sd15_{kind}"}
    if cell.subject == "tab":
        values["cutout"] = "none"
    else:
        values["subject"] = subject() if cell.subject == "panel" else subject().resize((WIDTH, HEIGHT), LANCZOS)
    if light in ("image", "mirrored"):
        return values | {"background": light, "background_image": background()}
    return (
        values
        | {
            "": {},
            "side": {"light": "left"},
            "map": {"light": "custom", "light_map": background()},
            "tab's picture": {"light": "custom"},
            "plain": {"background": "top"},
        }[light]
    )


def payload(cell: Cell) -> dict[str, Any]:
    """The whole request."""
    if cell.tab != "img2img":
        return BASE | relight(**settings(cell)) | (HIRES if cell.tab == "hires" else {}) | {"steps": 1}
    masks = {
        "no mask": {},
        "whole picture": {"inpaint_full_res": False},
        "only masked": {"inpaint_full_res": True, "inpaint_full_res_padding": 0},
    }[cell.mask]
    if masks:
        masks |= {"mask": encode(mask(WIDTH, HEIGHT, BOX)), "mask_blur": 0, "inpainting_fill": 1}
    images = [encode(each) for each in (FIRST, SECOND)[: cell.images]]
    return TAB | relight(**settings(cell)) | masks | {"init_images": images, "batch_size": cell.images, "steps": 2}


def in_frame(cell: Cell, picture: Image.Image, width: int, height: int) -> Image.Image:
    """A light map or background: it fills what is sampled; with "only masked" the tab's picture, cut along with it."""
    if cell.mask != "only masked":
        return oracle.cover(picture, width, height)
    return oracle.cover(picture, WIDTH, HEIGHT).crop(BOX).resize((width, height), LANCZOS)


def of_tab(cell: Cell, width: int, height: int) -> list[Image.Image]:
    """The tab's pictures as the tab fits them."""
    pictures = (FIRST, SECOND)[: cell.images]
    if cell.mask != "only masked":
        return [each.resize((width, height), LANCZOS) for each in pictures]
    return [each.crop(BOX).resize((width, height), LANCZOS) for each in pictures]


def subjects(cell: Cell, width: int, height: int) -> list[Image.Image]:
    """What the model is shown as subjects."""
    if cell.subject == "tab":
        return of_tab(cell, width, height)
    if cell.mask == "only masked":
        grey = oracle.grey_composite(subject().resize((WIDTH, HEIGHT), LANCZOS))
        return [grey.crop(BOX).resize((width, height), LANCZOS)]
    given = settings(cell)["subject"]
    return [oracle.cover(oracle.grey_composite(given), width, height)]


def behind(cell: Cell, width: int, height: int) -> Image.Image | None:
    """What the model is shown as background."""
    if cell.light == "fbc plain":
        return plain_background("top", width, height)
    if cell.light in ("fbc image", "fbc mirrored"):
        picture = background() if cell.light == "fbc image" else ImageOps.mirror(background())
        return in_frame(cell, picture, width, height)
    return None


def lights(cell: Cell, width: int, height: int) -> list[Image.Image]:
    """What the first pass starts from, if a light was chosen."""
    if cell.light == "fc side":
        return [oracle.light_map("left", width, height)]
    if cell.light == "fc map":
        return [in_frame(cell, background(), width, height)]
    return of_tab(cell, width, height) if cell.light == "fc tab's picture" else []


def is_long(cell: Cell) -> bool:
    """Those that differ from others by one thing that is told apart elsewhere too."""
    if cell.images == 2 or cell.mask == "whole picture" or cell.tab == "hires":
        return True
    return (sentence(cell) is None and cell.light not in ("fc side", "fbc image")) or cell.light == "fbc mirrored"


@pytest.mark.parametrize(
    "cell", [pytest.param(each, marks=[pytest.mark.long] if is_long(each) else [], id=str(each)) for each in CELLS]
)
def test_cell(bench: Bench, cell: Cell, figure: Callable[[str, float], float]) -> None:
    outcome = bench.post("img2img" if cell.tab == "img2img" else "txt2img", payload(cell))
    says = sentence(cell)
    if says is not None:
        assert (outcome.status, outcome.images) == (422, []), outcome
        assert says in outcome.detail
        assert not any(each["calls"] for each in outcome.passes), "nothing may be sampled"
        return
    assert outcome.status == 200, outcome.detail
    assert len(outcome.passes) == (2 if cell.tab == "hires" else 1)
    for recorded in outcome.passes:
        check_condition(bench, cell, recorded, figure)
    check_start(bench, cell, outcome.passes[0], figure)


def check_condition(bench: Bench, cell: Cell, recorded: dict[str, Any], figure: Callable) -> None:
    """Every call of the UNet was given each picture's subject, and the background."""
    height, width = (8 * size for size in recorded["x"].shape[-2:])
    shown, backdrop = subjects(cell, width, height), behind(cell, width, height)
    rows = [oracle.condition(bench.checkpoint, each, *([backdrop] if backdrop else [])) for each in shown]
    expected = torch.cat(rows)
    assert recorded["calls"]
    for call in recorded["calls"]:
        repeated = expected.repeat(len(call["input"]) // len(expected), 1, 1, 1)
        assert figure("c_concat", oracle.relative_error(call["c_concat"], repeated)) <= 1e-5


def check_start(bench: Bench, cell: Cell, recorded: dict[str, Any], figure: Callable) -> None:
    """The first pass started from the light, or from what the tab would start from."""
    height, width = (8 * size for size in recorded["x"].shape[-2:])
    chosen = lights(cell, width, height)
    sigma, noise = recorded["schedule"]["sigmas"][0], recorded["noise"]
    if not chosen:
        latent = 0 if cell.tab != "img2img" else recorded["x"]
        assert torch.allclose(recorded["start"], latent + sigma * noise, atol=1e-5)
        return
    expected = torch.cat([oracle.condition(bench.checkpoint, each) for each in chosen])
    start = recorded["start"] - sigma * noise
    assert figure("start", oracle.relative_error(start, expected.expand_as(start))) <= 1e-4
