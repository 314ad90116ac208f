from __future__ import annotations

import json
import re
from pathlib import Path

FILES = json.loads((Path(__file__).parents[2] / "models_manifest.json").read_text(encoding="utf-8"))["files"]


def test_every_file_says_where_from_and_how_to_know_it() -> None:
    assert {file["name"] for file in FILES} == {f"iclight_sd15_{kind}.safetensors" for kind in ("fc", "fcon", "fbc")}
    for file in FILES:
        assert re.fullmatch(
            rf"https://huggingface\.co/\S+/resolve/[0-9a-f]{{40}}/{re.escape(file['name'])}", file["url"]
        )
        assert re.fullmatch(r"[0-9a-f]{64}", file["sha256"])
        assert file["sha256_sources"] >= 1
        assert file["licence"] == "Apache-2.0"


def test_sizes_are_those_of_the_tensors() -> None:
    """fbc's first convolution has four channels more: 320 × 4 × 3 × 3 numbers of two bytes."""
    size = {file["name"]: file["size"] for file in FILES}
    assert size["iclight_sd15_fbc.safetensors"] - size["iclight_sd15_fc.safetensors"] == 320 * 4 * 3 * 3 * 2
    assert size["iclight_sd15_fcon.safetensors"] == size["iclight_sd15_fc.safetensors"]
