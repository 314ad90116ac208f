"""From a picture's own size to the size that is sampled."""

from __future__ import annotations

from typing import NamedTuple

from PIL import Image

from ..errors import ICLightError

_MAX_RESIZED_PIXELS = 200_000_000
"""A strip a few pixels wide would have to be blown up beyond all memory before it is cropped."""


class Placement(NamedTuple):
    """Where a picture stands in the frame."""

    x: float = 0.5
    """Of the picture's middle, in the frame's width."""

    y: float = 0.5
    """Of the picture's middle, in the frame's height."""

    scale: float = 1.0
    """1 covers the frame, as the reference does."""

    mirrored: bool = False
    """With left and right exchanged."""


CENTRED = Placement()
"""The reference's crop."""


def place_picture(image: Image.Image, width: int, height: int, placement: Placement, beyond: int) -> Image.Image:
    """Bring a picture to its place in a frame. In the middle, at scale 1, it is the reference's crop to the byte.

    :param image: in mode RGB.
    :param width: the frame's in pixels, as is height.
    :param beyond: the grey level around a picture that doesn't fill the frame.
    :raises ICLightError: the picture at its scale would take too much memory.
    """
    if placement.mirrored:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if placement == Placement(mirrored=placement.mirrored):
        return resize_and_centre_crop(image, width, height)
    resized = _resize(image, placement.scale * max(width / image.width, height / image.height), width, height)
    frame = Image.new(image.mode, (width, height), (beyond,) * 3)
    frame.paste(
        resized, (round(placement.x * width - resized.width / 2), round(placement.y * height - resized.height / 2))
    )
    return frame


def resize_and_centre_crop(image: Image.Image, width: int, height: int) -> Image.Image:
    """Scale until the size is covered (Lanczos), then cut off what sticks out on both sides.

    The arithmetic of `resize_and_center_crop` in the reference's `gradio_demo.py`, to the pixel.

    :param width: in pixels, as is height.
    :raises ICLightError: the picture is so narrow that covering the size would take too much memory.
    """
    resized = _resize(image, max(width / image.width, height / image.height), width, height)
    left, top = (resized.width - width) / 2, (resized.height - height) / 2
    return resized.crop((left, top, left + width, top + height))


def _resize(image: Image.Image, scale: float, width: int, height: int) -> Image.Image:
    """:param width: what is to be covered, for the sentence."""
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    if size[0] * size[1] > _MAX_RESIZED_PIXELS:
        raise ICLightError(
            f"A picture of {image.width}×{image.height} pixels is too narrow to fill {width}×{height}: it would be "
            f"enlarged to {size[0]}×{size[1]}. Crop it first, or make subject_scale smaller."
        )
    return image.resize(size, Image.Resampling.LANCZOS)
