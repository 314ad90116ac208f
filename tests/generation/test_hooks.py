"""What the hooks do with a host's events, on a host that has everything that the small one lacks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from iclight_standalone.host import StandaloneWebUI
from iclight_standalone.sampler import State
from lib_iclight.errors import ICLightError
from lib_iclight.generation import Generation
from lib_iclight.hooks import RelightHooks
from lib_iclight.hosts import BatchPicture, Host

FC = {"model": "fc", "cutout": "none"}


class WebUI(StandaloneWebUI):
    """With generations inside of others, batches of files, refiners and hires checkpoints."""

    def __init__(self, folder: Path) -> None:
        super().__init__([folder], State())
        self.outer: list[Any] = []
        self.batch: BatchPicture | None = None
        self.refiner = False
        self.checkpoint: Path | None = None

    def outer_generations(self, p: Any) -> Iterator[Any]:
        return iter(self.outer)

    def batch_picture(self, p: Any) -> BatchPicture | None:
        return self.batch

    def drop_batch(self, p: Any) -> None:
        p.prompts = []

    def drop_results(self, processed: Any, with_infotexts: bool = False) -> None:
        processed.images = []
        if with_infotexts:
            processed.infotexts = []

    def refiner_will_switch(self, p: Any) -> bool:
        return self.refiner

    def hires_checkpoint(self, p: Any) -> Path | None:
        return self.checkpoint


class Sampler:
    """Says that it was called."""

    def sample(self, p: Any, *args: Any, **kwargs: Any) -> None:
        raise AssertionError("sampled")

    sample_img2img = sample


class Hooks(RelightHooks):
    """The hooks on such a host."""

    def __init__(self, webui: WebUI) -> None:
        self.host = Host(webui, None, None)
        self.webui = webui


@pytest.fixture
def hooks(tmp_path: Path) -> Hooks:
    save_file({"conv_in.weight": torch.zeros(4, 8, 3, 3)}, tmp_path / "fc.safetensors")
    return Hooks(WebUI(tmp_path))


def picture(value: int = 200) -> Image.Image:
    return Image.new("RGB", (64, 48), (value, 30, 40))


def txt2img(**more: Any) -> Any:
    return SimpleNamespace(extra_generation_params={}, sampler=Sampler(), prompts=["a"], **more)


def img2img(*images: Image.Image) -> Any:
    return txt2img(
        init_images=list(images) or [picture()], resize_mode=0, width=64, height=64, crop_region=None, image_mask=None
    )


def run(hooks: Hooks, p: Any, **settings: Any) -> Any:
    """Up to the sampling; returns what lives on p."""
    args = {**FC, **settings}
    hooks.before_process(p, args)
    hooks.process(p, args)
    return getattr(p, "iclight", None)


def refusal(hooks: Hooks, p: Any) -> str:
    """What its sampler raises."""
    hooks.process_before_every_sampling(p, x=torch.zeros(1, 4, 8, 8))
    with pytest.raises(ICLightError) as caught:
        p.sampler.sample(p, None)
    return str(caught.value)


def test_a_relight_inside_of_a_relight_is_plain(hooks: Hooks) -> None:
    """A face detailer hands our own arguments on, to repaint a part of what is relit already."""
    outer, inner = txt2img(), img2img()
    assert isinstance(run(hooks, outer, subject=picture()), Generation)
    hooks.webui.outer = [outer]
    assert run(hooks, inner, subject=picture(), light="left", light_denoise=0.7) is None, "whatever it asks for"
    assert inner.extra_generation_params == {}
    hooks.process_before_every_sampling(inner, x=torch.zeros(1, 4, 8, 8))
    with pytest.raises(AssertionError, match="sampled"):
        inner.sampler.sample(inner, None)
    assert isinstance(outer.iclight, Generation), "and the outer one goes on"


def test_a_relight_inside_of_a_plain_generation_is_relit(hooks: Hooks) -> None:
    hooks.webui.outer = [txt2img()]
    assert isinstance(run(hooks, img2img()), Generation)


def test_a_batchs_picture_that_cant_be_cut_out_is_left_out_and_named(hooks: Hooks) -> None:
    """GrabCut finds nothing in a picture of one colour; the batch's other pictures go on."""
    so_far = SimpleNamespace(comments="", images=["first"], infotexts=["of the first"])
    hooks.webui.batch = BatchPicture("empty.png", so_far)
    p = img2img()
    run(hooks, p, cutout="grabcut")
    hooks.before_process_batch(p)
    assert p.prompts == [], "the host makes nothing of it"
    processed = SimpleNamespace(comments="", images=[], infotexts=["of nothing"], extra_images=[])
    hooks.postprocess(p, processed)
    assert processed.infotexts == []
    assert so_far.comments.startswith("empty.png was left out: GrabCut finds no subject")
    assert "empty.png" in p.extra_generation_params["IC-Light warning"]

    textured = np.full((48, 64, 3), 20, np.uint8)
    textured[12:, 20:44] = (220, 180, 40)
    p.init_images, p.prompts = [Image.fromarray(textured)], ["a"]
    assert isinstance(run(hooks, p, cutout="grabcut"), Generation)
    hooks.before_process_batch(p)
    assert p.prompts == ["a"]


