"""Cutting the subject out of its picture."""

from __future__ import annotations

import dataclasses
import functools
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np

from ..errors import ICLightError
from ..pictures import Picture
from ..weights import Catalogue
from .colours import estimate_foreground_colours
from .composite import GREY, composite_on_grey
from .edges import feather_edge, follow_colours, is_opaque, paint_over, shift_edge
from .grabcut import grab_cut
from .matting import MattingModel, UnusableModelError, close_models, holds_models
from .methods import AUTO, METHODS, NONE, CutoutMethod

_Made = TypeVar("_Made")

_MATTING_RADIUS = 2
_GRAB_CUT_RADIUS = 3
"""How far, in pixels of what was found, an edge may lie off the picture's own: GrabCut's is the coarser."""

_CLEAR = 229
"""A pixel is at least a tenth transparent up to this alpha: above, an editor's rounding or a faint fade is likelier
than a hole that somebody has cut."""

_CLEAR_SHARE = 0.01
"""Share of a picture's pixels that have to be clear before `auto` takes its alpha for a cut-out. A soft rim of one
pixel around a picture of 512×512 (0.8 %) and corners rounded by a tenth of the side (0.9 %) say nothing about a
subject; one that is cut out and leaves less than that of its picture free is rare, and is cut out within its alpha."""

_TOLD = 16
"""Alpha from which a pixel's colour is known to about 8 levels where a program has stored it premultiplied in 8
bits."""

_LEAST_AROUND = 0.01
"""Share of a picture's pixels that has to be around its subject: fewer tell nothing about a room."""


class CutoutSettings(NamedTuple):
    """How a subject is cut out."""

    method: str = AUTO
    """A name in `METHODS`."""

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
    """The picture as it was given. What lies hidden under its transparency may show nowhere."""

    whole: np.ndarray
    """uint8 [H, W, 3]: the picture with its background; where it is transparent, the colours beside go on."""

    colour: np.ndarray
    """uint8 [H, W, 3]: the subject's own colour, without what its old background mixed into its edge. Beyond the
    subject it goes on, so that nothing else comes in when it is scaled."""

    on_grey: Picture
    """The subject on grey 127, with the alpha that it was cut out by."""

    method: str = NONE
    """The method that was used; `none` where the picture's own alpha, or an opaque mask, was all."""

    notes: tuple[str, ...] = ()
    """Sentences for the user, on what `auto` had to pass over."""

    @property
    def alpha(self) -> np.ndarray | None:
        """uint8 [H, W], 0 transparent to 255 opaque; None where every pixel is opaque."""
        return self.on_grey.alpha

    @functools.cached_property
    def surroundings(self) -> Picture:
        """The picture with the subject filled in from around, kept as long as the cut-out is.

        What is around is told apart from the subject as the subject is from what is around: at the edge, what the
        subject has mixed into it is taken out, and where the subject is opaque the colours of what is near go on.
        Wherever the subject's alpha is 0, it is the picture itself.

        :raises ICLightError: the subject fills its picture, or its surroundings are transparent.
        """
        own = self.original.alpha
        around = np.zeros(self.whole.shape[:2], np.uint8) if self.alpha is None else 255 - self.alpha
        if own is not None:
            around = np.minimum(around, own)
        if (around > 127).mean() < _LEAST_AROUND:
            raise ICLightError(
                "The subject's picture shows nothing around the subject, so there is no background of its own to keep: "
                "give the whole photo and choose a cutout, or choose another background."
            )
        return Picture(estimate_foreground_colours(self.whole, around))


_MAX_KEPT = 8

_MAX_BYTES = 512_000_000
"""A cut-out takes ten bytes for each of its picture's pixels: eight of a 24-megapixel photo would be two gigabytes."""

_foregrounds: OrderedDict[Hashable, Foreground] = OrderedDict()
"""Key: what picture and mask show, the edge, and the method that was used. Bound: the last eight, and with `_alphas`
512 MB of arrays, but for the newest. Emptied by: :func:`release`, and but for the newest by
:func:`release_models`."""

_alphas: OrderedDict[Hashable, np.ndarray] = OrderedDict()
"""What a method found in a picture, before the mask and the edge, which can so be changed without matting again. Key:
what the picture shows, and the method. Bound and emptied as `_foregrounds`, which are evicted first: an alpha is a
tenth of their size and slow to make."""

