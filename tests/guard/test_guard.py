from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from starlette.exceptions import HTTPException

from lib_iclight.errors import ICLightError, ICLightFault, report
from lib_iclight.guard import LightStart, Pass, guard_sampler
from lib_iclight.hosts import Host
from lib_iclight.hosts.refusal import RelightRefused
from lib_iclight.patch import Patch, patch_unet
from lib_iclight.weights import Offsets
from tests.patch.host import a_host, a_model, call_unet

SHAPE = (2, 4, 8, 8)
NOISE = torch.full(SHAPE, 5.0)
TAB = torch.full(SHAPE, 7.0)
LIGHT = torch.full((1, 4, 8, 8), 3.0)


class Unet:
    """The first convolution's part of a UNet: four channels of noise, four of condition."""

    def __init__(self, channels: int = 8) -> None:
        self.first = torch.nn.Conv2d(channels, 4, 3, padding=1)

    @torch.no_grad()
    def __call__(
        self, x: torch.Tensor, t: torch.Tensor, c_concat: torch.Tensor | None = None, **c: Any
    ) -> torch.Tensor:
        return self.first(x if c_concat is None else torch.cat([x, c_concat.to(x)], 1))


class Sampler:
    """Forge's `KDiffusionSampler`, without a schedule: what it was called with, and one UNet call a step."""

    def __init__(self, sd_model: Any, apply_model: Callable) -> None:
        self.model_wrap_cfg = SimpleNamespace(init_latent=None)
        self.apply_model = apply_model
        self.sd_model = sd_model
        self.steps_run = 1
        self.calls: list[dict[str, Any]] = []
        self.kept: list[torch.Tensor | None] = []

    def launch_sampling(self, steps: int, run: Callable) -> torch.Tensor:
        self.kept.append(self.model_wrap_cfg.init_latent)
        return run()

    def sample(self, p: Any, x: torch.Tensor, c: Any, uc: Any, steps: int | None = None, **more: Any) -> torch.Tensor:
        self.calls.append({"from": "noise", "x": x, "c": c, "uc": uc, "steps": steps, **more})
        return self.launch_sampling(steps or p.steps, lambda: self._run(x))

    def sample_img2img(
        self, p: Any, x: torch.Tensor, noise: torch.Tensor, c: Any, uc: Any, steps: int | None = None, **more: Any
    ) -> torch.Tensor:
        strength = {"denoising_strength": p.denoising_strength}
        self.calls.append(
            {"from": "latent", "x": x, "noise": noise, "c": c, "uc": uc, "steps": steps, **strength, **more}
        )
        self.model_wrap_cfg.init_latent = x
        return self.launch_sampling(steps or p.steps, lambda: self._run(x))

    def _run(self, x: torch.Tensor) -> torch.Tensor:
        for _ in range(self.steps_run):
            call_unet(self.sd_model.forge_objects.unet, self.apply_model, torch.cat([x, x]))
        return x + 100


@pytest.fixture
def host() -> Host:
    return a_host()


@pytest.fixture
def offsets(write_offsets: Callable[..., Path]) -> Offsets:
    return Offsets(write_offsets())


@pytest.fixture
def p(tiny_shapes: dict[str, tuple[int, ...]]) -> Any:
    sd_model = a_model(tiny_shapes)
    return SimpleNamespace(
        sampler=Sampler(sd_model, Unet()),
        sd_model=sd_model,
        steps=20,
        denoising_strength=0.25,
        mask=None,
        extra_generation_params={},
    )


@pytest.fixture
def patch(host: Host, p: Any, offsets: Offsets) -> Patch:
    return patch_unet(host, p.sd_model, offsets, 1.0, torch.zeros(1, 4, 8, 8))


def sample(p: Any, **more: Any) -> torch.Tensor:
    return p.sampler.sample(p, NOISE, "c", "uc", image_conditioning="ic", **more)


def sample_img2img(p: Any, **more: Any) -> torch.Tensor:
    return p.sampler.sample_img2img(p, TAB, NOISE, "c", "uc", image_conditioning="ic", **more)


# ------------------------------------------------------------------------------------------------ one guard, passing on


