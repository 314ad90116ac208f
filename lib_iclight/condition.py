"""From pictures to what the UNet is given beside the noisy latent."""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from .foreground import resize_and_centre_crop
from .hosts import Host, TabFit
from .pictures import Picture

_MAX_LATENTS = 32

_latents: weakref.WeakKeyDictionary[Any, OrderedDict[tuple[Any, ...], torch.Tensor]] = weakref.WeakKeyDictionary()
"""Key: the VAE's network, what the picture shows, how it is fitted, to which size, and whether it was encoded in tiles.
Bound: 32 latents a VAE, a few hundred kilobytes each. Emptied by: the VAE's end."""


@dataclass(frozen=True)
class Source:
    """A picture, and how it comes to the size that is sampled."""

    picture: Picture

    tab_fit: TabFit | None = None
    """As the img2img tab fits its own picture; None: scaled and centre-cropped as the reference does."""


def encode_picture(host: Host, sd_model: Any, source: Source, width: int, height: int) -> torch.Tensor:
    """A picture's latent as the reference computes it, or as it was computed before.

    Grey 127 becomes exactly zero: pixels are mapped by `v / 127 - 1` (`numpy2pytorch` in `gradio_demo.py`), which
    for hosts that take 0…1 and map it to -1…1 is `v / 254`.

    :param width: in pixels, as is height: the size that is about to be sampled.
    :returns: the posterior's mode, scaled: float32 [1, 4, height / 8, width / 8] on the CPU.
    """
    known = _latents.setdefault(host.vae.network(sd_model), OrderedDict())
    what = (source.picture.digest, source.tab_fit, width, height)
    key = (what, host.vae.encodes_in_tiles())
    if key not in known:
        pixels = torch.from_numpy(fit_picture(host, source, width, height))[None].float() / 254
        # contiguous NCHW: on a CPU the convolutions' channels-last layout rounds four times as badly
        latent, in_tiles = host.vae.encode(sd_model, pixels.movedim(-1, 1).contiguous().movedim(1, -1))
        # where memory ran out, the host has encoded in tiles unasked: next time it may do without
        known[what, in_tiles] = latent
        while len(known) > _MAX_LATENTS:
            known.popitem(last=False)
        return latent
    known.move_to_end(key)
    return known[key]


def fit_picture(host: Host, source: Source, width: int, height: int) -> np.ndarray:
    """Bring a picture to the size that is sampled: uint8 [height, width, 3]."""
    image = source.picture.to_image()
    if source.tab_fit is not None:
        image = host.webui.fit_like_tab(image, source.tab_fit)
    return np.array(resize_and_centre_crop(image, width, height).convert("RGB"))


def encode_condition(
    host: Host, sd_model: Any, subjects: Sequence[Source], background: Source | None, width: int, height: int
) -> torch.Tensor:
    """Make `c_concat`, which is appended to the noisy latent's channels.

    :param subjects: one for the whole batch, or one for each of its pictures.
    :param background: for models that look at one; its channels follow the subject's.
    :returns: float32 [1 or B, 4 or 8, height / 8, width / 8].
    """
    foreground = torch.cat([encode_picture(host, sd_model, subject, width, height) for subject in subjects])
    if background is None:
        return foreground
    behind = encode_picture(host, sd_model, background, width, height)
    return torch.cat([foreground, behind.expand(len(foreground), -1, -1, -1)], dim=1)