def test_a_single_picture_that_cant_be_cut_out_is_refused(hooks: Hooks) -> None:
    p = img2img()
    run(hooks, p, cutout="grabcut")
    hooks.before_process_batch(p)
    assert p.prompts == ["a"] and "GrabCut finds no subject" in refusal(hooks, p)


def test_a_wrong_setting_ends_a_batch_at_once(hooks: Hooks) -> None:
    hooks.webui.batch = BatchPicture("any.png", None)
    p = img2img()
    run(hooks, p, light="up")
    hooks.before_process_batch(p)
    assert p.prompts == ["a"] and refusal(hooks, p).startswith("light must be one of")


def test_a_refiner_is_refused_before_the_first_pass(hooks: Hooks) -> None:
    hooks.webui.refiner = True
    p = txt2img()
    run(hooks, p, subject=picture())
    assert "switch the refiner off" in refusal(hooks, p)


@pytest.mark.parametrize(
    ("tensors", "says"),
    [
        ({"model.diffusion_model.label_emb.0.0.weight": (8, 8)}, "SDXL"),
        ({"model.diffusion_model.input_blocks.0.0.weight": (8, 9, 3, 3)}, "inpainting"),
        ({"model.diffusion_model.double_blocks.0.img_attn.qkv.weight": (8, 8)}, "Flux"),
    ],
)
def test_a_hires_checkpoint_that_cant_be_relit_is_refused_before_the_first_pass(
    hooks: Hooks, tmp_path: Path, tensors: dict[str, tuple[int, ...]], says: str
) -> None:
    hooks.webui.checkpoint = tmp_path / "other.ckpt.safetensors"
    save_file({name: torch.zeros(shape) for name, shape in tensors.items()}, hooks.webui.checkpoint)
    p = txt2img()
    run(hooks, p, subject=picture())
    sentence = refusal(hooks, p)
    assert says in sentence and "other.ckpt.safetensors" in sentence


def test_only_masked_takes_the_subjects_part_or_refuses(hooks: Hooks) -> None:
    """The photo is in the tab and in the panel, or another one is in the panel."""
    p = img2img()
    state = run(hooks, p, subject=picture(90))
    p.crop_region = (8, 8, 40, 40)
    hooks.process_before_every_sampling(p, x=torch.zeros(1, 4, 8, 8))
    assert state.subjects[0].tab_fit.crop_region == (8, 8, 40, 40)
    p.crop_region = None
    hooks.process_before_every_sampling(p, x=torch.zeros(1, 4, 8, 8))
    assert p.iclight.subjects[0].tab_fit is None, "the whole picture: placed as the reference places it"

    p = img2img()
    run(hooks, p, subject=Image.new("RGB", (48, 64), (9, 9, 9)))
    p.crop_region = (8, 8, 40, 40)
    sentence = refusal(hooks, p)
    assert "48×64" in sentence and "64×48" in sentence and "only masked" in sentence


def test_nothing_of_an_earlier_run_is_left(hooks: Hooks) -> None:
    p = txt2img()
    run(hooks, p, subject=picture(), strength=0.5)
    assert p.extra_generation_params["IC-Light strength"] == 0.5
    hooks.before_process(p, False)
    assert not hasattr(p, "iclight") and p.extra_generation_params == {}
