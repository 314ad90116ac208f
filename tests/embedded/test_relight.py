"""The whole way relit, against diffusers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from lib_iclight.__main__ import main
from lib_iclight.embedded import reference
from lib_iclight.embedded.tiny import TinyModels
from lib_iclight.embedded.webui import WebUI

from .conftest import Probe, portrait, relative_error, relight, request


def shown(image: Image.Image, width: int, height: int) -> np.ndarray:
    """Covered and cut at the centre, written down once more."""
    scale = max(width / image.width, height / image.height)
    wide, high = round(image.width * scale), round(image.height * scale)
    left, top = (wide - width) / 2, (high - height) / 2
    image = image.resize((wide, high), Image.Resampling.LANCZOS).crop((left, top, left + width, top + height))
    return np.array(image)


def masked() -> Image.Image:
    mask = Image.new("L", (72, 96), 0)
    mask.paste(255, (8, 8, 48, 64))
    return mask


PICTURE = portrait()
BACKGROUND = portrait(90, 80).transpose(Image.Transpose.FLIP_TOP_BOTTOM)
TAB = portrait(72, 96)
HIRES = {"enable_hr": True, "hr_upscaler": "Lanczos", "hr_scale": 1.5, "hr_cfg": 3, "denoising_strength": 0.5}
MASKED = {"init_images": [TAB], "mask": masked(), "inpaint_full_res": False, "inpainting_fill": 1}
FBC = {"model": "iclight_sd15_fbc", "subject": PICTURE, "background_image": BACKGROUND}

CASES: dict[str, tuple[str, dict[str, Any], list[Image.Image], list[tuple[int, int]]]] = {
    "fc": ("txt2img", relight(subject=PICTURE), [PICTURE], [(72, 96)]),
    "fbc": ("txt2img", relight(**FBC), [PICTURE, BACKGROUND], [(72, 96)]),
    "left-hires": ("txt2img", HIRES | relight(subject=PICTURE, light="left"), [PICTURE], [(72, 96), (104, 144)]),
    "masked": ("img2img", MASKED | relight(light="left"), [TAB], [(72, 96)]),
}


@pytest.mark.parametrize("case", CASES)
def test_condition_and_unet(webui: WebUI, probe: Probe, tiny: TinyModels, case: str) -> None:
    tab, values, pictures, sizes = CASES[case]
    getattr(webui, tab)(request((72, 96), batch_size=2, **values))
    iclight = tiny.background if case == "fbc" else tiny.foreground
    tensors = {name: tensor.float() for name, tensor in load_file(tiny.checkpoint).items()}
    unet = reference._summed_unet(tensors, load_file(iclight))
    for width, height in sizes:
        shape = (height // 8, width // 8)
        calls = [call for call in probe.calls if call["x"].shape[-2:] == shape]
        assert calls
        with torch.inference_mode():
            condition = reference._condition(tensors, [shown(picture, width, height) for picture in pictures])
            for call in calls:
                repeated = condition.expand(len(call["x"]), -1, -1, -1)
                assert len(call["x"]) == 4
                assert relative_error(call["x"][:, 4:], repeated) <= 1e-5
                expected = unet(torch.cat([call["x"][:, :4], repeated], 1), call["timesteps"], call["context"]).sample
                assert relative_error(call["output"], expected) <= 2e-6


def test_light_pass_starts_from_the_light(webui: WebUI, probe: Probe) -> None:
    webui.txt2img(request((72, 96), steps=3) | relight(subject=PICTURE, light="left", light_denoise=0.5))
    first = probe.calls[0]["timesteps"][0].item()
    assert len(probe.calls) == 3
    assert 300 < first < 600


def test_mask_keeps_the_tabs_picture_not_the_light(webui: WebUI) -> None:
    image = webui.img2img(request((72, 96), mask_blur=0, **MASKED) | relight(light="left"))[0][0]
    assert np.array_equal(np.asarray(image)[:, 56:], np.asarray(TAB)[:, 56:])


def test_demo_shows_the_path(tmp_path: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["--steps", "1", "--width", "64", "--height", "64"]) == 0
    said = capsys.readouterr().out
    assert float(said.split()[-1]) < 1e-5
    assert Image.open(tmp_path / "outputs" / "demo.png").width > 1000


def test_command_line_says_what_is_wrong(tmp_path: Any, capsys: pytest.CaptureFixture) -> None:
    assert main([str(tmp_path / "nothing.png")]) == 2
    assert main(["--checkpoint", "only-one.safetensors"]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 2


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--light", "sideways"], "light must be one of"),
        (["--steps", "0"], "--steps must be 1 or more"),
        (["--output", "picture"], "--output must name a .png file"),
    ],
)
def test_a_refusal_is_one_sentence(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture, arguments: list[str], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert says in err
    assert "relighting" not in err
