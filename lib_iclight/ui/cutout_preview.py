"""The preview of the cut-out in the panel: seen before anything is generated, and mended with a brush."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from ..errors import ICLightError
from ..fields import SETTINGS
from ..foreground import GREY, CutoutSettings, Foreground, cut_out, holds_memory, release_models
from ..hosts import Host
from ..pictures import Picture
from ..request import RelightRequest
from ..setting_types import Place
from ..weights import read_catalogue
from .canvas import Canvas
from .markup import as_html_text
from .parts import IS_GRADIO_3, QUIET, UNNAMED, listen, on_picture_by_user

PREVIEW_SIZE = 1024
"""Longer side of the preview that is painted on, in pixels. The cut-out itself has its picture's size."""

_CHECKS = (96, 144)
"""The two greys of the board that shows through where the picture is cut away."""

_FAINT = 0.25
"""How much is still seen of what is cut away, so that it can be painted back."""


@dataclass
class Mending:
    """What a page knows of the subject that is cut out and mended. Events change it in place."""

    subjects: int = 0
    """How many there have been: a cut-out that takes a while asks whether its own is still there."""

    is_painted: bool = False
    """Whether strokes are in the mask. They belong to the picture that they were painted on; a mask from a file may
    have come before its subject."""


def build_preview(
    parts: dict[str, Any],
    build_part: Callable[[str], Any],
    element_id: Callable[[str], str],
    host: Host,
    canvas: Callable[[str], Canvas],
) -> Any:
    """The cut-out's edge, what to see it by, and what to mend it with.

    :param parts: the panel's components by setting; has those of the subject already.
    :param build_part: builds a setting's component.
    :param element_id: what a part is called in the page.
    :param canvas: builds the web UI's own canvas, given an element id. (gradio's editor redraws itself all the time,
        seen or not, on the graphics card that is to generate.)
    :returns: the component with the strokes that are not in the mask yet, for :func:`with_strokes`.
    """
    with gr.Accordion("See the cut-out and mend it", open=False, elem_id=element_id("cutout_tools")):
        with gr.Row(variant="compact"):
            for name in [name for name, each in SETTINGS.items() if each.place is Place.EDGE and name != "mask"]:
                build_part(name)
        show = gr.Button("Show the cut-out", elem_id=element_id("show_cutout"))
        gr.Markdown(
            "Paint on it, in white to add and in black to take away; press the button again to see it."
            + ("" if IS_GRADIO_3 else " The right mouse button moves the picture, the wheel enlarges it.")
        )
        with gr.Row():
            with gr.Column(scale=2):
                painting = canvas(element_id("cutout_canvas"))
            build_part("mask")
    _connect(parts, painting, show, host)
    return painting.painted


def _connect(parts: dict[str, Any], painting: Canvas, show: Any, host: Host) -> None:
    def on_press(mask: Any, painted: Any, mending: Mending) -> tuple[Any, Any]:
        # What was painted is taken into the mask at once: what is painted while the subject is cut out stays.
        try:
            with_strokes = paint_over(mask, painting.strokes(painted))
        except ICLightError as error:
            raise gr.Error(as_html_text(str(error))) from error
        mending.is_painted = mending.is_painted or with_strokes is not mask
        return with_strokes, painting.without_strokes(painted)

    def on_show(
        subject: Any, cutout: str, edge_shift: float, edge_feather: float, mask: Any, mending: Mending
    ) -> Image.Image | None:
        started_with = mending.subjects
        try:
            preview = preview_cutout(subject, cutout, edge_shift, edge_feather, mask, host)
        except ICLightError as error:
            raise gr.Error(as_html_text(str(error))) from error
        # Nothing is cancelled for another subject: gradio would end all that the page waits for, fetches too.
        return painting.shown(preview) if mending.subjects == started_with else None

    def on_subject(mask: Any, mending: Mending) -> tuple[Any, ...]:
        kept = None if mending.is_painted else mask
        mending.subjects, mending.is_painted = mending.subjects + 1, False
        return (kept, *(None for _ in canvas_parts))

    def on_upload(mending: Mending) -> None:
        mending.is_painted = False

    mask, mending = parts["mask"], gr.State(Mending())
    canvas_parts = list(dict.fromkeys([painting.picture, painting.painted]))
    seen_by = [parts[name] for name in ("subject", "cutout", "edge_shift", "edge_feather", "mask")]
    strokes = [mask, painting.painted]
    taking = listen(show.click, on_press, [*strokes, mending], strokes, **QUIET)
    listen(taking.then, on_show, [*seen_by, mending], painting.picture, **UNNAMED)
    listen(mask.upload, on_upload, mending, **QUIET)
    on_picture_by_user(parts["subject"], on_subject, [mask, mending], [mask, *canvas_parts], **QUIET)