_lock = threading.RLock()
"""The panel may cut out while a generation does."""


def cut_out(picture: Picture, settings: CutoutSettings, catalogue: Catalogue) -> Foreground:
    """Cut a subject out, or take what was cut out before.

    A method that was chosen looks at the picture on grey and works within the picture's own alpha: the smaller of
    both counts. `auto` takes an own alpha that tells the subject (:data:`_CLEAR_SHARE`) for the cut-out, and else the
    best method that is there and can be run, also within the own alpha. `none` takes the picture as it is. A mask that
    is opaque all over replaces all of these.

    :param catalogue: what lies in the models' folders.
    :raises ICLightError: there is no subject, the mask doesn't fit, the edge was to be changed where nothing is cut
        out, or a method that was chosen can't be used.
    """
    passed_over: list[str] = []
    for method in _list_methods(picture, settings, catalogue):
        try:
            foreground = _look_up_or_make(picture, method, settings, catalogue)
        except UnusableModelError as error:
            if settings.method != AUTO:
                raise
            passed_over.append(f"{method.label} can't be used to cut out ({error.reason})")
        except ICLightError as error:
            if not passed_over:
                raise
            raise ICLightError(" ".join([str(error), *(f"{each}." for each in passed_over)])) from error
        else:
            if not passed_over:
                return foreground
            notes = tuple(f"{each}; {method.label} was taken instead." for each in passed_over)
            return dataclasses.replace(foreground, notes=notes)
    raise AssertionError("the last method that auto tries needs no model")


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
            _evict(max_kept=1)
        finally:
            _lock.release()


def holds_memory() -> bool:
    """Whether a matting model or a cut-out is kept."""
    return bool(_foregrounds or _alphas) or holds_models()


def _list_methods(picture: Picture, settings: CutoutSettings, catalogue: Catalogue) -> list[CutoutMethod]:
    """The methods to try, one after the other."""
    if is_opaque(settings.mask):
        return [METHODS[NONE]]
    if settings.method != AUTO:
        return [METHODS[settings.method]]
    if picture.alpha is not None and (picture.alpha <= _CLEAR).mean() >= _CLEAR_SHARE:
        return [METHODS[NONE]]
    ranked = sorted((method.rank, method.name) for method in METHODS.values() if method.rank is not None)
    methods = [METHODS[name] for _, name in ranked]
    return [each for each in methods if each.family is None or MattingModel.of(each).locate(catalogue) is not None]


def _look_up_or_make(
    picture: Picture, method: CutoutMethod, settings: CutoutSettings, catalogue: Catalogue
) -> Foreground:
    if method.name == NONE and picture.alpha is None and settings.mask is None:
        _check_edge(None, settings)
        return Foreground(picture, picture.rgb, picture.rgb, picture)
    mask = settings.mask and settings.mask.digest
    key = (picture.digest, method.name, settings.edge_shift, settings.edge_feather, mask)
    with _lock:
        return _keep(_foregrounds, key, lambda: _make_foreground(picture, method, settings, catalogue))


def _keep(cache: OrderedDict[Hashable, _Made], key: Hashable, make: Callable[[], _Made]) -> _Made:
    if key not in cache:
        cache[key] = make()
    cache.move_to_end(key)
    _evict(_MAX_KEPT)
    return cache[key]


def _evict(max_kept: int) -> None:
    """Drop the oldest until no more than so many of each are kept, and all fit. The newest stay."""
    for cache in (_foregrounds, _alphas):
        while len(cache) > max_kept or (len(cache) > 1 and _count_bytes() > _MAX_BYTES):
            cache.popitem(last=False)


def _count_bytes() -> int:
    """Of all arrays that are kept, each counted once: cut-outs share their picture's where nothing was changed."""
    arrays: list[np.ndarray | None] = list(_alphas.values())
    for cut in _foregrounds.values():
        arrays += [cut.original.rgb, cut.original.alpha, cut.whole, cut.colour, cut.on_grey.rgb, cut.on_grey.alpha]
        if "surroundings" in vars(cut):  # asking for them would fill them in
            arrays.append(cut.surroundings.rgb)
    owners = [_find_owner(array) for array in arrays if array is not None]
    return sum({id(owner): owner.nbytes for owner in owners}.values())


