"""From pictures to what the UNet is given beside the noisy latent."""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from .foreground import CENTRED, GREY, Placement, place_picture, resize_and_centre_crop
from .hosts import Host, TabFit
from .lights import Lights, Window, add_lights, shine_on
from .pictures import Picture

_MAX_LATENTS = 32

_latents: weakref.WeakKeyDictionary[Any, OrderedDict[tuple[Any, ...], torch.Tensor]] = weakref.WeakKeyDictionary()
"""Key: the VAE's network, what the picture shows, how it is fitted, to which size, and whether it was encoded in tiles.
Bound: 32 latents a VAE, a few hundred kilobytes each. Emptied by: the VAE's end."""


class Illumination(NamedTuple):
    """Lights that shine on a picture at the size that is sampled."""

    lights: Lights
    window: Window

    outline: Picture | None = None
    """The subject's alpha at that size, as a grey picture, for front lights; None: it fills the window."""

    @property
    def key(self) -> tuple[Any, ...]:
        """Its part of a cache key."""
        return self.lights, self.window, self.outline and self.outline.digest

    def fall_on(self, rgb: np.ndarray) -> np.ndarray:
        """A picture of the window's size in these lights: uint8 [H, W, 3]."""
        return shine_on(rgb, add_lights(self.lights, self.window, self.outline))


class Source(NamedTuple):
    """A picture, and how it comes to the size that is sampled."""

    picture: Picture

    tab_fit: TabFit | None = None
    """As the img2img tab fits its own picture; None: scaled and centre-cropped as the reference does."""

    placement: Placement = CENTRED
    """Where in the frame it stands then: in that of "only masked", the whole of the tab's picture."""

    beyond: int = GREY
    """The grey level around it, where it doesn't fill the frame."""

    illumination: Illumination | None = None
    """The lights that shine on it then; None: it is as it is."""


def encode_picture(host: Host, sd_model: Any, source: Source, width: int, height: int) -> torch.Tensor:
    """A picture's latent as the reference computes it, or as it was computed before.

    Grey 127 becomes exactly zero: pixels are mapped by `v / 127 - 1` (`numpy2pytorch` in `gradio_demo.py`), which
    for hosts that take 0…1 and map it to -1…1 is `v / 254`.

    :param width: in pixels, as is height: the size that is about to be sampled.
    :returns: the posterior's mode, scaled: float32 [1, 4, height / 8, width / 8] on the CPU.
    """
    known = _latents.setdefault(host.vae.network(sd_model), OrderedDict())
    shown = (source.picture.digest, source.illumination and source.illumination.key)
    what = (shown, source.tab_fit, source.placement, source.beyond, width, height)
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
    fitted = _fit(host, source, width, height)
    return fitted if source.illumination is None else source.illumination.fall_on(fitted)


def _fit(host: Host, source: Source, width: int, height: int) -> np.ndarray:
    image, fit = source.picture.to_image(), source.tab_fit
    if fit is None:
        return np.array(place_picture(image, width, height, source.placement, source.beyond))
    if fit.crop_region is None:
        image = host.webui.fit_like_tab(image, fit)
    image = place_picture(image, *image.size, source.placement, source.beyond)
    if fit.crop_region is not None:
        image = host.webui.fit_like_tab(image, fit)
    return np.array(resize_and_centre_crop(image, width, height).convert("RGB"))


def encode_condition(
    host: Host,
    sd_model: Any,
    subjects: Sequence[Source],
    backgrounds: Sequence[Source],
    width: int,
    height: int,
) -> torch.Tensor:
    """Make `c_concat`, which is appended to the noisy latent's channels.

    :param subjects: one for the whole batch, or one for each of its pictures.
    :param backgrounds: likewise, for models that look at one, else none; their channels follow the subjects'.
    :returns: float32 [1 or B, 4 or 8, height / 8, width / 8].
    """
    layers = [
        torch.cat([encode_picture(host, sd_model, source, width, height) for source in sources])
        for sources in (subjects, backgrounds)
        if sources
    ]
    batch = max(map(len, layers))
    return torch.cat([layer.expand(batch, -1, -1, -1) for layer in layers], dim=1)