def test_a_pass_goes_on_as_the_host_meant_it(host: Host, p: Any, patch: Patch) -> None:
    guard_sampler(host, p, Pass(patch))
    assert torch.equal(sample(p), NOISE + 100)
    assert torch.equal(sample_img2img(p, steps=9), TAB + 100)
    from_noise, from_latent = p.sampler.calls
    common = {"c": "c", "uc": "uc", "image_conditioning": "ic"}
    assert from_noise == {"from": "noise", "x": NOISE, "steps": None, **common}
    expected = {"from": "latent", "x": TAB, "noise": NOISE, "steps": 9, "denoising_strength": 0.25, **common}
    assert from_latent == expected


def test_one_guard_however_often_the_hook_runs(host: Host, p: Any, patch: Patch) -> None:
    guard_sampler(host, p, Pass(error=ICLightError("an earlier pass's")))
    installed = p.sampler.sample, p.sampler.sample_img2img
    for _ in range(5):
        guard_sampler(host, p, Pass(patch))
    assert (p.sampler.sample, p.sampler.sample_img2img) == installed
    sample(p)
    assert len(p.sampler.calls) == 1 and patch.reached == 1


def test_only_this_sampler_is_changed(host: Host, p: Any, patch: Patch) -> None:
    untouched = dict(vars(Sampler))
    guard_sampler(host, p, Pass(patch))
    assert dict(vars(Sampler)) == untouched
    other = Sampler(p.sd_model, Unet())
    assert other.sample.__func__ is Sampler.sample


def test_each_sampler_has_a_guard_of_its_own(host: Host, p: Any, patch: Patch) -> None:
    guard_sampler(host, p, Pass(error=ICLightError("the first pass's")))
    p.sampler = Sampler(p.sd_model, Unet())
    guard_sampler(host, p, Pass(patch))
    assert torch.equal(sample(p), NOISE + 100)


# ------------------------------------------------------------------------------------------------ stored errors


@pytest.mark.parametrize("call", [sample, sample_img2img])
@pytest.mark.parametrize("error", [ICLightError("Light of no kind."), ICLightFault("Broken.")])
def test_errors_of_ours_are_raised_as_they_are(host: Host, p: Any, call: Callable, error: ICLightError) -> None:
    guard_sampler(host, p, Pass(error=error))
    for _ in range(2):
        with pytest.raises(ICLightError) as caught:
            call(p)
        assert caught.value is error
    assert not p.sampler.calls


@pytest.mark.parametrize("call", [sample, sample_img2img])
@pytest.mark.parametrize("error", [ValueError("odd"), KeyError("x"), RuntimeError(), OSError(28, "No space left")])
def test_other_errors_are_raised_as_faults(host: Host, p: Any, call: Callable, error: Exception) -> None:
    guard_sampler(host, p, Pass(error=error))
    with pytest.raises(ICLightFault) as caught:
        call(p)
    assert caught.value.__cause__ is error
    sentence = str(caught.value)
    assert type(error).__name__ in sentence and str(error) in sentence and "No picture was made" in sentence
    assert not p.sampler.calls


@pytest.mark.parametrize("call", [sample, sample_img2img])
def test_errors_are_raised_as_the_host_takes_them(host: Host, p: Any, call: Callable) -> None:
    host.webui.refusal = RelightRefused
    error = ICLightError("What is wrong.")
    guard_sampler(host, p, Pass(error=error))
    with pytest.raises(RelightRefused) as caught:
        call(p)
    assert caught.value.__cause__ is error


def test_errors_have_their_sentence_where_hosts_look() -> None:
    refused, fault = RelightRefused(ICLightError("What is wrong.")), RelightRefused(ICLightFault("Broken."))
    assert str(refused) == refused.detail == "What is wrong." and refused.status_code == 422
    assert isinstance(refused, HTTPException) and fault.status_code == 500


