"""The registry of the ways of cutting out, and what must agree with it."""

from __future__ import annotations

import pytest

from lib_iclight.foreground.families import BIREFNET, ISNET, ISNET_ANIME, U2NET
from lib_iclight.foreground.methods import METHODS
from lib_iclight.weights.manifest import manifest

WITH_MODEL = [method for method in METHODS.values() if method.file_name is not None]


def test_every_matting_model_of_the_manifest_is_one_method() -> None:
    names = [method.file_name for method in WITH_MODEL]
    assert sorted(names) == sorted(name for name in manifest() if name.endswith(".onnx"))


def test_only_free_licences() -> None:
    assert {method.licence for method in WITH_MODEL} <= {"Apache-2.0", "MIT"}
    assert {method.licence for method in METHODS.values() if method not in WITH_MODEL} == {None}


def test_each_network_is_run_by_its_own_family() -> None:
    """A family is what a file's name says that the network is."""
    of_prefix = {"BiRefNet": BIREFNET, "isnet-general": ISNET, "isnet-anime": ISNET_ANIME, "u2net": U2NET}
    for method in WITH_MODEL:
        (family,) = [each for prefix, each in of_prefix.items() if method.file_name.startswith(prefix)]
        assert method.family is family


@pytest.mark.parametrize("field", ["label", "rank", "file_name"])
def test_no_two_methods_share_what_tells_them_apart(field: str) -> None:
    values = [value for method in METHODS.values() if (value := getattr(method, field)) is not None]
    assert len(set(values)) == len(values)


def test_auto_ends_with_a_method_that_always_works_and_never_takes_the_one_for_drawings() -> None:
    ranked = sorted((method for method in METHODS.values() if method.rank), key=lambda method: method.rank)
    assert ranked[-1].file_name is None and all(method.file_name for method in ranked[:-1])
    assert METHODS["isnet-anime"] not in ranked
