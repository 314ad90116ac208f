"""The subject on the grey that the model takes for "nothing here"."""

from __future__ import annotations

import numpy as np

GREY = 127
"""The grey that the conditions' mapping takes to exactly zero."""


def composite_on_grey(rgb: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Lay a picture on grey 127, truncated to whole numbers: `run_rmbg` of the reference's `gradio_demo.py`.

    :param rgb: uint8 [H, W, 3].
    :param alpha: uint8 [H, W].
    :returns: uint8 [H, W, 3].
    """
    share = alpha[..., None].astype(np.float32) / 255.0
    mixed = GREY + (rgb.astype(np.float32) - GREY) * share
    return mixed.clip(0, 255).astype(np.uint8)