def test_tracebacks_are_left_in_the_console_for_faults_only(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        raise ValueError("something odd")
    except ValueError as error:
        report(error)
    console = capsys.readouterr().err
    assert "something odd" in console and Path(__file__).name in console
    report(ICLightError("said already"))
    assert capsys.readouterr() == ("", "")


# ------------------------------------------------------------------------------------------------ starting from a light


def test_txt2img_starts_from_the_light(host: Host, p: Any, patch: Patch) -> None:
    guard_sampler(host, p, Pass(patch, LightStart(LIGHT, 0.9)))
    assert torch.equal(sample(p), LIGHT.expand(SHAPE) + 100)
    (call,) = p.sampler.calls
    assert call["from"] == "latent" and call["steps"] == 20 and call["denoising_strength"] == 0.9
    assert torch.equal(call["x"], LIGHT.expand(SHAPE)) and torch.equal(call["noise"], NOISE)
    assert (call["c"], call["uc"], call["image_conditioning"]) == ("c", "uc", "ic")
    assert p.denoising_strength == 0.25


def test_steps_that_the_host_asks_for_are_kept(host: Host, p: Any, patch: Patch) -> None:
    guard_sampler(host, p, Pass(patch, LightStart(LIGHT, 0.9)))
    sample(p, steps=7)
    assert p.sampler.calls[0]["steps"] == 7


@pytest.mark.parametrize("error", [ValueError("out of memory"), KeyboardInterrupt()])
def test_the_hires_strength_comes_back_after_an_error(host: Host, p: Any, patch: Patch, error: BaseException) -> None:
    def breaks(*args: Any, **kwargs: Any) -> torch.Tensor:
        assert p.denoising_strength == 0.5
        raise error

    p.sampler.apply_model = breaks
    guard_sampler(host, p, Pass(patch, LightStart(LIGHT, 0.5)))
    with pytest.raises(type(error)) as caught:
        sample(p)
    assert caught.value is error and p.denoising_strength == 0.25


def test_the_hosts_extra_noise_is_not_added_to_the_lights_pass(host: Host, p: Any, patch: Patch) -> None:
    """It belongs to img2img. The host adds it, so it is taken off beforehand, and infotext tells of none."""
    host.webui.noise = 0.25
    p.extra_generation_params["Extra noise"] = 0.25  # as the host's sampler writes it
    guard_sampler(host, p, Pass(patch, LightStart(LIGHT, 0.9)))
    sample(p)
    (call,) = p.sampler.calls
    assert torch.allclose(call["x"] + 0.25 * call["noise"], LIGHT.expand(SHAPE))
    assert p.extra_generation_params == {}


def test_the_hosts_extra_noise_stays_in_img2img(host: Host, p: Any, patch: Patch) -> None:
    host.webui.noise = 0.25
    p.extra_generation_params["Extra noise"] = 0.25
    guard_sampler(host, p, Pass(patch, LightStart(LIGHT, 0.9)))
    sample_img2img(p)
    assert torch.equal(p.sampler.calls[0]["x"], LIGHT.expand(SHAPE))
    assert p.extra_generation_params == {"Extra noise": 0.25}


def test_img2img_starts_from_the_light_at_the_tabs_strength(host: Host, p: Any, patch: Patch) -> None:
    guard_sampler(host, p, Pass(patch, LightStart(LIGHT, 0.9)))
    assert torch.equal(sample_img2img(p), LIGHT.expand(SHAPE) + 100)
    (call,) = p.sampler.calls
    assert call["denoising_strength"] == 0.25 and call["steps"] is None
    assert torch.equal(call["x"], LIGHT.expand(SHAPE)) and torch.equal(call["noise"], NOISE)


def test_each_picture_of_a_batch_can_have_its_light(host: Host, p: Any, patch: Patch) -> None:
    lights = torch.stack([torch.full(SHAPE[1:], 1.0), torch.full(SHAPE[1:], 2.0)])
    guard_sampler(host, p, Pass(patch, LightStart(lights, 0.9)))
    assert torch.equal(sample(p), lights + 100)


def test_the_light_comes_in_the_noises_precision(host: Host, p: Any, patch: Patch) -> None:
    guard_sampler(host, p, Pass(patch, LightStart(LIGHT.double(), 0.9)))
    sample(p)
    assert p.sampler.calls[0]["x"].dtype == NOISE.dtype


def test_no_light_of_an_earlier_pass_is_left(host: Host, p: Any, patch: Patch) -> None:
    guard_sampler(host, p, Pass(patch, LightStart(LIGHT, 0.9)))
    sample(p)
    guard_sampler(host, p, Pass(patch))
    sample(p)
    assert [call["from"] for call in p.sampler.calls] == ["latent", "noise"]


@pytest.mark.parametrize(
    ("steps", "denoise", "fits"), [(100, 0.1, True), (101, 0.1, False), (150, 0.1, False), (150, 0.5, True)]
)
def test_schedules_longer_than_the_models_are_refused(
    host: Host, p: Any, patch: Patch, steps: int, denoise: float, fits: bool
) -> None:
    p.steps = steps
    guard_sampler(host, p, Pass(patch, LightStart(LIGHT, denoise)))
    if fits:
        sample(p)
    else:
        with pytest.raises(ICLightError, match=rf"light_denoise {denoise:g} with {steps} steps"):
            sample(p)
        assert not p.sampler.calls and p.denoising_strength == 0.25


def test_a_mask_keeps_the_tabs_picture(host: Host, p: Any, patch: Patch) -> None:
    p.mask = torch.ones(1, 8, 8)
    guard_sampler(host, p, Pass(patch, LightStart(LIGHT, 0.9)))
    assert torch.equal(sample_img2img(p), LIGHT.expand(SHAPE) + 100)
    assert torch.equal(p.sampler.kept[0], TAB)
    assert p.sampler.launch_sampling.__func__ is Sampler.launch_sampling, "for that one call"


def test_a_mask_is_let_go_after_an_error(host: Host, p: Any, patch: Patch) -> None:
    def breaks(*args: Any, **kwargs: Any) -> torch.Tensor:
        raise ValueError("broken")

    p.mask = torch.ones(1, 8, 8)
    p.sampler.apply_model = breaks
    guard_sampler(host, p, Pass(patch, LightStart(LIGHT, 0.9)))
    with pytest.raises(ValueError, match="broken"):
        sample_img2img(p)
    assert p.sampler.launch_sampling.__func__ is Sampler.launch_sampling


def test_without_a_mask_nothing_is_kept(host: Host, p: Any, patch: Patch) -> None:
    guard_sampler(host, p, Pass(patch, LightStart(LIGHT, 0.9)))
    sample_img2img(p)
    assert torch.equal(p.sampler.kept[0], LIGHT.expand(SHAPE))


def test_a_mask_without_a_light_is_the_hosts_business(host: Host, p: Any, patch: Patch) -> None:
    p.mask = torch.ones(1, 8, 8)
    guard_sampler(host, p, Pass(patch))
    sample_img2img(p)
    assert torch.equal(p.sampler.kept[0], TAB)


# ------------------------------------------------------------------------------------------------ relit or not


def replaced_by(wrapper: Callable | None) -> Callable[[Any], None]:
    def replace(p: Any) -> None:
        p.sd_model.forge_objects.unet.model_options["model_function_wrapper"] = wrapper

    return replace


def deaf(apply_model: Callable, args: dict[str, Any]) -> torch.Tensor:
    """A wrapper that calls nothing of what was there, with a condition of its own."""
    return args["input"]


@pytest.mark.parametrize("call", [sample, sample_img2img])
@pytest.mark.parametrize("start", [None, LightStart(LIGHT, 0.9)])
def test_a_wrapper_that_was_not_reached_is_found(
    host: Host, p: Any, patch: Patch, call: Callable, start: LightStart | None
) -> None:
    guard_sampler(host, p, Pass(patch, start))
    replaced_by(deaf)(p)
    with pytest.raises(ICLightError, match=rf"was not relit.*the wrapper of {__name__}"):
        call(p)


def test_a_pass_without_a_step_was_not_relit(host: Host, p: Any, patch: Patch) -> None:
    p.sampler.steps_run = 0
    guard_sampler(host, p, Pass(patch))
    with pytest.raises(ICLightError, match=r"no step was sampled.*raise the denoising strength"):
        sample_img2img(p)


@pytest.mark.parametrize("call", [sample, sample_img2img])
def test_what_the_user_stopped_is_no_error(host: Host, p: Any, patch: Patch, call: Callable) -> None:
    p.sampler.steps_run = 0
    host.webui.stopped = True
    guard_sampler(host, p, Pass(patch, LightStart(LIGHT, 0.9)))
    assert torch.equal(call(p), LIGHT.expand(SHAPE) + 100)


def test_the_hosts_own_way_to_stop_passes_through(host: Host, p: Any, patch: Patch) -> None:
    class InterruptedException(BaseException):
        """Forge's, by which its samplers are left."""

    def stops(*args: Any, **kwargs: Any) -> torch.Tensor:
        raise InterruptedException

    p.sampler.apply_model = stops
    guard_sampler(host, p, Pass(patch, LightStart(LIGHT, 0.9)))
    with pytest.raises(InterruptedException):
        sample(p)
    assert p.denoising_strength == 0.25


@pytest.mark.parametrize("call", [sample, sample_img2img])
def test_a_condition_that_does_not_arrive_is_told_from_the_channels(
    host: Host, p: Any, patch: Patch, call: Callable
) -> None:
    guard_sampler(host, p, Pass(patch))
    replaced_by(None)(p)  # the UNet has eight channels, and is called with four
    with pytest.raises(ICLightError, match=r"was not relit.*no wrapper") as caught:
        call(p)
    assert isinstance(caught.value.__cause__, RuntimeError) and "channels" in str(caught.value.__cause__)


@pytest.mark.parametrize("call", [sample, sample_img2img])
@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("CUDA out of memory"),
        torch.OutOfMemoryError("no"),
        ValueError("to have 8 channels, but got 4 channels"),
        RuntimeError("expected input to have 3 channels, but got 4 channels instead"),
    ],
)
def test_other_errors_of_the_sampling_are_left_alone(
    host: Host, p: Any, patch: Patch, call: Callable, error: Exception
) -> None:
    def breaks(*args: Any, **kwargs: Any) -> torch.Tensor:
        raise error

    p.sampler.apply_model = breaks
    guard_sampler(host, p, Pass(patch))
    with pytest.raises(type(error)) as caught:
        call(p)
    assert caught.value is error
    assert host.patcher.forgotten == [p.sd_model.forge_objects.unet], "weights that may be half merged must be restored"


