"""What a host's memory management does with what we load and keep, asked of the host's own code."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from iclight_workshop.forge_server import cpu_flag

START = """
import sys
sys.argv[1:] = [{flag!r}]
sys.path[:0] = [{forge!r}, {forge!r} + "/packages_3rdparty", {forge!r} + "/packages", {ours!r}]
if not {is_backend}:
    from ldm_patched.modules import args_parser
    args_parser.args.always_cpu = True
from lib_iclight.hosts.memory import management, release_with_models
"""

RELEASE = """
released = []
def release():
    released.append(1)

release_with_models(release)
release_with_models(release)
assert len(management.current_loaded_models) == 1, "listed once"
management.free_memory(0, management.get_torch_device())
assert not released, "kept while there is room"
management.unload_all_models()
assert released == [1] and not management.current_loaded_models
management.unload_all_models()
assert released == [1], "forgotten"
release_with_models(release)
management.unload_all_models()
assert released == [1, 1]
print("done")
"""


ENCODE = """
from types import SimpleNamespace
import torch
from backend.nn.vae import IntegratedAutoencoderKL
from backend.patcher.vae import VAE
from lib_iclight.hosts.first_stage import FirstStageVAE

downs, ups = ("DownEncoderBlock2D",) * 4, ("UpDecoderBlock2D",) * 4
network = IntegratedAutoencoderKL(
    down_block_types=downs, up_block_types=ups, block_out_channels=(32,) * 4, layers_per_block=1
)
vae = VAE(network)
pixels = torch.rand(1, 64, 64, 3)
encoded = FirstStageVAE(lambda: management.VAE_ALWAYS_TILED).encode(
    SimpleNamespace(forge_objects=SimpleNamespace(vae=vae)), pixels
)
loaded = management.current_loaded_models
assert [each.model for each in loaded] == [vae.patcher], "the host's own, which it unloads as ever"
moments = network.quant_conv(network.encoder(2 * pixels.movedim(-1, 1).to(vae.vae_dtype) - 1))
expected = network.process_in(moments.chunk(2, dim=1)[0].float())
assert torch.allclose(encoded.latent, expected, atol=1e-5) and not encoded.in_tiles
management.VAE_ALWAYS_TILED = True
tiled = FirstStageVAE(lambda: management.VAE_ALWAYS_TILED).encode(
    SimpleNamespace(forge_objects=SimpleNamespace(vae=vae)), torch.rand(1, 64, 640, 3)
)
assert tiled.in_tiles and [each.model for each in loaded] == [vae.patcher]
management.free_memory(1e30, torch.device("cpu"))
assert not management.current_loaded_models, "it leaves where memory is short"
print("done")
"""


@pytest.mark.skipif("FORGE_DIR" not in os.environ, reason="needs a real Forge in FORGE_DIR")
@pytest.mark.parametrize("program", [RELEASE, ENCODE], ids=["what is in its list is released", "the VAE is its own"])
def test_in_forge(program: str) -> None:
    forge = os.environ["FORGE_DIR"]
    program = (
        START.format(
            is_backend=(Path(forge) / "backend").is_dir(),
            forge=forge,
            flag=cpu_flag(Path(forge)),
            ours=str(Path(__file__).parents[2]),
        )
        + program
    )
    answer = subprocess.run(
        [os.environ["FORGE_PYTHON"], "-c", program], cwd=forge, capture_output=True, text=True, check=False
    )
    assert answer.stdout.rstrip().endswith("done"), answer.stdout + answer.stderr
