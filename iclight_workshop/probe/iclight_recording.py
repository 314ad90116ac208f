"""Records what the UNet was really given in each pass, on every host that has Forge's objects.

It adds no patch and no wrapper, and so disturbs none: it listens at the model itself, and only while a pass is sampled.
"""

from __future__ import annotations

import functools
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch


def plain(value: Any) -> Any:
    """A copy of the value that `torch.load` reads without trusting the file."""
    if isinstance(value, torch.Tensor):
        return value.detach().to("cpu", copy=True)
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    return value if value is None or isinstance(value, (bool, int, float, str)) else repr(value)


def pass_name(p: Any) -> str:
    """Which pass it is."""
    if hasattr(p, "init_images"):
        return "img2img"
    return "hires" if p.is_hr_pass else "txt2img"


def record_calls(model: Any, record: dict[str, Any], folder: Path, keep: int) -> Callable[..., torch.Tensor]:
    """The model's `apply_model`, keeping the first calls: here every wrapper has done its work."""
    apply_model = model.apply_model

    @functools.wraps(apply_model)
    def recording(x: torch.Tensor, t: torch.Tensor, **conditions: Any) -> torch.Tensor:
        predicted: list[torch.Tensor] = []
        kept = len(record["calls"]) < keep
        # beforehand: the UNet takes the residuals out of their lists one by one
        control = plain(conditions.get("control")) if kept else None
        handle = model.diffusion_model.register_forward_hook(lambda module, given, output: predicted.append(output))
        try:
            output = apply_model(x, t, **conditions)
            if record["call_count"] and (folder / "break").exists():
                raise RuntimeError("The probe was told to break the sampling.")
        finally:
            handle.remove()
        record["call_count"] += 1
        if kept:
            options = conditions.get("transformer_options", {})
            call = {
                "input": x,
                "timestep": t,
                "c_concat": conditions.get("c_concat"),
                "output": output,
                "unet_output": predicted[0],
                "control": control,
                "c_crossattn": conditions.get("c_crossattn"),
                "cond_or_uncond": options.get("cond_or_uncond"),
            }
            record["calls"].append(plain(call))
        return output

    return recording


def record_schedule(sampler: Any) -> None:
    """Keep the tensors that the sampling function is started with, its sigmas or timesteps among them."""
    function = sampler.func

    @functools.wraps(function)  # Forge reads the signature to know what to hand over
    def recording(model: Any, x: torch.Tensor, *arguments: Any, **options: Any) -> torch.Tensor:
        tensors = {name: value for name, value in options.items() if isinstance(value, torch.Tensor)}
        sampler.probe_record |= {"start": plain(x), "schedule": plain(tensors)}
        return function(model, x, *arguments, **options)

    sampler.func = recording


def record_sampling(sampler: Any, folder: Path, keep: int) -> None:
    """Listen at the model while this sampler samples, then write the pass's file."""
    launch_sampling = sampler.launch_sampling

    @functools.wraps(launch_sampling)
    def recording(steps: int, function: Callable[[], torch.Tensor]) -> torch.Tensor:
        record = sampler.probe_record
        unet = sampler.p.sd_model.forge_objects.unet
        vars(unet).pop(merging_method(unet), None)
        record |= {
            "steps": steps,
            "patches": plain(list(unet.lora_patches if hasattr(unet, "lora_patches") else unet.patches)),
            "wrapped": "model_function_wrapper" in unet.model_options,
            "first_convolution": list(unet.model.diffusion_model.input_blocks[0][0].weight.shape),
        }
        unet.model.apply_model = record_calls(unet.model, record, folder, keep)
        start = time.perf_counter()
        try:
            samples = launch_sampling(steps, function)
            record["samples"] = plain(samples)
            return samples
        except Exception as error:
            record["error"] = repr(error)
            raise
        finally:
            del unet.model.apply_model
            record["seconds_sampling"] = time.perf_counter() - start
            write(record, folder)

    sampler.launch_sampling = recording


def merging_method(unet: Any) -> str:
    """What a host calls to have a patcher's weights merged."""
    return next(name for name in ("refresh_loras", "partially_load", "patch_model") if hasattr(type(unet), name))


def time_merge(unet: Any, record: dict[str, Any]) -> None:
    """Time the merge of this patcher's weights; the reference is weak, as hosts drop patchers that nobody holds."""
    name = merging_method(unet)
    reference, merge = weakref.ref(unet), getattr(type(unet), name)

    def timed(*arguments: Any, **options: Any) -> Any:
        start = time.perf_counter()
        merged = merge(reference(), *arguments, **options)
        record["seconds_merging"] += time.perf_counter() - start
        return merged

    setattr(unet, name, timed)


def break_merge(sd_model: Any) -> None:
    """Have the merge of the UNet's weights fail: in the middle, as a difference that is none comes last."""
    unet = sd_model.forge_objects.unet.clone()
    named = {"filename": "misfit"} if "lora_patches" in vars(unet) else {}
    unet.add_patches(patches={"diffusion_model.out.2.weight": ("diff", ["no tensor", {"pad_weight": False}])}, **named)
    sd_model.forge_objects.unet = unet


def time_hook(script: Any) -> None:
    """Time a script's sampling hook, once for the life of the script, into the generation's own list."""
    hook = script.process_before_every_sampling

    @functools.wraps(hook)
    def timed(p: Any, *arguments: Any, **options: Any) -> None:
        start = time.perf_counter()
        try:
            hook(p, *arguments, **options)
        finally:
            seconds = time.perf_counter() - start
            p.probe_seconds.setdefault(script.title(), []).append(seconds)

    script.process_before_every_sampling = timed


def write(record: dict[str, Any], folder: Path) -> None:
    """Write the pass under the next number."""
    folder.mkdir(parents=True, exist_ok=True)
    number = len(list(folder.glob("pass-*.pt"))) + 1
    unfinished = folder / "unfinished"
    torch.save(record, unfinished)
    unfinished.replace(folder / f"pass-{number:04d}.pt")


def begin(p: Any, folder: Path, keep: int, x: torch.Tensor, noise: torch.Tensor) -> None:
    """Begin the pass's record. The hires pass calls this twice, and the second call's record is what stays.

    A file `break` in the folder makes the second UNet call fail, a file `break-merge` the merge of the weights.

    :param folder: gets one numbered file per pass.
    :param keep: how many UNet calls of each are kept.
    """
    sampler = p.sampler
    listening = hasattr(sampler, "probe_record")
    sampler.probe_record = {
        "pass": pass_name(p),
        "x": plain(x),
        "noise": plain(noise),
        "seconds_in_hooks": plain(getattr(p, "probe_seconds", {})),
        "seconds_merging": 0.0,
        "call_count": 0,
        "calls": [],
    }
    if (folder / "break-merge").exists():
        break_merge(p.sd_model)
    time_merge(p.sd_model.forge_objects.unet, sampler.probe_record)
    if not listening:
        record_schedule(sampler)
        record_sampling(sampler, folder, keep)
