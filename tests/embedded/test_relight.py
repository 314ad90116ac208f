"""The demo and the command line. (What a relight computes is the contract's.)"""

from __future__ import annotations

from typing import Any

import pytest
from PIL import Image

from lib_iclight.__main__ import main


def test_demo_shows_the_path(tmp_path: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["--steps", "1", "--width", "64", "--height", "64"]) == 0
    said = capsys.readouterr().out
    assert float(said.split()[-1]) < 1e-5
    assert Image.open(tmp_path / "outputs" / "demo.png").width > 1000


def test_command_line_says_what_is_wrong(tmp_path: Any, capsys: pytest.CaptureFixture) -> None:
    assert main([str(tmp_path / "nothing.png")]) == 2
    assert main(["--checkpoint", "only-one.safetensors"]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 2


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--light", "sideways"], "light must be one of"),
        (["--steps", "0"], "--steps must be 1 or more"),
        (["--output", "picture"], "--output must name a .png file"),
    ],
)
def test_a_refusal_is_one_sentence(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture, arguments: list[str], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert says in err
    assert "relighting" not in err
