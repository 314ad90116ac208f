"""Forge's start with another IC-Light extension beside this one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from iclight_workshop.forge_server import ForgeServer
from iclight_workshop.host_bench import REPOSITORY, decode, encode, subject, tab_picture
from tests.contract.cases import BASE, HEIGHT, WIDTH, relight

OTHER_SCRIPT = """
from {package} import VERSION
import {requires}
import gradio as gr
from modules import scripts


class OtherScript(scripts.Script):
    def title(self):
        return "IC Light"

    def show(self, is_img2img):
        return scripts.AlwaysVisible

    def ui(self, is_img2img):
        return [gr.Checkbox(False, label=f"The other IC Light {{VERSION}}")]
"""


def other_extension(folder: Path, package: str, requires: str) -> Path:
    """A small one with the title and the package's name that older ones have.

    :param requires: a module that its script imports.
    """
    for name in (package, "scripts"):
        (folder / name).mkdir(parents=True)
    (folder / package / "__init__.py").write_text('VERSION = "2.0"\n')
    script = OTHER_SCRIPT.format(package=package, requires=requires)
    (folder / "scripts" / "ic_light_script.py").write_text(script)
    return folder


@contextmanager
def forge_beside(
    tmp_path: Path, name: str, package: str, requires: str = "torch", **options: str
) -> Iterator[ForgeServer]:
    """A Forge with its page, this extension, and another one in a folder of that name."""
    extensions = {"sd-forge-iclight": REPOSITORY, name: other_extension(tmp_path / "other", package, requires)}
    with ForgeServer.from_environment(tmp_path / "forge.log", extensions=extensions, options=options) as server:
        yield server


def check_told(server: ForgeServer, name: str, times: int = 2) -> None:
    """The folder to remove is named in the console, once, and in the panel of each tab."""
    sentence = f"another IC-Light extension in {server.forge / 'extensions' / name}: remove that folder"
    assert server.read_log().count(sentence) == 1
    status, page = server.get("/config")
    assert status == 200
    assert json.dumps(page, ensure_ascii=False).count(sentence) == times


def check_plain(server: ForgeServer) -> None:
    """Generations that ask for no relight are as ever."""
    status, answer = server.post("/sdapi/v1/txt2img", BASE)
    assert status == 200, answer
    assert decode(answer["images"][0]).size == (BASE["width"], BASE["height"])


def check_refused(server: ForgeServer, name: str) -> None:
    """A relight over the API, whichever script it went to, is answered with the folder to remove."""
    tab = {"init_images": [encode(tab_picture(WIDTH, HEIGHT))], "denoising_strength": 0.9}
    for kind, payload in (("txt2img", BASE), ("img2img", BASE | tab)):
        status, answer = server.post(f"/sdapi/v1/{kind}", payload | relight(subject=subject()))
        assert status == 422, answer
        assert f"{name}: remove that folder" in answer["detail"]


@pytest.mark.parametrize(
    ("package", "requires"), [("lib_iclight", "torch"), ("lib_iclight", "what_forge_lacks"), ("libiclight", "torch")]
)
def test_another_extension_that_comes_first(tmp_path: Path, package: str, requires: str) -> None:
    """It may have the package's name, or the title alone, or come no further than its package."""
    with forge_beside(tmp_path, "aa-other", package, requires) as server:
        check_told(server, "aa-other")
        check_plain(server)
        check_refused(server, "aa-other")
        check_plain(server)
        assert "Error loading script: ic_light.py" not in server.read_log()


def test_another_extension_that_comes_later(tmp_path: Path, write_offsets: Callable[..., Path]) -> None:
    """Its package is ours then, and it can't be loaded; ours works, also with the folder of the settings."""
    model = write_offsets("found elsewhere.safetensors")
    with forge_beside(tmp_path, "zz-other", "lib_iclight", iclight_models_folder=f'"{model.parent}"') as server:
        check_told(server, "zz-other")
        assert "Error loading script: ic_light_script.py" in server.read_log()
        check_plain(server)
        status, answer = server.post("/sdapi/v1/txt2img", BASE | relight(light="left"))
        assert (status, answer["detail"]) == (422, "There is no subject: give IC Light a picture as its subject.")
        status, answer = server.post("/sdapi/v1/txt2img", BASE | relight(model=model.stem))
        assert (status, answer["detail"]) == (422, "There is no subject: give IC Light a picture as its subject.")
        status, answer = server.post("/sdapi/v1/txt2img", BASE | relight(model="nowhere"))
        assert status == 422
        own = server.forge / "models" / "ic-light"
        assert f"'nowhere' in {own}" in answer["detail"] and f" or {model.parent}. " in answer["detail"]
        assert model.name in answer["detail"]
        page = json.dumps(server.get("/config")[1])
        assert page.count("One more folder with IC-Light and matting models") == 1
        assert page.count(f'["{model.name}", "{model.name}"]') == 2, "in the panel of each tab"
