"""What Forge's list of loaded models does with a member of ours, asked of Forge's own code."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

PROGRAM = """
import sys
sys.argv[1:] = ["--always-cpu"]
sys.path[:0] = [{forge!r}, {forge!r} + "/packages_3rdparty", {ours!r}]
from backend import memory_management
from lib_iclight.hosts.forge_memory import release_with_models

released = []
def release():
    released.append(1)

release_with_models(release)
release_with_models(release)
assert len(memory_management.current_loaded_models) == 1, "listed once"
memory_management.cleanup_models()
memory_management.free_memory(0, memory_management.get_torch_device())
assert not released, "kept while there is room"
memory_management.unload_all_models()
assert released == [1] and not memory_management.current_loaded_models
memory_management.unload_all_models()
assert released == [1], "forgotten"
release_with_models(release)
memory_management.unload_all_models()
assert released == [1, 1]
print("done")
"""


@pytest.mark.skipif("FORGE_DIR" not in os.environ, reason="needs a real Forge in FORGE_DIR")
def test_forge_releases_what_is_in_its_list() -> None:
    forge = os.environ["FORGE_DIR"]
    program = PROGRAM.format(forge=forge, ours=str(Path(__file__).parents[2]))
    answer = subprocess.run(
        [os.environ["FORGE_PYTHON"], "-c", program], cwd=forge, capture_output=True, text=True, check=False
    )
    assert answer.stdout.rstrip().endswith("done"), answer.stdout + answer.stderr
