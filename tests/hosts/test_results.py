"""What is written below pictures that share a result's settings."""

from __future__ import annotations

import pytest

from lib_iclight.hosts.results import infotext_without

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
