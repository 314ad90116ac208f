"""A host that lacks what relighting needs, as any of them may after an update: it says so, and all else goes on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from iclight_workshop.forge_server import ForgeServer
from iclight_workshop.host_bench import REPOSITORY, subject
from tests.contract.cases import BASE, relight

BACKEND = (Path(os.environ.get("FORGE_DIR", "")) / "backend").is_dir()
MANAGEMENT = "backend.memory_management" if BACKEND else "ldm_patched.modules.model_management"
PATCHER = ("backend.patcher.base" if BACKEND else "ldm_patched.modules.model_patcher") + ".ModelPatcher"

REMOVED = [
    "modules.images.flatten",
    "modules.img2img.process_batch",
    f"{MANAGEMENT}.VAE_ALWAYS_TILED",
    f"{PATCHER}.set_model_unet_function_wrapper",
]
"""What the host itself starts without; `tests/hosts/test_find.py` takes the rest away."""


def remover(tmp_path: Path, removed: str) -> ForgeServer:
    """A Forge with its page and this extension, from which something was taken away."""
    remover = REPOSITORY / "iclight_workshop" / "remover"
    return ForgeServer.from_environment(
        tmp_path / "forge.log",
        extensions={"aa-remover": remover, "sd-forge-iclight": REPOSITORY},
        environment={"ICLIGHT_REMOVE": removed},
    )


@pytest.mark.parametrize("removed", REMOVED)
def test_what_is_missing_is_named(tmp_path: Path, removed: str) -> None:
    with remover(tmp_path, removed) as server:
        sentence = f"IC-Light can't relight in this web UI: it has no {removed}, which"
        assert sentence in server.read_log()
        assert server.get("/sdapi/v1/options")[0] == 200, "its API is alive"
        status, page = server.get("/config")
        assert status == 200 and str(page).count(sentence.replace("'", "&#x27;")) == 2, "in the panel of each tab"
        status, answer = server.post("/sdapi/v1/txt2img", BASE | relight(subject=subject(), light="left"))
        assert status == 422 and answer["detail"].startswith(sentence), answer