def with_strokes(values: Sequence[Any], strokes_of: Callable[[Any], Image.Image | None]) -> list[Any]:
    """The request's values, with what is painted on the canvas taken into the mask.

    :param values: the panel's in the fields' order, and behind them what was painted on. Others, as the API's, stay as
        they are: whoever reads them says what is wrong with them.
    :param strokes_of: reads the strokes, see :meth:`Canvas.strokes`.
    """
    names = list(SETTINGS)
    if len(values) != len(names) + 1 or not isinstance(values[-1], (Image.Image, type(None))):
        return list(values)
    *fields, painted = values
    if fields[0] is False:  # nothing is asked for, and a broken mask is nobody's business
        return fields
    mask = names.index("mask")
    fields[mask] = paint_over(fields[mask], strokes_of(painted))
    return fields


def paint_over(mask: Image.Image | None, strokes: Image.Image | None) -> Image.Image | None:
    """The mask with strokes on it, transparent where neither is; a mask keeps its proportions, right or wrong.

    :returns: the mask itself where there are no strokes.
    :raises ICLightError: the mask can't be read.
    """
    if strokes is None:
        return mask
    strokes = strokes.convert("RGBA")
    if strokes.getchannel("A").getbbox() is None:  # nothing but transparency
        return mask
    if mask is None:
        return strokes
    below = _as_rgba(mask)
    scale = max(1.0, max(strokes.size) / max(below.size))  # neither loses detail
    width, height = (round(side * scale) for side in below.size)
    return Image.alpha_composite(below.resize((width, height)), strokes.resize((width, height)))


def preview_cutout(
    subject: Any, cutout: str, edge_shift: float, edge_feather: float, mask: Any, host: Host
) -> Image.Image:
    """Cut out, from the values of the panel's components.

    :returns: the cut-out, what is cut away being faint.
    :raises ICLightError: there is no subject, or it can't be cut out.
    """
    if subject is None:
        raise ICLightError("There is no picture in Subject. (The img2img tab's own picture can't be shown here.)")
    named = {"subject": subject, "cutout": cutout, "edge_shift": edge_shift, "edge_feather": edge_feather, "mask": mask}
    request = RelightRequest.from_api({name: SETTINGS[name].from_panel(value) for name, value in named.items()})
    settings = CutoutSettings(request.cutout, request.edge_shift, request.edge_feather, request.mask)
    picture, catalogue = Picture.from_value(request.subject, "subject"), read_catalogue(host.webui.models_folders())
    try:
        foreground = cut_out(picture, settings, catalogue)
    finally:
        if holds_memory():
            host.webui.release_with_models(release_models)
    for note in foreground.notes:
        gr.Warning(as_html_text(note))
    return _lay_on_board(foreground)


def _as_rgba(mask: Image.Image) -> Image.Image:
    """A mask of any mode, 16-bit ones too."""
    given = Picture.from_image(mask, "mask")
    alpha = np.full(given.rgb.shape[:2], 255, np.uint8) if given.alpha is None else given.alpha
    return Image.fromarray(np.dstack([given.rgb, alpha]))


def _lay_on_board(foreground: Foreground) -> Image.Image:
    """The cut-out on a checkerboard, at most 1024 pixels wide and high."""
    original = _small(foreground.original.composited_on(GREY).rgb)
    if foreground.alpha is None:
        return original
    behind = Image.blend(_checkerboard(*original.size), original, _FAINT)
    return Image.composite(_small(foreground.colour), behind, _small(foreground.alpha))


def _small(pixels: np.ndarray) -> Image.Image:
    image = Image.fromarray(pixels)
    scale = min(1.0, PREVIEW_SIZE / max(image.size))
    width, height = (max(1, round(side * scale)) for side in image.size)
    return image.resize((width, height), Image.Resampling.BOX)


def _checkerboard(width: int, height: int) -> Image.Image:
    rows, columns = np.ogrid[:height, :width]
    return Image.fromarray(np.array(_CHECKS, np.uint8)[(rows // 16 + columns // 16) % 2]).convert("RGB")
