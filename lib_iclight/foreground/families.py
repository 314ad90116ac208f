"""How matting networks of each architecture take a picture in and give alpha out."""

from __future__ import annotations

from typing import NamedTuple

_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_DEVIATION = (0.229, 0.224, 0.225)


class Family(NamedTuple):
    """What networks of one architecture have in common."""

    size: int
    """Width and height in pixels of the square that the network looks at."""

    mean: tuple[float, float, float]
    """Of red, green and blue in 0…1; taken off."""

    deviation: tuple[float, float, float]
    """Divided by."""

    by_maximum: bool = False
    """Brightened first until the brightest value is 1."""

    letterboxed: bool = False
    """The picture is shown in its own proportions on black, instead of being squeezed into the square."""

    logits: bool = False
    """The output still has to go through the logistic function."""

    stretched: bool = False
    """The output is scaled until it runs from 0 to 1."""


U2NET = Family(320, _IMAGENET_MEAN, _IMAGENET_DEVIATION, by_maximum=True, stretched=True)
"""Qin and others: "U²-Net" (2020); `data_loader.py`, `u2net_test.py` of its authors' xuebinqin/U-2-Net."""

ISNET = Family(1024, (0.5, 0.5, 0.5), (1.0, 1.0, 1.0), stretched=True)
"""Qin and others: "Highly Accurate Dichotomous Image Segmentation" (2022); `Inference.py` of xuebinqin/DIS."""

ISNET_ANIME = Family(1024, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), letterboxed=True)
"""IS-Net as SkyTNT/anime-segmentation trained it and its `inference.py` runs it."""

BIREFNET = Family(1024, _IMAGENET_MEAN, _IMAGENET_DEVIATION, logits=True)
"""Zheng and others: "Bilateral Reference for High-Resolution Dichotomous Image Segmentation" (2024);
`inference.py` of ZhengPeng7/BiRefNet."""
