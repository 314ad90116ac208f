"""From a picture's own size to the size that is sampled."""

from __future__ import annotations

from PIL import Image

from ..errors import ICLightError

_MAX_RESIZED_PIXELS = 200_000_000
"""A strip a few pixels wide would have to be blown up beyond all memory before it is cropped."""


def resize_and_centre_crop(image: Image.Image, width: int, height: int) -> Image.Image:
    """Scale until the size is covered (Lanczos), then cut off what sticks out on both sides.

    The arithmetic of `resize_and_center_crop` in the reference's `gradio_demo.py`, to the pixel.

    :param width: in pixels, as is height.
    :raises ICLightError: the picture is so narrow that covering the size would take too much memory.
    """
    scale = max(width / image.width, height / image.height)
    covering = (round(image.width * scale), round(image.height * scale))
    if covering[0] * covering[1] > _MAX_RESIZED_PIXELS:
        raise ICLightError(
            f"A picture of {image.width}×{image.height} pixels is too narrow to fill {width}×{height}: crop it first."
        )
    resized = image.resize(covering, Image.Resampling.LANCZOS)
    left, top = (covering[0] - width) / 2, (covering[1] - height) / 2
    return resized.crop((left, top, left + width, top + height))
