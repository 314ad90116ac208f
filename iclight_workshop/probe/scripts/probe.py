"""A Forge extension for tests only: records what the UNet was really given in each pass.

Link it as `zz-probe`, so that it is loaded, and its hooks run, after the extension under test. Set ICLIGHT_PROBE_DIR to
a folder that gets one numbered file per pass, ICLIGHT_PROBE_CALLS to the number of UNet calls to keep of each (4), and
ICLIGHT_PROBE_TIMING to anything to have every other script's sampling hook timed as well.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import gradio as gr
import iclight_recording as recording
from modules import processing, scripts
from PIL import Image

FOLDER = os.environ.get("ICLIGHT_PROBE_DIR")
CALLS = int(os.environ.get("ICLIGHT_PROBE_CALLS", "4"))
TIMING = bool(os.environ.get("ICLIGHT_PROBE_TIMING"))


class Probe(scripts.Script):
    """Does nothing unless a folder to record into is set."""

    def title(self) -> str:
        """What it is called."""
        return "Probe"

    def show(self, is_img2img: bool) -> Any:
        """In both tabs, with no panel."""
        return scripts.AlwaysVisible

    def ui(self, is_img2img: bool) -> list[Any]:
        """What to do besides: nothing, "throw the wrapper away", or "repaint a part"."""
        return [gr.Textbox(visible=False)]

    def postprocess_image(self, p: Any, args: Any, order: str) -> None:
        """Repaint a part of a result, with every script's arguments, as face detailers do."""
        if order != "repaint a part":
            return
        mask = Image.new("L", args.image.size)
        mask.paste(255, (16, 16, 80, 80))
        inner = processing.StableDiffusionProcessingImg2Img(
            init_images=[args.image],
            mask=mask,
            inpaint_full_res=True,
            inpainting_fill=1,
            denoising_strength=0.5,
            prompt=p.prompt,
            seed=1,
            steps=2,
            cfg_scale=1,
            sampler_name=p.sampler_name,
            scheduler=p.scheduler,
            width=p.width,
            height=p.height,
            do_not_save_samples=True,
            do_not_save_grid=True,
        )
        inner.scripts = p.scripts
        inner.script_args = tuple("" if value == order else value for value in p.script_args)
        args.image = processing.process_images(inner).images[0]

    def before_process(self, p: Any, *arguments: Any) -> None:
        """Have the hooks timed that run before ours."""
        if FOLDER is None or not TIMING:
            return
        p.probe_seconds = {}
        for script in p.scripts.alwayson_scripts:
            overrides = type(script).process_before_every_sampling is not scripts.Script.process_before_every_sampling
            if overrides and script is not self and "process_before_every_sampling" not in vars(script):
                recording.time_hook(script)

    def process_before_every_sampling(self, p: Any, order: str, **options: Any) -> None:
        """Begin the pass's record."""
        if order == "throw the wrapper away":
            unet = p.sd_model.forge_objects.unet.clone()
            unet.set_model_unet_function_wrapper(
                lambda apply, args: apply(args["input"], args["timestep"], **args["c"])
            )
            p.sd_model.forge_objects.unet = unet
        if FOLDER is not None:
            recording.begin(p, Path(FOLDER), CALLS, options["x"], options["noise"])
