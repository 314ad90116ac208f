"""A result on its way to the user: details, colours, the background that it is laid over, its full size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from PIL import Image

from .errors import ICLightError
from .finish import enlarge_light, finish, lay_over
from .finish.area import DetailArea
from .finish.in_place import InPlace
from .foreground import estimate_foreground_colours
from .hosts import Host, TabFit
from .pictures import MAX_PIXELS
from .request import RelightRequest
from .subject import Subject

Backdrop = Callable[[Subject, tuple[int, int]], np.ndarray]
"""What a subject is laid over at a size in pixels: uint8 [H, W, 3]."""


def is_finished(request: RelightRequest) -> bool:
    """Whether anything is to be done to results."""
    return (
        bool(request.detail_transfer or request.colour_keep or request.full_size) or request.in_place is not InPlace.OFF
    )


def check_finish(
    host: Host, request: RelightRequest, subject: Subject, size: tuple[int, int], *, is_hires: bool, is_masked: bool
) -> None:
    """Refuse what can't be done to a result, before it is sampled.

    :param size: width and height in pixels of the pass that is about to be sampled.
    :param is_hires: the first pass is done: a photo that has less than the hires pass is no reason to lose it.
    :param is_masked: the web UI lays a part of the tab's picture over the result.
    :raises ICLightError: there is no background to keep, or the photo has nothing to add.
    """
    if request.in_place is not InPlace.OFF and subject.alpha_at(host, size) is None:
        raise ICLightError(
            "in_place has no background to keep, as the subject fills the frame: choose a cutout, or set in_place to "
            "off."
        )
    if request.in_place is InPlace.OWN:
        subject.surroundings()
    if request.full_size and is_masked:
        raise ICLightError(
            "full_size can't be used with a mask, as the web UI lays what the mask keeps over the result at its own "
            "size: take the mask away (in_place own keeps what is around the subject), or leave full_size out."
        )
    if request.full_size and not is_hires and not has_more(subject, size):
        raise ICLightError(f"full_size has no effect, as {describe_sizes(subject, size)}.")


def has_more(subject: Subject, size: tuple[int, int]) -> bool:
    """Whether the subject's picture has a higher resolution than a result of some size."""
    return full_size_of(subject, size) != size


def describe_sizes(subject: Subject, size: tuple[int, int]) -> str:
    """Why a result can't be enlarged, and what to do."""
    height, width = subject.foreground.whole.shape[:2]
    return (
        f"the subject's picture, {width}×{height}, is no larger than the result, {size[0]}×{size[1]}: give the "
        "original photo, or leave full_size out"
    )


def finish_result(
    host: Host, request: RelightRequest, subject: Subject, image: Image.Image, backdrop: Backdrop | None
) -> Image.Image:
    """Do to a result what was asked for.

    :param image: at the size that was sampled.
    :param backdrop: None: what was generated.
    """
    result = _give_back(host, request, subject, np.asarray(image.convert("RGB")))
    size = full_size_of(subject, image.size) if request.full_size else image.size
    if size != image.size:
        return Image.fromarray(_enlarge(host, subject, result, size, backdrop))
    alpha = subject.alpha_at(host, size)
    if backdrop is not None and alpha is not None:
        result = lay_over(result, alpha, backdrop(subject, size))
    return Image.fromarray(result)


def full_size_of(subject: Subject, size: tuple[int, int]) -> tuple[int, int]:
    """The width and height at which a frame of some size has the resolution of the subject's picture.

    :returns: the size itself where the picture is no larger.
    """
    height, width = subject.foreground.whole.shape[:2]
    ratios = width / size[0], height / size[1]
    fit = subject.tab_fit
    fits_inside = fit is not None and fit.resize_mode == 2
    factor = (max(ratios) if fits_inside else min(ratios)) / subject.placement.scale
    # no larger than a picture that comes in may be
    factor = min(factor, (MAX_PIXELS / (size[0] * size[1])) ** 0.5)
    # rounded down: nothing of the original is enlarged, for which the web UI might take an upscaler
    return size if factor <= 1 else (int(size[0] * factor), int(size[1] * factor))


def _give_back(host: Host, request: RelightRequest, subject: Subject, result: np.ndarray) -> np.ndarray:
    """The original's details and colours."""
    size = result.shape[1], result.shape[0]
    everywhere = request.detail_area is DetailArea.EVERYTHING
    alpha = subject.alpha_at(host, size)
    return finish(
        result,
        subject.colour_at(host, size, with_background=everywhere),
        alpha,
        detail_alpha=subject.picture_at(host, size) if everywhere else alpha,
        detail_transfer=request.detail_transfer,
        detail_radius=request.detail_radius,
        colour_keep=request.colour_keep,
    )


def _enlarge(
    host: Host, subject: Subject, result: np.ndarray, size: tuple[int, int], backdrop: Backdrop | None
) -> np.ndarray:
    """The subject at its own resolution in the result's light, over the background at that size."""
    small = result.shape[1], result.shape[0]
    alpha = subject.alpha_at(host, small)
    fit = subject.tab_fit
    large = subject if fit is None else replace(subject, tab_fit=fit._replace(width=size[0], height=size[1]))
    own = result if alpha is None else estimate_foreground_colours(result, alpha)
    lit = enlarge_light(own, subject.colour_at(host, small), large.colour_at(host, size))
    large_alpha = large.alpha_at(host, size)
    if alpha is None or large_alpha is None:
        return lit
    if backdrop is not None:
        behind = backdrop(large, size)
    else:  # without the subject, of which the enlarged rim would show around the sharp one
        generated = Image.fromarray(estimate_foreground_colours(result, 255 - alpha))
        behind = np.asarray(host.webui.fit_like_tab(generated, TabFit(0, *size)).convert("RGB"))
    return lay_over(lit, large_alpha, behind, is_pure=True)
