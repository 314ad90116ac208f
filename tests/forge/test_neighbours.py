"""A relight beside other extensions and options: each has its effect, and the condition stays what it was."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch

from iclight_standalone import reference as oracle
from iclight_workshop.host_bench import ForgeBench, Outcome, background, encode, forge_bench, mask
from tests.contract.cases import BASE, BOX, FC, HEIGHT, HIRES, TAB, TAB_LEFT, WIDTH, panel_subject, tab_subject

PICTURE = encode(background())

CONTROL = {"enabled": True, "module": "None", "model": "full-size-control", "image": PICTURE, "weight": 0.5}
MASKED = {"mask": encode(mask(WIDTH, HEIGHT, BOX)), "inpaint_full_res": False, "inpainting_fill": 1, "mask_blur": 8}


@dataclass(frozen=True)
class Neighbour:
    """Something else that takes part in a generation."""

    name: str
    script: str = ""
    """How its script's title begins, in lower case; empty: an option of the generation's own."""

    values: Mapping[str, Any] = field(default_factory=dict)
    """By the labels of its panel; the others stay what they are."""

    fields: Mapping[str, Any] = field(default_factory=dict)
    """Of the request."""

    base: Mapping[str, Any] = field(default_factory=dict)
    """Of the request with and without it."""

    tab: str = "txt2img"
    in_tiles: bool = False
    """The UNet is called with parts of the picture."""

    same_plain: bool = False
    """It changes how, but not what is generated."""

    refused: str = ""
    """A part of the sentence that a relight beside it is refused with."""


def setting(**values: Any) -> dict[str, Any]:
    """For one request alone."""
    return {"override_settings": values}


def tiles(method: str) -> dict[str, Any]:
    """Of the smallest size at which a picture of the contract's has several."""
    return {"Method": method, "Tile Width": 96, "Tile Height": 96, "Tile Overlap": 48}


NEIGHBOURS = [
    Neighbour("ControlNet", "controlnet", {"": CONTROL}),
    Neighbour("ControlNet, reference", "controlnet", {"": {**CONTROL, "module": "reference_only", "model": "None"}}),
    Neighbour(
        "IP-Adapter",
        "controlnet",
        {"": {**CONTROL, "module": "CLIP-ViT-H (IPAdapter)", "model": "full-size-ip-adapter"}},
    ),
    Neighbour("LoRA", fields={"prompt": "a portrait <lora:full-size-lora:1>"}),
    Neighbour("FreeU", "freeu", {"B1": 1.1, "B2": 1.2, "S1": 0.9, "S2": 0.2}),
    Neighbour("Self-attention guidance", "selfattentionguidance"),
    Neighbour("Perturbed-attention guidance", "perturbedattentionguidance"),
    Neighbour("Dynamic thresholding", "dynamicthresholding", {"Mimic Scale": 1}, base={"cfg_scale": 7}),
    Neighbour("Kohya HRFix", "kohya hrfix", {"End Percent": 1.0}),
    Neighbour("StyleAlign", "stylealign", base={"batch_size": 2}),
    Neighbour("Latent modifier", "latentmodifier", {"Rescale Cfg Phi": 0.7}),
    Neighbour("MultiDiffusion", "multidiffusion", tiles("MultiDiffusion"), tab="img2img", in_tiles=True),
    Neighbour("Mixture of Diffusers", "multidiffusion", tiles("Mixture of Diffusers"), tab="img2img", in_tiles=True),
    Neighbour(
        "Never OOM, VAE in tiles",
        "never oom",
        {"Enabled for UNet (always maximize offload)": False, "Enabled for VAE (always tiled)": True},
        same_plain=True,
    ),
    Neighbour("Never OOM, UNet", "never oom", same_plain=True),
    Neighbour("Soft inpainting", "soft inpainting", {"Difference threshold": 0}, base=MASKED, tab="img2img"),
    Neighbour("Token merging", fields=setting(token_merging_ratio=0.5)),
    Neighbour("AND", fields={"prompt": "a portrait AND a window :0.5"}),
    Neighbour("Prompt editing", fields={"prompt": "a portrait, [sunshine:moonlight:0.5]"}),
    Neighbour("Prompts of unequal length", fields={"negative_prompt": ", ".join(["very dark and dull"] * 30)}),
    Neighbour("Tiling", fields={"tiling": True}),
    Neighbour(
        "Refiner",
        fields={"refiner_checkpoint": "full-size-b.safetensors", "refiner_switch_at": 0.5},
        refused="refiner",
    ),
    Neighbour(
        "Another checkpoint in the hires pass", fields={"hr_checkpoint_name": "full-size-b.safetensors"}, base=HIRES
    ),
]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForgeBench]:
    # what isn't in its settings already, hosts don't set back after a request
    with forge_bench(tmp_path_factory.mktemp("forge"), options={"token_merging_ratio": 0}) as bench:
        yield bench


