from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from lib_iclight.weights.keys import ldm_names, without_prefix
from tests.conftest import diffusers_unet, ldm_unet


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """So small a UNet spends its time waiting for threads, where others use the machine too."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def outputs_differ_by(ours: torch.nn.Module, theirs: torch.nn.Module) -> float:
    """Relative difference of ldm's and diffusers' UNet on the same random input."""
    generator = torch.Generator().manual_seed(2)
    noisy = torch.randn(2, 4, 16, 24, generator=generator)
    prompt = torch.randn(2, 7, 32, generator=generator)
    timestep = torch.tensor([3, 700])
    with torch.no_grad():
        one = ours(noisy, timestep, context=prompt)
        other = theirs(noisy, timestep, prompt).sample
    return ((one - other).norm() / other.norm()).item()


@pytest.mark.parametrize("blocks", [1, 2, 3])
def test_converted_weights_make_ldms_unet_compute_what_diffusers_does(blocks: int) -> None:
    torch.manual_seed(blocks)
    theirs = diffusers_unet(layers_per_block=blocks)
    for parameter in theirs.parameters():  # fresh norms are all alike and would hide that they are swapped
        if parameter.ndim == 1:
            torch.nn.init.uniform_(parameter, 0.2, 1.2)
    ours = ldm_unet(num_res_blocks=blocks)
    weights = theirs.state_dict()
    names = ldm_names(weights)
    ours.load_state_dict({names[name]: weight for name, weight in weights.items()}, strict=True)
    assert outputs_differ_by(ours, theirs) < 1e-5


def test_sd15_has_686_names_and_each_its_own(ldm_by_diffusers: dict[str, str]) -> None:
    names = ldm_names(ldm_by_diffusers)
    assert len(names) == 686
    assert names == ldm_by_diffusers
    assert set(names.values()) == set(ldm_unet().state_dict())


def test_ldm_names_are_kept(ldm_by_diffusers: dict[str, str]) -> None:
    ldm = list(ldm_by_diffusers.values())
    assert ldm_names(ldm) == {name: name for name in ldm}


@pytest.mark.parametrize("prefix", ["model.diffusion_model.", "diffusion_model.", "unet."])
def test_what_files_put_before_the_names_is_taken_off(prefix: str, ldm_by_diffusers: dict[str, str]) -> None:
    for names in (ldm_by_diffusers.keys(), ldm_by_diffusers.values()):
        converted = ldm_names(prefix + name for name in names)
        assert list(converted) == [prefix + name for name in names]
        assert list(converted.values()) == list(ldm_by_diffusers.values())
    assert without_prefix(prefix + "a.unet.b") == "a.unet.b"


@pytest.mark.parametrize(
    "name", ["", ".", "weight", "lora_unet_down.alpha", "down_blocks.0.resnets.x.conv1.weight", "é.1"]
)
def test_names_of_something_else_are_kept(name: str) -> None:
    assert ldm_names([name]) == {name: name}


def test_there_may_be_no_names() -> None:
    assert ldm_names([]) == {}


def test_a_number_of_five_thousand_digits_is_no_block() -> None:
    """Python refuses to read such a number, and a hostile file must not break the panel."""
    name = f"down_blocks.{'9' * 5000}.resnets.0.conv1.weight"
    assert ldm_names([name]) == {name: name}
