"""A Forge extension for the benchmark only: how long a generation takes to its first UNet call, and Forge's backup.

Link it as `aa-meter`, so that its `before_process` comes before the one under test. It changes nothing.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from modules import scripts


class Meter(scripts.Script):
    """Writes each generation's figures to ICLIGHT_METER_FILE."""

    def title(self) -> str:
        """What it is called."""
        return "Meter"

    def show(self, is_img2img: bool) -> Any:
        """In both tabs, with no panel."""
        return scripts.AlwaysVisible

    def before_process(self, p: Any, *arguments: Any) -> None:
        """The generation begins."""
        p.meter = {"start": time.perf_counter()}

    def process_before_every_sampling(self, p: Any, *arguments: Any, **options: Any) -> None:
        """Wait for the first UNet call of the generation's first pass."""
        if "seconds_to_unet" in p.meter or "handle" in p.meter:
            return

        def called(*arguments: Any) -> None:
            p.meter["seconds_to_unet"] = time.perf_counter() - p.meter["start"]
            p.meter.pop("handle").remove()

        p.meter["handle"] = p.sd_model.forge_objects.unet.model.diffusion_model.register_forward_pre_hook(called)

    def postprocess(self, p: Any, processed: Any, *arguments: Any) -> None:
        """Write the figures; the backup holds the original of each tensor that the host has merged something into."""
        unet = p.sd_model.forge_objects.unet
        backup = getattr(unet.model, "lora_loader", unet).backup.values()
        tensors = [getattr(original, "weight", original) for original in backup]
        figures = {
            "seconds_to_unet": p.meter["seconds_to_unet"],
            "backup": sum(tensor.numel() * tensor.element_size() for tensor in tensors),
        }
        Path(os.environ["ICLIGHT_METER_FILE"]).write_text(json.dumps(figures), encoding="utf-8")
