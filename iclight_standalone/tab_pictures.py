"""Pictures and masks on their way into the img2img tab and out of it."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from lib_iclight.pictures import Picture

Region = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels."""

LANCZOS = Image.Resampling.LANCZOS


def decode_picture(value: Any, name: str) -> Image.Image:
    """Decode a picture as :meth:`Picture.from_value` does: in mode RGBA where it is transparent, else RGB."""
    picture = Picture.from_value(value, name)
    image = picture.to_image()
    if picture.alpha is not None:
        image.putalpha(Image.fromarray(picture.alpha))
    return image


def composite_on_white(image: Image.Image) -> Image.Image:
    """Lay a picture on white: in mode RGB."""
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")


def resize_image(mode: int, image: Image.Image, width: int, height: int) -> Image.Image:
    """Bring a picture to size.

    :param mode: 0 stretch, 1 cover and crop, 2 fit inside and draw the rim out to the edges.
    :returns: in mode RGB.
    """
    image = image.convert("RGB")
    if mode == 0:
        return image.resize((width, height), LANCZOS)
    is_wider, is_higher = width * image.height > height * image.width, width * image.height < height * image.width
    by_width = is_wider if mode == 1 else is_higher
    inner_width = width if by_width else image.width * height // image.height
    inner_height = image.height * width // image.width if by_width else height
    image = image.resize((inner_width, inner_height), LANCZOS)
    left, top = width // 2 - inner_width // 2, height // 2 - inner_height // 2
    if mode == 1:
        return image.crop((-left, -top, width - left, height - top))
    rims = ((top, height - top - inner_height), (left, width - left - inner_width), (0, 0))
    return Image.fromarray(np.pad(np.asarray(image), rims, mode="edge"))


def find_crop_region(mask: Image.Image, padding: int, width: int, height: int) -> Region | None:
    """Find the region that "only masked" samples: the mask's box, padded, then widened to the sampled shape.

    :param mask: white where it is painted.
    :returns: None where nothing is.
    """
    box = mask.getbbox()
    if box is None:
        return None
    left, right = max(box[0] - padding, 0), min(box[2] + padding, mask.width)
    top, bottom = max(box[1] - padding, 0), min(box[3] + padding, mask.height)
    shape = width / height
    if (right - left) / (bottom - top) > shape:
        top, bottom = _widen(top, bottom, int((right - left) / shape), mask.height)
    else:
        left, right = _widen(left, right, int((bottom - top) * shape), mask.width)
    return left, top, right, bottom


def _widen(first: int, last: int, size: int, limit: int) -> tuple[int, int]:
    """Widen a span to that size around its middle, moved into 0…limit, and cut there if it is too long."""
    first -= (size - (last - first)) // 2
    first = max(0, min(first, limit - size))
    return first, min(first + size, limit)
