"""Cutting the subject out of its picture."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from ..errors import ICLightError
from ..pictures import Picture
from .colours import own_colours
from .composite import composite_on_grey
from .edges import feathered, follow_colours, is_opaque, painted_over, shifted
from .grabcut import grab_cut
from .matting import MattingModel, close_models, holds_models, resolve

_Made = TypeVar("_Made")

_MATTING_RADIUS = 2
_GRAB_CUT_RADIUS = 3
"""How far, in pixels of what was found, an edge may lie off the picture's own: GrabCut's is the coarser."""


@dataclass(frozen=True)
class CutoutSettings:
    """How a subject is cut out."""

    method: str = "auto"

    edge_shift: float = 0.0
    """Percent of the picture's shorter side, -5 to 5; negative shrinks."""

    edge_feather: float = 0.0
    """Standard deviation of the blurred edge: percent of the shorter side, 0 to 5."""

    mask: Picture | None = None
    """Painted over the cut-out: white adds, black takes away, transparent leaves it as it is."""


@dataclass(frozen=True, eq=False)
class Foreground:
    """A subject, cut out, at its picture's own size."""

    original: Picture
    """The picture as it was given."""

    colour: np.ndarray
    """uint8 [H, W, 3]: the subject's own colour, without what its old background mixed into its edge."""

    on_grey: Picture
    """The subject on grey 127, with the alpha that it was cut out by."""

    method: str = "none"
    notes: tuple[str, ...] = ()

    @property
    def alpha(self) -> np.ndarray | None:
        """uint8 [H, W], 0 transparent to 255 opaque; None where every pixel is opaque."""
        return self.on_grey.alpha


_MAX_KEPT = 8

_MAX_BYTES = 512_000_000
"""A cut-out takes ten bytes for each of its picture's pixels: eight of a 24-megapixel photo would be two gigabytes."""

_foregrounds: OrderedDict[Hashable, Foreground] = OrderedDict()
"""Key: what picture and mask show, the edge, and the way of cutting out that was meant by auto. Bound: the last
eight, and with `_alphas` 512 MB of arrays, but for the newest. Emptied by: :func:`release`, and but for the newest by
:func:`release_models`."""

_alphas: OrderedDict[Hashable, np.ndarray] = OrderedDict()
"""As `_foregrounds`, before the mask and the edge: those can be changed without matting again. Of the two these go
last, being small and slow to make."""

_lock = threading.RLock()
"""The panel may cut out while a generation does."""


def cut_out(picture: Picture, settings: CutoutSettings, folders: Sequence[Path]) -> Foreground:
    """Cut a subject out, or take what was cut out before.

    A picture's own transparency wins over every way of cutting out, and a mask that is opaque all over replaces both.

    :param folders: where matting models may be, the one to put them into first.
    :raises ICLightError: there is no subject, the mask doesn't fit, or a model that was asked for can't be used.
    """
    cutout = resolve(settings.method, folders)
    if picture.alpha is not None or is_opaque(settings.mask):
        cutout = "none"
    if picture.alpha is None and cutout == "none" and settings.mask is None:
        return Foreground(picture, picture.rgb, picture)
    mask = settings.mask and settings.mask.digest
    key = (picture.digest, cutout, settings.edge_shift, settings.edge_feather, mask)
    with _lock:
        return _kept(_foregrounds, key, lambda: _made(picture, cutout, settings, folders))


def release() -> None:
    """Give back all the memory that matting models and cut-outs hold. Waits for a cut-out that is being made."""
    with _lock:
        close_models()
        _foregrounds.clear()
        _alphas.clear()


def release_models() -> None:
    """Give back the memory that matting models and cut-outs hold, but for the newest cut-out's.

    Hosts call this whenever they are short of memory, on small graphics cards in every generation: without its
    cut-out, a picture that is relit again would have to be matted again. Never waits: while a cut-out is being made,
    its model goes when it has run, and the older cut-outs stay.
    """
    close_models()
    if _lock.acquire(blocking=False):
        try:
            _drop_oldest(max_kept=1)
        finally:
            _lock.release()


def holds_memory() -> bool:
    """Whether a matting model or a cut-out is kept."""
    return bool(_foregrounds or _alphas) or holds_models()


def _kept(cache: OrderedDict[Hashable, _Made], key: Hashable, make: Callable[[], _Made]) -> _Made:
    if key not in cache:
        cache[key] = make()
    cache.move_to_end(key)
    _drop_oldest(_MAX_KEPT)
    return cache[key]


def _drop_oldest(max_kept: int) -> None:
    """Until no more than so many of each are kept, and all fit. The newest stay."""
    for cache in (_foregrounds, _alphas):
        while len(cache) > max_kept or (len(cache) > 1 and _held_bytes() > _MAX_BYTES):
            cache.popitem(last=False)


def _held_bytes() -> int:
    """Of all arrays that are kept, each counted once: cut-outs share their picture's where nothing was changed."""
    arrays = list(_alphas.values())
    for cut in _foregrounds.values():
        arrays += [cut.original.rgb, cut.original.alpha, cut.colour, cut.on_grey.rgb, cut.on_grey.alpha]
    owners = [_owner(array) for array in arrays if array is not None]
    return sum({id(owner): owner.nbytes for owner in owners}.values())


def _owner(array: np.ndarray) -> np.ndarray:
    """The array whose memory this one looks at: a decoded picture's alpha keeps all four channels."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def _made(picture: Picture, cutout: str, settings: CutoutSettings, folders: Sequence[Path]) -> Foreground:
    alpha = picture.alpha
    if cutout != "none":
        alpha = _kept(_alphas, (picture.digest, cutout), lambda: _found(picture.rgb, cutout, folders))
    elif alpha is None:
        alpha = np.full(picture.rgb.shape[:2], 255, np.uint8)
    if not alpha.any() and settings.mask is None:
        raise ICLightError("The subject's picture is transparent all over: give one that shows something.")
    if settings.mask is not None:
        alpha = painted_over(alpha, settings.mask)
    alpha = shifted(alpha, settings.edge_shift)
    # The colours of a picture with transparency of its own are the subject's already. Others are told apart before
    # the edge is feathered: that puts transparency where there is no mixture.
    if picture.alpha is None:
        colour = own_colours(picture.rgb, alpha)
    elif settings.edge_shift > 0 or settings.edge_feather > 0:  # what was transparent is often black underneath
        colour = np.where(picture.alpha[..., None] > 0, picture.rgb, own_colours(picture.rgb, picture.alpha))
    else:
        colour = picture.rgb
    alpha = feathered(alpha, settings.edge_feather)
    if not alpha.any():
        raise ICLightError("Nothing of the subject is left: change the mask, or take edge_shift nearer to 0.")
    if alpha.min() == 255:
        return Foreground(picture, picture.rgb, picture if picture.alpha is None else Picture(picture.rgb))
    return Foreground(picture, colour, Picture(composite_on_grey(colour, alpha), alpha))


def _found(rgb: np.ndarray, cutout: str, folders: Sequence[Path]) -> np.ndarray:
    """Alpha at the picture's size, uint8 [H, W]."""
    if cutout == "grabcut":
        return follow_colours(rgb, grab_cut(rgb), _GRAB_CUT_RADIUS)
    return follow_colours(rgb, MattingModel.of(cutout).alpha(rgb, folders), _MATTING_RADIUS)
