"""The file that the web UI loads: `lib_iclight`'s hooks as one of its Scripts."""

from __future__ import annotations

from typing import Any

from modules import scripts
from modules.ui_components import InputAccordion

from lib_iclight.hosts.forge import ForgeHost
from lib_iclight.relight import RelightHooks
from lib_iclight.ui.panel import build_panel


class ICLightScript(RelightHooks, scripts.Script):
    """Holds nothing: the web UI makes one for each tab and shares it between all generations."""

    host = ForgeHost()

    def show(self, is_img2img: bool) -> object:
        return scripts.AlwaysVisible

    def ui(self, is_img2img: bool) -> list[Any]:
        panel = build_panel(is_img2img, InputAccordion, self.host.models_folder())
        self.infotext_fields = panel.infotext_fields
        return panel.components
