"""Requests that can't be answered with a picture, and what the sentence must name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save_file

from iclight_workshop.host_bench import background, encode, mask, subject, tab_picture

from .cases import BASE, TAB

SUBJECT = encode(subject())
BACKGROUND = encode(background())
FBC = "iclight_sd15_fbc"


@dataclass(frozen=True)
class Wrong:
    """One such request."""

    name: str
    says: str
    """A part of the sentence."""

    args: Any
    tab: str = "txt2img"
    more: Mapping[str, Any] | None = None

    def payload(self) -> dict[str, Any]:
        """The whole request."""
        base = BASE if self.tab == "txt2img" else TAB
        return {**base, "steps": 1, "alwayson_scripts": {"IC Light": {"args": self.args}}, **(self.more or {})}


def _field(name: str, says: str, **values: Any) -> Wrong:
    return Wrong(name, says, [{"subject": SUBJECT, **values}])


def _wrong_types() -> list[Wrong]:
    numbers = {
        "low": 0.01,
        "high": 9,
        "negative": -1,
        "text": "0.9",
        "true": True,
        "null": None,
        "list": [0.9],
        "huge": 10**40,
    }
    cases = [
        _field(f"{field}-{name}", field, **{field: value})
        for field in ("strength", "light_denoise")
        for name, value in numbers.items()
    ]
    beyond = {"edge_shift": 5.1, "edge_feather": -0.1, "reinforce_foreground": 1.1}
    beyond |= {"detail_transfer": 1.1, "detail_radius": 0.1, "colour_keep": -0.1}
    cases += [_field(f"{field}-beyond", field, **{field: value}) for field, value in beyond.items()]
    cases += [_field(f"{field}-text", field, **{field: "0.5"}) for field in beyond]
    choices = {"unknown": "up", "number": 1, "null": None, "list": ["left"], "case": "LEFT"}
    cases += [
        _field(f"{field}-{name}", field, **{field: value})
        for field in ("light", "background", "cutout", "detail_area")
        for name, value in choices.items()
    ]
    flags = {"number": 1, "text": "true", "null": None}
    cases += [
        _field(f"{field}-{name}", field, **{field: value})
        for field in ("enabled", "show_subject", "show_untouched")
        for name, value in flags.items()
    ]
    return cases


def _wrong_pictures() -> list[Wrong]:
    jpeg = encode(tab_picture(64, 64))
    pictures = {
        "number": 5,
        "empty": "",
        "garbage": "not base64 at all!",
        "no-picture": "aGVsbG8gd29ybGQ=",
        "cut-short": jpeg[: len(jpeg) // 2 // 4 * 4],
        "address": "http://localhost/picture.png",
        "list": [SUBJECT],
    }
    cases = [Wrong(f"subject-{name}", "subject", [{"subject": value}]) for name, value in pictures.items()]
    cases += [_field(f"light_map-{name}", "light_map", light="custom", light_map=pictures[name]) for name in pictures]
    cases += [
        _field(f"background_image-{name}", "background_image", model=FBC, background_image=pictures[name])
        for name in ("garbage", "cut-short", "number")
    ]
    cases += [_field(f"mask-{name}", "mask", mask=pictures[name]) for name in ("garbage", "number", "list")]
    return cases


def _missing_or_together() -> list[Wrong]:
    return [
        Wrong("no-subject", "subject", [{}]),
        Wrong("no-light-map", "light_map", [{"subject": SUBJECT, "light": "custom"}]),
        Wrong("no-light-map-img2img", "light_map", [{"light": "custom"}], "img2img"),
        _field("no-background", "background", model=FBC),
        _field("no-mirrored-background", "background", model=FBC, background="mirrored"),
        _field("light-with-fbc", "light", model=FBC, light="left", background_image=BACKGROUND),
        _field("background-with-fc", "background", model="iclight_sd15_fc", background="left"),
        _field("reinforced-with-fbc", "reinforce_foreground", model=FBC, reinforce_foreground=0.5, background="left"),
        _field("reinforced-without-light", "choose a light", reinforce_foreground=0.5),
        _field("mask-of-another-shape", "mask", mask=encode(mask(64, 640, (0, 0, 64, 64)))),
        _field("mask-that-takes-all-away", "mask", mask=encode(Image.new("L", (333, 401)))),
        Wrong("absent-matting-model", "u2net_human_seg.onnx", [{"subject": BACKGROUND, "cutout": "u2net-human-seg"}]),
        _field("unknown-setting", "did you mean light", ligth="left"),
        Wrong("text-for-settings", "dict", ["left"]),
        Wrong("null-for-settings", "dict", [None]),
        Wrong("list-for-settings", "dict", [[{"subject": SUBJECT}]]),
        Wrong("old-positional-values", "one dict", [True, "iclight_sd15_fc", SUBJECT, None, False]),
        Wrong(
            "too-long-a-schedule",
            "light_denoise",
            [{"subject": SUBJECT, "light": "left", "light_denoise": 0.1}],
            more={"steps": 150},
        ),
        Wrong(
            "uncuttable-subject", "GrabCut", [{"subject": encode(tab_picture(64, 64).resize((1, 1)).resize((64, 64)))}]
        ),
    ]


def _wrong_models() -> list[Wrong]:
    says = {
        "unknown": "unknown",
        "../outside": "outside",
        "lora": "LoRA",
        "whole-checkpoint": "checkpoint",
        "cut-short": "cut short",
        "not-safetensors": "not a safetensors",
        "pickled.ckpt": "safetensors",
        "five-channels": "channels",
        "missing-tensor": "lacks",
        "left-over": "lacks",
        "wrong-shape": "fit",
    }
    cases = [_field(f"model-{name}", part, model=name) for name, part in says.items()]
    return [*cases, _field("model-number", "model", model=5), _field("model-list", "model", model=["fc"])]


def _wrong_lights() -> list[Wrong]:
    """What a light may be instead of one, each named by its number and field."""
    side = {"kind": "side"}
    cases: dict[str, tuple[Any, str]] = {
        "ninth": ([side] * 9, "at most 8"),
        "second-ambient": ("ambient; ambient", "second ambient"),
        "object": (side, "a list of objects"),
        "number": (5, "lights must be text"),
        "true": (True, "lights must be text"),
        "of-text": (["side"], "light 1 must be an object"),
        "of-null": ([side, None], "light 2 must be an object"),
        "kind-missing": ([{}], "light 1: kind is missing"),
        "kind-unknown": ("side; laser", "light 2: kind can't be 'laser'"),
        "kind-number": ([{"kind": 3}], "light 1: kind can't be 3"),
        "kind-misspelt": ("sied", "Did you mean side?"),
        "field-misspelt": ([{"kind": "side", "angel": 5}], "Did you mean angle?"),
        "field-of-another": ("front angle 5", "light 1: front has no angle"),
        "field-twice": ("side angle 5 angle 6", "twice"),
        "half-a-pair": ("side angle", "has no other half"),
        "angle-text": ([{"kind": "side", "angle": "90"}], "light 1: angle"),
        "angle-word": ("side angle north", "light 1: angle must be a number"),
        "angle-high": ("side angle 400", "light 1: angle must be a number from 0 to 360"),
        "angle-nan": ("side angle nan", "light 1: angle must be a number"),
        "radius-0": ("spot; spot radius 0", "light 2: radius"),
        "radius-infinite": ("spot radius inf", "light 1: radius"),
        "x-far": ("spot x 7", "light 1: x"),
        "y-list": ([{"kind": "spot", "y": [0.5]}], "light 1: y"),
        "brightness-0": ("side brightness 0", "light 1: brightness"),
        "brightness-negative": ("side brightness -1", "light 1: brightness"),
        "softness-0": ("side softness 0", "light 1: softness"),
        "softness-true": ([{"kind": "side", "softness": True}], "light 1: softness"),
        "colour-name": ("side colour red", "light 1: colour must be #rrggbb"),
        "colour-short": ("side colour #fff", "light 1: colour"),
        "colour-cold": ("side colour 500K", "from 1000K to 15000K"),
        "colour-hot": ("side colour 50000K", "from 1000K to 15000K"),
        "colour-number": ([{"kind": "side", "colour": 3200}], "light 1: colour"),
        "endless": ("side;" * 2000, "characters"),
    }
    return [_field(f"lights-{name}", says, lights=value) for name, (value, says) in cases.items()]


def _without_effect_or_place() -> list[Wrong]:
    behind = {"model": FBC, "background_image": BACKGROUND}
    opaque = encode(tab_picture(64, 64))
    numbers = [
        _field(f"{name}-{value}", name, **{name: value})
        for name, values in {"subject_x": (-3, "0.5"), "subject_y": (2.5, True), "subject_scale": (0, 9)}.items()
        for value in values
    ]
    return [
        *numbers,
        _field("lights-with-light", "lights has no effect beside a light", lights="noon", light="left"),
        _field(
            "lights-with-a-wall", "lights has no effect on a background", model=FBC, background="left", lights="noon"
        ),
        _field("lights-alone-without", "background lights needs some", model=FBC, background="lights"),
        _field("own-with-a-picture", "background_image has no effect", **behind, background="own"),
        _field("own-without-one", "shows nothing around the subject", model=FBC, background="own", cutout="none"),
        _field("mirrored-text", "subject_mirrored must be true or false", subject_mirrored="yes"),
        _field("out-of-the-frame", "Nothing of the subject is in the frame", subject_x=2, subject_scale=0.2),
        _field("in-place-unknown", "in_place must be one of", in_place="yes"),
        _field("in-place-nothing", "in_place has no background to keep", subject=opaque, cutout="none", in_place="own"),
        _field("in-place-fc", "needs a model that looks at a background", in_place="background"),
        _field("full-size-text", "full_size must be true or false", full_size="true"),
        _field("full-size-small", "full_size has no effect", subject=opaque, cutout="none", full_size=True),
        Wrong(
            "full-size-masked",
            "full_size can't be used with a mask",
            [{"subject": SUBJECT, "full_size": True}],
            "img2img",
            {"mask": encode(mask(128, 192, (32, 48, 96, 144))), "inpaint_full_res": False, "inpainting_fill": 1},
        ),
    ]


WRONG = [
    *_wrong_types(),
    *_wrong_pictures(),
    *_missing_or_together(),
    *_wrong_models(),
    *_wrong_lights(),
    *_without_effect_or_place(),
]


def write_wrong_models(folder: Path, good: Path) -> list[Path]:
    """Put files that are no IC-Light models beside one that is."""
    before = set(folder.iterdir())
    save_file({"lora_unet_x.lora_up.weight": torch.zeros(2, 2)}, folder / "lora.safetensors")
    save_file({"first_stage_model.encoder.conv_in.weight": torch.zeros(2)}, folder / "whole-checkpoint.safetensors")
    (folder / "not-safetensors.safetensors").write_bytes(b"\x80\x04}q\x00." * 99)
    (folder / "pickled.ckpt").write_bytes(b"\x80\x04}q\x00.")
    with good.open("rb") as file:
        (folder / "cut-short.safetensors").write_bytes(file.read(2_000_000))
    save_file({"conv_in.weight": torch.zeros(4, 5, 3, 3)}, folder / "five-channels.safetensors")
    with safe_open(good, "pt") as file:
        first, last, other = "conv_in.weight", "conv_out.bias", "time_embedding.linear_1.bias"
        tensors = {name: file.get_tensor(name).clone() for name in (first, last)}
        save_file(tensors, folder / "missing-tensor.safetensors")
        every = {name: file.get_tensor(name) for name in file.keys()}
        save_file({**every, "conv_out.other": torch.zeros(2)}, folder / "left-over.safetensors")
        save_file({**every, other: torch.zeros(7)}, folder / "wrong-shape.safetensors")
    return sorted(set(folder.iterdir()) - before)
