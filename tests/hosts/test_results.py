"""Results on their way through the web UI, and what is written below pictures that share their settings."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from lib_iclight.hosts.results import infotext_without, tensor_of, to_image

TEXT = (
    "a cat, on a mat\nNegative prompt: a dog, IC-Light detail transfer: 1\nSteps: 2, IC-Light detail transfer: 0.8, "
    'IC-Light detail area: "a, b", IC-Light model: m.safetensors'
)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ((), TEXT),
        (("IC-Light colour keep",), TEXT),
        (("IC-Light detail area",), TEXT.replace(', IC-Light detail area: "a, b"', "")),
        (("IC-Light model",), TEXT.replace(", IC-Light model: m.safetensors", "")),
    ],
)
def test_settings_are_taken_out(names: tuple[str, ...], expected: str) -> None:
    assert infotext_without(TEXT, names) == expected


def test_a_prompt_that_reads_like_a_setting_stays() -> None:
    taken = infotext_without(TEXT, ["IC-Light detail transfer"])
    assert taken == TEXT.replace(", IC-Light detail transfer: 0.8", "")


def test_every_level_comes_through_the_web_uis_tensor() -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    rgb = np.stack([levels, levels.T, levels[::-1]], axis=2)
    tensor = tensor_of(Image.fromarray(rgb))
    assert tensor.shape == (3, 16, 16) and tensor.dtype == torch.float32 and 0 <= tensor.min() <= tensor.max() <= 1
    assert np.array_equal(np.asarray(to_image(tensor)), rgb)