def arguments(bench: ForgeBench, neighbour: Neighbour) -> dict[str, Any]:
    """Its part of `alwayson_scripts`, by the title and the panel that this host has."""
    if not neighbour.script:
        return {}
    in_img2img = neighbour.tab == "img2img"
    for script in bench.server.get("/sdapi/v1/script-info")[1]:
        if script["is_alwayson"] and script["is_img2img"] == in_img2img and script["name"].startswith(neighbour.script):
            break
    else:
        pytest.skip(f"this host has no {neighbour.name}")
    if "" in neighbour.values:
        return {script["name"]: {"args": [with_full_name(bench, neighbour.values[""])]}}
    values = {argument["label"]: argument["value"] for argument in script["args"]}
    assert neighbour.values.keys() <= values.keys(), values
    switched_on = {script["args"][0]["label"]: True}
    return {script["name"]: {"args": list((values | switched_on | neighbour.values).values())}}


def with_full_name(bench: ForgeBench, unit: Mapping[str, Any]) -> dict[str, Any]:
    """A unit of ControlNet whose model has the name that the host gives it, with a hash."""
    names = bench.server.get("/controlnet/model_list")[1]["model_list"]
    return {**unit, "model": next(name for name in names if name.startswith(unit["model"]))}


def condition(bench: ForgeBench, neighbour: Neighbour, recorded: Mapping[str, Any], later_pass: bool) -> torch.Tensor:
    """What c_concat should be: the whole picture's."""
    height, width = (8 * size for size in recorded["x"].shape[-2:])
    checkpoint = bench.checkpoint
    if later_pass and "hr_checkpoint_name" in neighbour.fields:
        checkpoint = checkpoint.with_name(neighbour.fields["hr_checkpoint_name"])
    pictures = tab_subject if neighbour.tab == "img2img" else panel_subject
    return oracle.condition(checkpoint, *pictures(width, height))


def distance(expected: torch.Tensor, given: torch.Tensor, in_tiles: bool) -> float:
    """The error of one call's condition: of each picture's in the batch; of a tile, against the part it fits best."""
    if not in_tiles:
        return oracle.relative_error(given, expected.repeat(len(given), 1, 1, 1))
    height, width = given.shape[-2:]
    parts = [
        expected[..., top : top + height, left : left + width]
        for top in range(expected.shape[-2] - height + 1)
        for left in range(expected.shape[-1] - width + 1)
    ]
    return max(min(oracle.relative_error(tile[None], part) for part in parts) for tile in given)


def change(outcome: Outcome, other: Outcome) -> float:
    """How far the last pass's latents are from another's."""
    return oracle.relative_error(outcome.passes[-1]["samples"], other.passes[-1]["samples"])


@pytest.mark.parametrize("neighbour", NEIGHBOURS, ids=lambda each: each.name)
def test_neighbour(bench: ForgeBench, neighbour: Neighbour, figure: Any) -> None:
    beside = arguments(bench, neighbour)
    ours = (TAB_LEFT if neighbour.tab == "img2img" else FC)["alwayson_scripts"]
    base = {**(TAB if neighbour.tab == "img2img" else BASE), **neighbour.base}

    if neighbour.refused:
        outcome = bench.post(neighbour.tab, base | neighbour.fields | {"alwayson_scripts": ours})
        assert (outcome.status, outcome.images) == (422, []) and neighbour.refused in outcome.detail
        return

    def ask(more: Mapping[str, Any], scripts: Mapping[str, Any]) -> Outcome:
        outcome = bench.post(neighbour.tab, base | more | {"alwayson_scripts": dict(scripts)})
        assert outcome.status == 200, outcome.detail
        return outcome

    plain_beside = ask(neighbour.fields, beside)
    plain = ask({}, {})  # after it: what it leaves behind by itself is not ours
    relit = ask({}, ours)
    relit_beside = ask(neighbour.fields, {**ours, **beside})

    for number, recorded in enumerate(relit_beside.passes):
        expected = condition(bench, neighbour, recorded, later_pass=number > 0)
        for call in recorded["calls"]:
            assert figure("c_concat", distance(expected, call["c_concat"], neighbour.in_tiles)) <= 1e-5
        assert recorded["first_convolution"][1] == 8
    assert figure("relit, from plain", change(relit_beside, plain_beside)) > 1e-2
    changes = figure("changes plain", change(plain_beside, plain)), figure("changes relit", change(relit_beside, relit))
    if neighbour.same_plain:
        assert max(changes) <= 1e-4
    elif changes[0] > 0:
        assert min(changes) > 1e-3, "what it does to a plain picture it does to a relit one"
    again = ask({}, {})
    assert [image.tobytes() for image in again.images] == [image.tobytes() for image in plain.images]
    assert not any(each["wrapped"] or each["patches"] for each in again.passes)


def test_the_control_is_the_same_with_and_without(bench: ForgeBench, figure: Any) -> None:
    """A ControlNet's residuals depend on the noisy latent, its hint and the prompt, of which a relight changes none."""
    scripts = arguments(bench, NEIGHBOURS[0])
    controls = []
    for ours in ({}, FC["alwayson_scripts"]):
        outcome = bench.post("txt2img", BASE | {"alwayson_scripts": {**ours, **scripts}})
        assert outcome.status == 200, outcome.detail
        controls.append(outcome.passes[0]["calls"][0]["control"])
    without, with_ours = ([each for name in sorted(control) for each in control[name]] for control in controls)
    assert len(without) == len(with_ours) == 13
    worst = max(oracle.relative_error(theirs, own) for theirs, own in zip(with_ours, without, strict=True))
    assert figure("residuals", worst) <= 1e-6
