"""What the img2img tab does to pictures and masks before anything is sampled."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image, ImageFilter, ImageOps

Region = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels."""

LANCZOS = Image.Resampling.LANCZOS


def resize_image(mode: int, image: Image.Image, width: int, height: int) -> Image.Image:
    """Bring a picture to size.

    :param mode: 0 stretch, 1 cover and crop, anything else: fit inside and fill the rest from the rim.
    """
    if mode == 0:
        return image.resize((width, height), LANCZOS)
    by_width = (width / height < image.width / image.height) == (mode != 1)
    if mode == 1 and width / height == image.width / image.height:
        by_width = False
    inner_width = width if by_width else image.width * height // image.height
    inner_height = image.height * width // image.width if by_width else height
    inner = image.convert("RGB").resize((inner_width, inner_height), LANCZOS)
    left, top = width // 2 - inner_width // 2, height // 2 - inner_height // 2
    result = Image.new("RGB", (width, height))
    result.paste(inner, (left, top))
    if mode != 1:
        _fill_rim(result, inner, left, top)
    return result


def _fill_rim(result: Image.Image, inner: Image.Image, left: int, top: int) -> None:
    """Draw the picture's outermost pixels out to the edges."""
    for start, size, edge in (
        ((0, 0), (inner.width, top), (0, 0, inner.width, 0)),
        ((0, top + inner.height), (inner.width, top), (0, inner.height, inner.width, inner.height)),
        ((0, 0), (left, inner.height), (0, 0, 0, inner.height)),
        ((left + inner.width, 0), (left, inner.height), (inner.width, 0, inner.width, inner.height)),
    ):
        if min(size) > 0:
            result.paste(inner.resize(size, box=edge), start)


def flatten(image: Image.Image) -> Image.Image:
    """Without transparency: on white, as the host's default is."""
    if image.mode == "RGBA":
        white = Image.new("RGBA", image.size, "#ffffff")
        white.paste(image, mask=image)
        image = white
    return image.convert("RGB")


def prepare_mask(mask: Image.Image, invert: bool, blur: int) -> Image.Image:
    """A mask in greys, white where it is painted: from its transparency, if it has any; blurred by that many pixels."""
    import cv2

    if mask.mode == "RGBA" and mask.getextrema()[-1] != (255, 255):
        mask = mask.getchannel("A").point(lambda value: 255 if value > 128 else 0)
    mask = mask.convert("L")
    if invert:
        mask = ImageOps.invert(mask)
    if blur > 0:
        kernel = 2 * int(2.5 * blur + 0.5) + 1
        across = cv2.GaussianBlur(np.array(mask), (kernel, 1), blur)
        mask = Image.fromarray(cv2.GaussianBlur(across, (1, kernel), blur))
    return mask


def crop_region(mask: Image.Image, padding: int, width: int, height: int) -> Region | None:
    """What "only masked" cuts out: the mask's box, padded, then widened to the shape that is sampled.

    :param width: of what is sampled, as is height.
    :returns: None where nothing is masked.
    """
    box = mask.getbbox()
    if box is None:
        return None
    left, right = max(box[0] - padding, 0), min(box[2] + padding, mask.width)
    top, bottom = max(box[1] - padding, 0), min(box[3] + padding, mask.height)
    shape = width / height
    if (right - left) / (bottom - top) > shape:
        top, bottom = _widened(top, bottom, int((right - left) / shape - (bottom - top)), mask.height)
    else:
        left, right = _widened(left, right, int((bottom - top) * shape - (right - left)), mask.width)
    return left, top, right, bottom


def _widened(first: int, last: int, more: int, limit: int) -> tuple[int, int]:
    """The span with `more` pixels around it, moved into 0…limit and cut there if it is too long."""
    first, last = first - more // 2, last + more - more // 2
    beyond = max(0, last - limit)
    first, last = first - beyond, last - beyond
    return max(first, 0), min(last - min(first, 0), limit)


def fill(image: Image.Image, mask: Image.Image) -> Image.Image:
    """Replace what is masked by its surroundings' colours, blurred: wide first, finer where there is something."""
    around = Image.new("RGBa", image.size)
    around.paste(image.convert("RGBA").convert("RGBa"), mask=ImageOps.invert(mask.convert("L")))
    filled = Image.new("RGBA", image.size)
    for radius, times in ((256, 1), (64, 1), (16, 2), (4, 4), (2, 2), (0, 1)):
        blurred = around.filter(ImageFilter.GaussianBlur(radius)).convert("RGBA")
        for _ in range(times):
            filled.alpha_composite(blurred)
    return filled.convert("RGB")


def to_tensor(images: list[Image.Image]) -> torch.Tensor:
    """RGB pictures of one size to [B, 3, H, W] in 0…1."""
    return torch.from_numpy(np.stack([np.asarray(image) for image in images])).movedim(-1, 1).float() / 255


def to_images(pictures: torch.Tensor) -> list[Image.Image]:
    """[B, 3, H, W] in 0…1 to pictures; fractions are cut off, as the host does."""
    return [Image.fromarray((255.0 * each.movedim(0, -1).numpy()).astype(np.uint8)) for each in pictures]


def apply_overlay(image: Image.Image, paste_to: Region | None, overlay: Image.Image) -> Image.Image:
    """Put what was not masked back over the result, or the result into its place.

    :param paste_to: left, top, width, height of the cut-out.
    """
    if paste_to is not None:
        left, top, width, height = paste_to
        whole = Image.new("RGBA", overlay.size)
        whole.paste(resize_image(1, image, width, height), (left, top))
        image = whole
    image = image.convert("RGBA")
    image.alpha_composite(overlay)
    return image.convert("RGB")
