"""A stand with tiny random models, and a script that writes down what it sees."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import skimage.data
from PIL import Image

from iclight_standalone.webui import WebUI
from iclight_workshop import host_bench
from tests.tiny import TinyModels, write_models

HOOKS = (
    "before_process",
    "process",
    "process_before_every_sampling",
    "postprocess",
)


class HookListener:
    """Notes the hooks' order, every UNet call, and does what a test asks for in a hook."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self.hooks: list[str] = []
        self.calls: list[dict[str, Any]] = []
        self.samplers: list[Any] = []
        self.actions: dict[str, Callable] = {}
        self._hook: Any = None

    def title(self) -> str:
        return "Listener"

    def __getattr__(self, name: str) -> Callable:
        if name not in HOOKS:
            raise AttributeError(name)

        def noted(p: Any, *args: Any, **kwargs: Any) -> None:
            self.hooks.append(name)
            if name == "process_before_every_sampling":
                self._listen(p)
            if name in self.actions:
                self.actions[name](p, *args, **kwargs)

        return noted

    def _listen(self, p: Any) -> None:
        self.samplers.append(p.sampler)
        if self._hook is None:
            unet = p.sd_model.forge_objects.unet.model.diffusion_model
            self._hook = unet.register_forward_hook(
                lambda module, given, output: self.calls.append(
                    {"x": given[0], "timesteps": given[1], "context": given[2], "output": output}
                )
            )

    def close(self) -> None:
        """Stop listening."""
        if self._hook is not None:
            self._hook.remove()


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> TinyModels:
    """The files."""
    return write_models(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def _stand(tiny: TinyModels) -> WebUI:
    return WebUI(tiny.checkpoint, [tiny.foreground.parent], [HookListener()])


@pytest.fixture
def webui(_stand: WebUI) -> Any:
    """The stand, its listener cleared; what was merged before stays merged, as in a host that goes on running."""
    listener = _stand.scripts.alwayson_scripts[-1]
    listener.clear()
    yield _stand
    listener.close()


@pytest.fixture
def listener(webui: WebUI) -> HookListener:
    """The stand's listener."""
    return webui.scripts.alwayson_scripts[-1]


def request(size: tuple[int, int] = (64, 64), /, **values: Any) -> dict[str, Any]:
    """A quick txt2img request."""
    width, height = size
    base = {"prompt": "a portrait", "steps": 2, "cfg_scale": 3, "width": width, "height": height, "seed": 7}
    return base | values


def relight(**values: Any) -> dict[str, Any]:
    """The part of a request that is ours; nothing is cut out unless it is asked for."""
    return host_bench.relight(**{"cutout": "none", **values})


def portrait(width: int = 100, height: int = 120) -> Image.Image:
    """A picture that fits nothing."""
    return Image.fromarray(skimage.data.astronaut()).resize((width, height), Image.Resampling.LANCZOS)
