"""The file that the web UI loads: its hooks, handed on to `lib_iclight`."""

from __future__ import annotations

from typing import Any

from modules import scripts
from modules.ui_components import InputAccordion

from lib_iclight.hosts.forge import ForgeHost
from lib_iclight.relight import RelightHooks
from lib_iclight.ui.panel import build_panel

hooks = RelightHooks(ForgeHost())


class ICLightScript(scripts.Script):
    """Holds nothing: the web UI makes one for each tab and shares it between all generations."""

    def title(self) -> str:
        return "IC Light"

    def show(self, is_img2img: bool) -> object:
        return scripts.AlwaysVisible

    def ui(self, is_img2img: bool) -> list[Any]:
        panel = build_panel(is_img2img, InputAccordion, ForgeHost().models_folder())
        self.infotext_fields = panel.infotext_fields
        return panel.components

    def before_process(self, p: Any, *args: Any) -> None:
        hooks.before_process(p, args)

    def process(self, p: Any, *args: Any) -> None:
        hooks.process(p)

    def before_process_init_images(self, p: Any, params: dict[str, Any], *args: Any) -> None:
        hooks.before_process_init_images(p, params["crop_region"])

    def process_before_every_sampling(self, p: Any, *args: Any, x: Any, **kwargs: Any) -> None:
        hooks.process_before_every_sampling(p, x)

    def postprocess(self, p: Any, processed: Any, *args: Any) -> None:
        hooks.postprocess(p, processed)