def _find_owner(array: np.ndarray) -> np.ndarray:
    """The array whose memory this one looks at: a decoded picture's alpha keeps all four channels."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def _make_foreground(
    picture: Picture, method: CutoutMethod, settings: CutoutSettings, catalogue: Catalogue
) -> Foreground:
    own = picture.alpha
    if own is not None and not own.any():
        raise ICLightError("The subject's picture is transparent all over: give one that shows something.")
    alpha = np.full(picture.rgb.shape[:2], 255, np.uint8) if own is None else own
    if method.name != NONE:
        found = _keep(_alphas, (picture.digest, method.name), lambda: _find_alpha(picture, method, catalogue))
        alpha = np.minimum(alpha, found)
    if settings.mask is not None:
        alpha = paint_over(alpha, settings.mask)
    if method.name == NONE:
        _check_edge(alpha, settings)
    moved = shift_edge(alpha, settings.edge_shift)
    alpha = feather_edge(moved, settings.edge_feather)
    if not alpha.any():
        raise ICLightError("Nothing of the subject is left: change the mask, or take edge_shift nearer to 0.")
    if own is None:
        # Before the edge is feathered: that puts transparency where there is no mixture.
        whole, colour = picture.rgb, estimate_foreground_colours(picture.rgb, moved)
    else:
        whole, colour = _continue_colours(picture, own, alpha)
        if method.name != NONE or settings.mask is not None:
            colour = estimate_foreground_colours(colour, _divide(moved, own))
    if np.min(alpha) == 255:
        return Foreground(picture, whole, colour, picture if own is None else Picture(colour), method.name)
    return Foreground(picture, whole, colour, Picture(composite_on_grey(colour, alpha), alpha), method.name)


def _find_alpha(picture: Picture, method: CutoutMethod, catalogue: Catalogue) -> np.ndarray:
    """What a method finds in what the picture shows: uint8 [H, W]."""
    rgb = picture.composited_on(GREY).rgb
    if method.family is None:
        return follow_colours(rgb, grab_cut(rgb), _GRAB_CUT_RADIUS)
    return follow_colours(rgb, MattingModel.of(method).estimate_alpha(rgb, catalogue), _MATTING_RADIUS)


def _check_edge(alpha: np.ndarray | None, settings: CutoutSettings) -> None:
    """Refuse to change an edge where there is none.

    :param alpha: what the picture and the mask have; None where every pixel is opaque.
    """
    for name, percent in (("edge_shift", settings.edge_shift), ("edge_feather", settings.edge_feather)):
        if percent and (alpha is None or alpha.min() == 255):
            raise ICLightError(
                f"{name} has no edge to change, as nothing of the subject's picture is cut away: set {name} to 0, or "
                "choose a cutout, or give a mask that takes something away."
            )


def _continue_colours(picture: Picture, own: np.ndarray, alpha: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The colours of a picture with transparency of its own, going on where it is transparent.

    There pictures are often black, or hold what somebody has cut away. On grey the picture is a mixture with grey by
    its own alpha, whatever lies underneath; the mixture's foreground is the picture's colours, and they go on.

    :param own: the picture's alpha.
    :param alpha: the one that it is cut out by. Faint colours are kept only where they stay as faint.
    :returns: the whole picture's, and the subject's before anything is told apart in it, uint8 [H, W, 3] each.
    """
    beside = estimate_foreground_colours(picture.composited_on(GREY).rgb, own)
    whole = np.where((own >= _TOLD)[..., None], picture.rgb, beside)
    as_faint_as_before = (own > 0) & (own < _TOLD) & (alpha <= own)
    if not as_faint_as_before.any():
        return whole, whole
    return whole, np.where(as_faint_as_before[..., None], picture.rgb, whole)


def _divide(alpha: np.ndarray, own: np.ndarray) -> np.ndarray:
    """How much of what the picture shows is the subject: uint8 [H, W], the cut-out's alpha over the picture's own."""
    share = np.rint(alpha * np.float32(255) / np.maximum(own, np.float32(1)))
    return np.where(own > 0, share.clip(0, 255), 0).astype(np.uint8)
