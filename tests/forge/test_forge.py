"""What only a real Forge has: other checkpoints, LoRAs, built-in extensions, scripts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest

from iclight_standalone import reference as oracle
from iclight_workshop.host_bench import ForgeBench, background, encode, forge_bench, subject
from tests.contract.cases import BASE, FC, HIRES, TAB, panel_subject, relight

A, B = "full-size-a.safetensors", "full-size-b.safetensors"


def checkpoint(name: str) -> dict[str, Any]:
    """The part of a request that chooses a checkpoint, and puts the first one back afterwards."""
    return {"override_settings": {"sd_model_checkpoint": name}}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForgeBench]:
    with forge_bench(tmp_path_factory.mktemp("forge")) as bench:
        yield bench


def condition_error(bench: ForgeBench, recorded: Mapping[str, Any], name: str = A) -> float:
    """Of a pass's condition, with the panel's subject."""
    path = bench.checkpoint.with_name(name)
    given = recorded["calls"][0]["c_concat"]
    height, width = (8 * size for size in given.shape[-2:])
    expected = oracle.condition(path, *panel_subject(width, height))
    return oracle.relative_error(given, expected.repeat(len(given), 1, 1, 1))


def unet_error(bench: ForgeBench, recorded: Mapping[str, Any], name: str) -> float:
    """Of a pass's first call, by the condition that it was given."""
    path = bench.checkpoint.with_name(name)
    call = recorded["calls"][0]
    expected = oracle.Denoiser(path, bench.offsets["fc"]).epsilon(
        call["input"], call["timestep"].float(), call["c_crossattn"], call["c_concat"]
    )
    return oracle.relative_error(call["unet_output"], expected)


def test_first_after_a_change_of_checkpoint(bench: ForgeBench, figure: Any) -> None:
    bench.post("txt2img", BASE)
    outcome = bench.post("txt2img", BASE | FC | checkpoint(B))
    assert outcome.status == 200, outcome.detail
    assert figure("c_concat", condition_error(bench, outcome.passes[0], B)) <= 1e-5
    assert figure("UNet", unet_error(bench, outcome.passes[0], B)) <= 2e-6


def test_xyz_over_three_seeds(bench: ForgeBench, figure: Any) -> None:
    seeds = [1, "7,8,9", [], 0, "", [], 0, "", [], False, True, False, False, False, False, False, 0, False]
    outcome = bench.post("txt2img", BASE | FC | {"script_name": "X/Y/Z plot", "script_args": seeds})
    assert outcome.status == 200, outcome.detail
    assert len(outcome.passes) == 3
    for number, recorded in enumerate(outcome.passes):
        assert figure(f"{number} c_concat", condition_error(bench, recorded)) <= 1e-5
    assert figure("UNet", unet_error(bench, outcome.passes[-1], A)) <= 2e-6
    plain = bench.post("txt2img", BASE | {"seed": 7})
    assert not plain.passes[0]["wrapped"]


def test_refiner_at_the_very_end_is_refused_too(bench: ForgeBench) -> None:
    """HeunPP2 calls the UNet more often than it has steps: it would come by the switch."""
    late = {"refiner_checkpoint": B, "refiner_switch_at": 1, "sampler_name": "HeunPP2", "steps": 3}
    outcome = bench.post("txt2img", BASE | FC | late)
    assert (outcome.status, outcome.images) == (422, [])


@pytest.mark.parametrize(("name", "says"), [("sd2", "SD 2"), ("inpainting", "inpainting")])
def test_unfit_checkpoint(bench: ForgeBench, name: str, says: str) -> None:
    outcome = bench.post("txt2img", BASE | FC | checkpoint(f"full-size-{name}.safetensors"))
    assert (outcome.status, outcome.images) == (422, [])
    assert says in outcome.detail
    assert not any(each["calls"] for each in outcome.passes)


