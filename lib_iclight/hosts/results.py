"""Results as web UIs hand them on, and what they write below them."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np
import torch
from PIL import Image


def to_image(result: torch.Tensor) -> Image.Image:
    """A result as the web UI turns it into a picture (`modules/processing.py`): truncated.

    :param result: float [3, H, W] in 0…1.
    """
    return Image.fromarray((255.0 * np.moveaxis(result.cpu().numpy(), 0, 2)).astype(np.uint8))


def tensor_of(image: Image.Image) -> torch.Tensor:
    """A picture as a result of which the web UI makes the same picture.

    :returns: float32 [3, H, W] in 0…1, in the middle of each level, as the web UI truncates.
    """
    levels = np.asarray(image.convert("RGB"), dtype=np.float32)
    return torch.from_numpy(np.moveaxis(np.minimum((levels + 0.5) / 255, 1), 2, 0).copy())


def infotext_without(infotext: str, names: Iterable[str]) -> str:
    """A picture's infotext without some settings.

    :param names: as in `IC-Light detail transfer`. Settings stand in the last line, each as `, name: value`, and a
        value with a comma in it is in quotation marks (`modules/infotext_utils.py` of the web UIs).
    """
    prompts, line_break, settings = infotext.rpartition("\n")
    for name in names:
        settings = re.sub(rf', {re.escape(name)}: ("(?:\\.|[^"\\])*"|[^,]*)', "", settings)
    return prompts + line_break + settings
