"""Relights that every host must get right, and what the model must be given in each pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from iclight_standalone import reference as oracle
from iclight_workshop.host_bench import (
    BASE,
    HEIGHT,
    HIRES,
    WIDTH,
    background,
    encode,
    mask,
    relight,
    subject,
    tab_picture,
)

LANCZOS = Image.Resampling.LANCZOS

LONG_PROMPT = ", ".join(["a very detailed portrait of a person in the light of a window"] * 8)

Pictures = Callable[[int, int], tuple[Image.Image, ...]]


@dataclass(frozen=True)
class Case:
    """One request, and the pictures behind each pass's condition."""

    name: str
    tab: str
    payload: Mapping[str, Any]
    passes: tuple[tuple[str, int, int], ...]
    """Name, width and height of each pass."""

    pictures: Pictures
    """The condition's pictures at a size."""

    images: int = 1
    offsets: str = "fc"
    strength: float = 1.0


def panel_subject(width: int, height: int) -> tuple[Image.Image, ...]:
    """The subject that the panel holds."""
    return (oracle.cover(oracle.grey_composite(subject()), width, height),)


def subject_and_background(width: int, height: int) -> tuple[Image.Image, ...]:
    """Subject, then background."""
    return (*panel_subject(width, height), oracle.cover(background(), width, height))


def plain_background(side: str, width: int, height: int) -> Image.Image:
    """The reference's plain backgrounds, bright at the top."""
    assert side == "top"
    ramp = np.tile(np.linspace(224, 32, height)[:, None], (1, width))
    return Image.fromarray(np.stack([ramp] * 3, axis=-1).astype(np.uint8))


def tab_subject(width: int, height: int) -> tuple[Image.Image, ...]:
    """The img2img tab's picture, which has the size already."""
    return (tab_picture(width, height),)


FC = relight(model="iclight_sd15_fc", subject=subject())
FC_LEFT = relight(model="iclight_sd15_fc", subject=subject(), light="left")
FBC = relight(model="iclight_sd15_fbc", subject=subject(), background_image=background())
TAB = {**BASE, "init_images": [encode(tab_picture(WIDTH, HEIGHT))], "denoising_strength": 0.75}
TAB_LEFT = relight(model="iclight_sd15_fc", light="left", cutout="none")

BOX = (32, 48, 96, 144)
"""A mask whose shape is the picture's, so that "only masked" cuts out just it."""

ONLY_MASKED = {"mask_blur": 0, "inpaint_full_res": True, "inpaint_full_res_padding": 0, "inpainting_fill": 1}

TAB_BACKGROUND = background().resize((WIDTH, HEIGHT), LANCZOS)
"""A background that has the tab's picture's size, and so is cut with it."""

T2I = ("txt2img", WIDTH, HEIGHT)
I2I = ("img2img", WIDTH, HEIGHT)

CASES = [
    Case("fc", "txt2img", BASE | FC, (T2I,), panel_subject),
    Case("fbc", "txt2img", BASE | FBC, (T2I,), subject_and_background, offsets="fbc"),
    Case("fc-left-hires", "txt2img", BASE | HIRES | FC_LEFT, (T2I, ("hires", 192, 288)), panel_subject),
    Case("img2img-fc-left", "img2img", TAB | TAB_LEFT, (I2I,), tab_subject),
    Case(
        "img2img-mask",
        "img2img",
        TAB | TAB_LEFT | {"mask": encode(mask(WIDTH, HEIGHT, BOX)), "inpaint_full_res": False, "inpainting_fill": 1},
        (I2I,),
        tab_subject,
    ),
    Case(
        "only-masked",
        "img2img",
        TAB | TAB_LEFT | ONLY_MASKED | {"mask": encode(mask(WIDTH, HEIGHT, BOX))},
        (I2I,),
        lambda width, height: (tab_picture(WIDTH, HEIGHT).crop(BOX).resize((width, height), LANCZOS),),
    ),
    Case(
        "only-masked-widened",
        "img2img",
        TAB
        | TAB_LEFT
        | ONLY_MASKED
        | {"mask": encode(mask(WIDTH, HEIGHT, (40, 60, 72, 84))), "inpaint_full_res_padding": 8},
        (I2I,),
        # 48×40 with its padding, widened to the picture's shape
        lambda width, height: (tab_picture(WIDTH, HEIGHT).crop((32, 36, 80, 108)).resize((width, height), LANCZOS),),
    ),
    Case(
        "only-masked-blank",
        "img2img",
        TAB | TAB_LEFT | ONLY_MASKED | {"mask": encode(Image.new("L", (WIDTH, HEIGHT), 0))},
        (I2I,),
        tab_subject,
    ),
    Case(
        "only-masked-fbc",
        "img2img",
        TAB
        | relight(model="iclight_sd15_fbc", cutout="none", background="mirrored", background_image=TAB_BACKGROUND)
        | ONLY_MASKED
        | {"mask": encode(mask(WIDTH, HEIGHT, BOX))},
        (I2I,),
        lambda width, height: tuple(
            picture.crop(BOX).resize((width, height), LANCZOS)
            for picture in (tab_picture(WIDTH, HEIGHT), ImageOps.mirror(TAB_BACKGROUND))
        ),
        offsets="fbc",
    ),
    Case(
        "tab-resized",
        "img2img",
        TAB | TAB_LEFT | {"init_images": [encode(tab_picture(200, 240))], "resize_mode": 0},
        (I2I,),
        lambda width, height: (tab_picture(200, 240).resize((width, height), LANCZOS),),
    ),
    Case(
        "tab-cropped",
        "img2img",
        TAB | TAB_LEFT | {"init_images": [encode(tab_picture(200, 240))], "resize_mode": 1},
        (I2I,),
        lambda width, height: (tab_picture(200, 240).resize((160, 192), LANCZOS).crop((16, 0, 144, 192)),),
    ),
    Case(
        "fbc-mirrored",
        "txt2img",
        BASE
        | relight(model="iclight_sd15_fbc", subject=subject(), background="mirrored", background_image=background()),
        (T2I,),
        lambda width, height: (
            *panel_subject(width, height),
            oracle.cover(ImageOps.mirror(background()), width, height),
        ),
        offsets="fbc",
    ),
    Case(
        "fbc-plain",
        "txt2img",
        BASE | relight(model="iclight_sd15_fbc", subject=subject(), background="top"),
        (T2I,),
        lambda width, height: (*panel_subject(width, height), plain_background("top", width, height)),
        offsets="fbc",
    ),
    Case("batches", "txt2img", BASE | FC | {"batch_size": 2, "n_iter": 2}, (T2I, T2I), panel_subject, images=4),
    Case("size-136x200", "txt2img", BASE | FC | {"width": 136, "height": 200}, (("txt2img", 136, 200),), panel_subject),
    Case("cfg-1", "txt2img", BASE | FC | {"cfg_scale": 1}, (T2I,), panel_subject),
    Case("long-prompt", "txt2img", BASE | FC | {"prompt": LONG_PROMPT}, (T2I,), panel_subject),
    Case(
        "strength",
        "txt2img",
        BASE | relight(model="iclight_sd15_fc", subject=subject(), strength=0.5),
        (T2I,),
        panel_subject,
        strength=0.5,
    ),
    Case(
        "latent-hires",
        "txt2img",
        BASE | HIRES | FC | {"hr_upscaler": "Latent", "hr_scale": 1.3},
        (T2I, ("hires", 160, 248)),
        panel_subject,
    ),
]