def test_a_part_that_is_repainted_by_another_extension_is_plain(bench: ForgeBench) -> None:
    """As face detailers do: an img2img run inside ours, with our arguments, on what is relit already."""
    args = {"subject": encode(subject()), "light": "left"}
    asked = {"IC Light": {"args": [args]}, "Probe": {"args": ["repaint a part"]}}
    outcome = bench.post("txt2img", BASE | {"alwayson_scripts": asked})
    assert outcome.status == 200, outcome.detail
    assert [(each["pass"], each["wrapped"], bool(each["patches"])) for each in outcome.passes] == [
        ("txt2img", True, True),
        ("img2img", False, False),
    ]
    assert outcome.passes[1]["calls"][0]["c_concat"] is None
    relit = bench.post("txt2img", BASE | {"alwayson_scripts": {"IC Light": {"args": [args]}}}).images[0]
    changed = (np.asarray(outcome.images[0]) != np.asarray(relit)).any(axis=2)
    assert changed[16:80, 16:80].mean() > 0.5 and not changed[100:].any(), "the part alone was repainted"


def test_the_lights_colours_are_not_corrected_away(bench: ForgeBench) -> None:
    """Forge's "apply colour correction" matches every img2img result to the tab's picture."""
    correction = {"override_settings": {"img2img_color_correction": True}}
    lit = relight(model="iclight_sd15_fc", cutout="none", light="custom", light_map=background())
    plain, corrected = (bench.post("img2img", TAB | more).images[0] for more in ({}, correction))
    assert plain.tobytes() != corrected.tobytes(), "Forge does it to a plain picture"
    relit, uncorrected = (bench.post("img2img", TAB | lit | more).images[0] for more in ({}, correction))
    assert relit.tobytes() == uncorrected.tobytes()
    again = bench.post("img2img", TAB | correction).images[0]
    assert again.tobytes() == corrected.tobytes(), "and to the next plain picture"


def test_extra_noise_is_img2imgs_alone(bench: ForgeBench, figure: Any) -> None:
    extra = {"override_settings": {"img2img_extra_noise": 0.2}}
    payload = BASE | relight(subject=subject(), light="left", light_denoise=0.6)
    without, with_extra = bench.post("txt2img", payload), bench.post("txt2img", payload | extra)
    assert with_extra.status == 200, with_extra.detail
    starts = [each.passes[0]["start"] for each in (without, with_extra)]
    assert figure("start", oracle.relative_error(starts[1], starts[0])) <= 1e-6
    assert "Extra noise" not in with_extra.info["infotexts"][0]


def test_a_hires_checkpoint_that_cant_be_relit_is_refused_before_the_first_pass(bench: ForgeBench) -> None:
    for name, says in (("sd2", "SD 2"), ("inpainting", "inpainting")):
        outcome = bench.post("txt2img", BASE | FC | HIRES | {"hr_checkpoint_name": f"full-size-{name}.safetensors"})
        assert (outcome.status, outcome.images) == (422, [])
        assert says in outcome.detail and f"full-size-{name}" in outcome.detail
        assert outcome.passes == [] or not any(each["calls"] for each in outcome.passes)


def test_a_refiner_of_the_second_pass_is_refused_before_the_first(bench: ForgeBench) -> None:
    outcome = bench.post("txt2img", BASE | FC | HIRES | {"refiner_checkpoint": B, "refiner_switch_at": 0.5})
    assert (outcome.status, outcome.images) == (422, []) and "refiner" in outcome.detail
    assert not any(each["calls"] for each in outcome.passes)


def test_wrapper_thrown_away_is_named(bench: ForgeBench) -> None:
    outcome = bench.post(
        "txt2img",
        BASE | {"alwayson_scripts": {**FC["alwayson_scripts"], "Probe": {"args": ["throw the wrapper away"]}}},
    )
    assert (outcome.status, outcome.images) == (422, [])
    assert "not relit" in outcome.detail and "probe" in outcome.detail


def test_subject_survives_every_sampler_family(bench: ForgeBench, figure: Any) -> None:
    for sampler in ("DDIM", "DPM++ 2M SDE", "UniPC", "Restart"):
        light = {"alwayson_scripts": {"IC Light": {"args": [{"subject": encode(subject()), "light": "left"}]}}}
        outcome = bench.post("txt2img", BASE | light | {"sampler_name": sampler, "steps": 4})
        assert outcome.status == 200, (sampler, outcome.detail)
        assert figure(f"{sampler} c_concat", condition_error(bench, outcome.passes[0])) <= 1e-5
