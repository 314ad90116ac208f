"""Matting models' stand-ins under the real ones' names."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from lib_iclight.foreground import release
from lib_iclight.weights import manifest as manifest_module

from .stand_ins import StandIn


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, StandIn], Path]]:
    """Writes stand-ins into a folder of the test's, and a manifest that has them in place of the real files."""
    entries = {name: asdict(file) for name, file in manifest_module.manifest().items()}
    written = tmp_path / "manifest.json"
    folder = tmp_path / "models"
    folder.mkdir()
    monkeypatch.setattr(manifest_module, "MANIFEST", written)

    def publish(name: str, stand_in: StandIn) -> Path:
        entries[name] = asdict(stand_in.write(folder, name))
        written.write_text(json.dumps({"files": list(entries.values())}), encoding="utf-8")
        manifest_module.manifest.cache_clear()
        return folder

    yield publish
    release()
    manifest_module.manifest.cache_clear()


@pytest.fixture(autouse=True)
def _nothing_left() -> Iterator[None]:
    yield
    release()