def test_sentences_from_inside_the_unet_come_through(host: Host, p: Any, patch: Patch) -> None:
    guard_sampler(host, p, Pass(patch))
    with pytest.raises(ICLightError, match="regions or tiles"):
        p.sampler.sample(p, torch.zeros(1, 4, 8, 16), "c", "uc")


@pytest.mark.parametrize("call", [sample, sample_img2img])
def test_a_unet_that_was_exchanged_is_not_sampled(host: Host, p: Any, patch: Patch, call: Callable) -> None:
    guard_sampler(host, p, Pass(patch))
    fresh = a_model({}).forge_objects.unet
    fresh.set_model_unet_function_wrapper(deaf)
    p.sd_model.forge_objects.unet = fresh
    with pytest.raises(ICLightError, match=rf"exchanged the UNet.*the wrapper of {__name__}"):
        call(p)
    assert not p.sampler.calls


@pytest.mark.parametrize("call", [sample, sample_img2img])
def test_a_file_that_has_changed_is_not_sampled(
    host: Host, p: Any, patch: Patch, offsets: Offsets, call: Callable
) -> None:
    guard_sampler(host, p, Pass(patch))
    with offsets.path.open("ab") as file:
        file.write(b"more")
    with pytest.raises(ICLightError, match="has changed"):
        call(p)
    assert not p.sampler.calls


def test_a_pass_without_a_patch_is_none_of_ours(host: Host, p: Any) -> None:
    p.sampler.apply_model = Unet(channels=4)
    guard_sampler(host, p, Pass())
    assert torch.equal(sample(p), NOISE + 100) and torch.equal(sample_img2img(p), TAB + 100)
    p.sampler.apply_model = Unet(channels=9)
    with pytest.raises(RuntimeError, match="channels") as caught:
        sample(p)
    assert not isinstance(caught.value, ICLightError)


def test_no_host_is_imported() -> None:
    assert "modules" not in sys.modules and "backend" not in sys.modules
