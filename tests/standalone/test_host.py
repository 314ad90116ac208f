"""The small host does what the real ones were seen to do."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from iclight_standalone.networks import load_tokenizer
from iclight_standalone.patcher import ModelPatcher
from iclight_standalone.sampler import setup_img2img_steps
from iclight_standalone.webui import WebUI
from lib_iclight.errors import ICLightError

from .conftest import HookListener, portrait, relight, request


def pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image)


def weights(webui: WebUI) -> dict[str, torch.Tensor]:
    return {name: weight.clone() for name, weight in webui.load().forge_objects.unet.model.named_parameters()}


def test_plain_before_is_plain_after_to_the_bit(webui: WebUI) -> None:
    before, untouched = webui.txt2img(request())[0][0], weights(webui)
    relit = webui.txt2img(request() | relight(subject=portrait()))[0][0]
    merged = weights(webui)
    after = webui.txt2img(request())[0][0]
    assert merged["diffusion_model.input_blocks.0.0.weight"].shape[1] == 8
    assert not np.array_equal(pixels(before), pixels(relit))
    assert np.array_equal(pixels(before), pixels(after))
    restored = weights(webui)
    assert untouched.keys() == restored.keys()
    assert all(torch.equal(untouched[name], restored[name]) for name in untouched)
    assert not webui.load().forge_objects.unet.model.lora_loader.backup


def test_the_same_merge_is_not_repeated(webui: WebUI) -> None:
    webui.txt2img(request() | relight(subject=portrait()))
    weight = webui.load().forge_objects.unet.model.diffusion_model.input_blocks[0][0].weight
    webui.txt2img(request() | relight(subject=portrait(90, 70)))
    assert webui.load().forge_objects.unet.model.diffusion_model.input_blocks[0][0].weight is weight


def test_patches_on_a_loaded_patcher_are_not_seen() -> None:
    patcher = ModelPatcher(torch.nn.Linear(2, 2).requires_grad_(False))
    before = patcher.model.weight.clone()
    patcher.load()
    assert patcher.add_patches(filename="a", patches={"weight": (torch.ones(2, 2),), "none": (torch.ones(1),)}) == {
        "weight"
    }
    patcher.load()
    assert torch.equal(patcher.model.weight, before)
    clone = patcher.clone()
    clone.load()
    assert torch.equal(patcher.model.weight, before + 1)
    ModelPatcher(patcher.model).load()
    assert torch.equal(patcher.model.weight, before)


def test_strength_zero_leaves_the_first_convolution_narrow() -> None:
    patcher = ModelPatcher(torch.nn.Conv2d(4, 2, 1).requires_grad_(False))
    patches = {"weight": ("diff", [torch.ones(2, 8, 1, 1), {"pad_weight": True}])}
    patcher.add_patches(filename="a", patches=patches, strength_patch=0.0)
    patcher.load()
    assert patcher.model.weight.shape[1] == 4
    wide = ModelPatcher(patcher.model)
    wide.add_patches(filename="a", patches=patches, strength_patch=0.5)
    wide.load()
    assert torch.equal(wide.model.weight[:, 4:], torch.full((2, 4, 1, 1), 0.5))


def test_clone_copies_objects_and_shares_functions() -> None:
    patcher = ModelPatcher(torch.nn.Linear(1, 1))

    def wrapper(apply_model: Any, args: Any) -> None: ...

    patcher.set_model_unet_function_wrapper(wrapper)
    patcher.model_options["mine"] = [1]
    clone = patcher.clone()
    assert clone.model_options["model_function_wrapper"] is wrapper
    assert clone.model_options["mine"] is not patcher.model_options["mine"]


def test_hooks_come_in_the_hosts_order(webui: WebUI, listener: HookListener) -> None:
    listener.actions["before_process"] = lambda p: listener.hooks.append(
        f"loaded: {hasattr(p.sd_model, 'forge_objects')}"
    )
    webui.txt2img(request(enable_hr=True, hr_upscaler="Lanczos", hr_scale=1.5, steps=1))
    assert listener.hooks == [
        "before_process",
        "loaded: False",
        "process",
        "process_before_every_sampling",
        "process_before_every_sampling",
        "process_before_every_sampling",
        "postprocess",
    ]
    first, hires, again = listener.samplers
    assert first is not hires
    assert hires is again


def test_img2img_keeps_its_sampler_for_all_batches(webui: WebUI, listener: HookListener) -> None:
    images, info = webui.img2img(request(init_images=[portrait()], n_iter=2, denoising_strength=0.5, batch_size=2))
    assert len(images) == 4
    assert info["all_seeds"] == [7, 8, 9, 10]
    assert listener.samplers[0] is listener.samplers[1]
    assert listener.hooks[:3] == ["before_process", "process", "process_before_every_sampling"]


def test_what_is_put_on_the_unet_before_the_reset_is_lost(webui: WebUI, listener: HookListener) -> None:
    seen = []

    def spoil(p: Any, **kwargs: Any) -> None:
        seen.append(hasattr(p.sd_model.forge_objects.unet, "mine"))
        p.sd_model.forge_objects.unet = p.sd_model.forge_objects.unet.clone()
        p.sd_model.forge_objects.unet.mine = True

    listener.actions["process_before_every_sampling"] = spoil
    for _ in range(2):
        webui.txt2img(request(enable_hr=True, hr_scale=1.5, steps=1))
    first, hires_before_the_reset, hires = False, True, False
    assert seen == [first, hires_before_the_reset, hires] * 2


def test_hook_errors_are_swallowed_and_sampler_errors_are_not(
    webui: WebUI, listener: HookListener, capsys: pytest.CaptureFixture
) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise ValueError("on purpose")

    listener.actions["process"] = fail
    assert webui.txt2img(request(steps=1))[0]
    assert "Error running process: Listener" in capsys.readouterr().out
    listener.actions = {"process_before_every_sampling": lambda p, **kwargs: setattr(p.sampler, "sample", fail)}
    with pytest.raises(ValueError, match="on purpose"):
        webui.txt2img(request(steps=1))


def test_a_refused_relight_makes_no_picture(webui: WebUI) -> None:
    with pytest.raises(ICLightError, match="light must be one of"):
        webui.txt2img(request() | relight(subject=portrait(), light="sideways"))


@pytest.mark.parametrize("size", [(72, 104), (136, 200)])
def test_sizes_go_in_steps_of_eight(webui: WebUI, size: tuple[int, int]) -> None:
    assert webui.txt2img(request(size, steps=1) | relight(subject=portrait()))[0][0].size == size


def test_pictures_do_not_depend_on_the_batch(webui: WebUI) -> None:
    together = webui.txt2img(request(batch_size=2, n_iter=2))[0]
    assert len(together) == 4
    for number, image in enumerate(together[2:], start=2):
        alone = webui.txt2img(request(seed=7 + number))[0][0]
        assert np.abs(pixels(image).astype(int) - pixels(alone)).max() <= 1


def test_chunks(webui: WebUI, listener: HookListener) -> None:
    for values, sizes in (({}, [2, 2]), ({"cfg_scale": 1}, [1, 1]), ({"prompt": "word " * 90}, [1, 1, 1, 1])):
        listener.calls.clear()
        webui.txt2img(request(**values))
        assert [len(call["x"]) for call in listener.calls] == sizes
    assert [call["context"].shape[1] for call in listener.calls] == [154, 77, 154, 77]


def test_wrapper_gets_the_negative_prompt_first(webui: WebUI, listener: HookListener) -> None:
    orders = []

    def wrap(p: Any, **kwargs: Any) -> None:
        def wrapper(apply_model: Any, args: Any) -> torch.Tensor:
            orders.append(args["cond_or_uncond"])
            return apply_model(args["input"], args["timestep"], **args["c"])

        p.sd_model.forge_objects.unet = p.sd_model.forge_objects.unet.clone()
        p.sd_model.forge_objects.unet.set_model_unet_function_wrapper(wrapper)

    listener.actions["process_before_every_sampling"] = wrap
    webui.txt2img(request())
    assert orders == [[1, 0], [1, 0]]


@pytest.mark.parametrize("flag", ["interrupted", "skipped"])
def test_interrupt_ends_the_pass_with_what_there_is(webui: WebUI, listener: HookListener, flag: str) -> None:
    webui.state.on_step = lambda: setattr(webui.state, flag, True)
    try:
        images, _ = webui.txt2img(request(steps=5, n_iter=2) | relight(subject=portrait()))
    finally:
        webui.state.on_step = None
    assert len(images) == (1 if flag == "interrupted" else 2)
    assert len(listener.calls) == len(images)


def test_only_masked_tells_the_crop_and_pastes_it_back(webui: WebUI, listener: HookListener) -> None:
    mask = Image.new("L", (100, 120), 0)
    mask.paste(255, (20, 30, 60, 70))
    told = []
    listener.actions["process_before_every_sampling"] = lambda p, **_: told.append(p.crop_region)
    image = webui.img2img(request(init_images=[portrait()], mask=mask, mask_blur=0, inpainting_fill=1, steps=2))[0][0]
    assert told == [(20, 30, 60, 70)]
    assert image.size == (100, 120)
    changed = (pixels(image) != pixels(portrait())).any(axis=-1)
    assert changed[30:70, 20:60].any()
    assert not changed[:30].any()
    assert not changed[:, 60:].any()


@pytest.mark.parametrize("mode", [0, 1, 2])
def test_resize_modes(webui: WebUI, mode: int) -> None:
    values = {"init_images": [portrait(80, 64)], "resize_mode": mode, "steps": 2}
    assert webui.img2img(request((64, 80), **values))[0][0].size == (64, 80)


def test_unknown_fields_are_errors(webui: WebUI) -> None:
    for payload in (
        {"stepz": 3},
        {"scheduler": "Karras"},
        {"alwayson_scripts": {"Other": {}}},
        {"sampler_name": "DDIM"},
        {"hr_upscaler": "Latent (nearest)"},
    ):
        with pytest.raises(ICLightError):
            webui.txt2img(request(**payload))


def test_what_img2img_cannot_do_is_an_error(webui: WebUI, listener: HookListener) -> None:
    mask = Image.new("L", (100, 120), 255)
    for payload, says in (
        ({"mask": mask}, "inpainting_fill 1 only, not 0"),
        ({"mask": mask, "inpainting_fill": 2}, "inpainting_fill 1 only, not 2"),
        ({"mask": mask.resize((50, 60)), "inpainting_fill": 1}, "mask is 50×60"),
        ({"mask": "no picture!", "inpainting_fill": 1}, "mask"),
        ({"resize_mode": 3}, "resize_mode 0 or 1 or 2 only, not 3"),
        ({"init_images": []}, "init_images has 0 pictures"),
        ({"init_images": [portrait()] * 2}, "init_images has 2 pictures"),
    ):
        with pytest.raises(ICLightError, match=says):
            webui.img2img(request(**{"init_images": [portrait()], **payload}))
    assert not listener.samplers


def test_an_empty_mask_masks_nothing(webui: WebUI, listener: HookListener) -> None:
    mask = Image.new("L", (100, 120), 0)
    masked, plain = (
        webui.img2img(request(init_images=[portrait()], **values))[0][0]
        for values in ({"mask": mask, "inpainting_fill": 1}, {})
    )
    assert np.array_equal(pixels(masked), pixels(plain))


def test_schedule(webui: WebUI) -> None:
    sigmas = webui.load().forge_objects.unet.model.schedule(20)
    assert len(sigmas) == 21
    assert sigmas[0].item() == pytest.approx(14.6146, abs=1e-4)
    assert sigmas[-2].item() == pytest.approx(0.0292, abs=1e-4)
    p = copy.copy(type("P", (), {"steps": 20, "denoising_strength": 0.9}))
    assert setup_img2img_steps(p, 25) == (27, 24)
    assert setup_img2img_steps(p, None) == (20, 18)


def test_tokenizer_is_clips() -> None:
    assert load_tokenizer()("a photo of a cat")["input_ids"] == [49406, 320, 1125, 539, 320, 2368, 49407]
