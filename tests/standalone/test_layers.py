"""Dependence goes one way: the product knows no stand, the stand no workshop, and nothing of them knows the tests."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

LAYERS = ("lib_iclight", "iclight_standalone", "iclight_workshop", "tests")
"""Each may import those before it."""

IMPORT_ALL = """
import importlib, importlib.abc, importlib.util, json, sys, types

class Anything(type):
    def __getattr__(cls, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Anything(name, (), {"__iter__": lambda self: iter(())})

class Stub(types.ModuleType):
    __path__ = []
    __getattr__ = Anything.__getattr__

class Host(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] in ("modules", "modules_forge", "backend"):
            return importlib.util.spec_from_loader(name, self)
    def create_module(self, spec):
        return Stub(spec.name)
    def exec_module(self, module):
        pass

sys.meta_path.append(Host())
for names in json.loads(sys.argv[1]):
    for name in names:
        importlib.import_module(name)
    print("loaded", json.dumps(sorted(sys.modules)))
"""
"""Imports one group of modules after the other, and prints after each what is loaded. What only a real host has is
stood in for, so that no import statement is left out."""


def list_modules(package: str) -> list[str]:
    """Every module of a package, but for the extensions that a real Forge loads from its folders."""
    files = [path.relative_to(ROOT) for path in sorted((ROOT / package).rglob("*.py")) if path.parent.name != "scripts"]
    names = [".".join(path.with_suffix("").parts).removesuffix(".__init__") for path in files]
    assert package in names
    return names


def import_afresh(*groups: list[str]) -> list[set[str]]:
    """What a fresh process has loaded after each group of imports."""
    command = [sys.executable, "-c", IMPORT_ALL, json.dumps(groups)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    said = (line.partition(" ") for line in done.stdout.splitlines())
    return [set(json.loads(names)) for word, _, names in said if word == "loaded"]


def test_no_layer_imports_one_above_it() -> None:
    modules = [list_modules(layer) for layer in LAYERS[:-1]]
    for number, loaded in enumerate(import_afresh(*modules)):
        assert loaded.issuperset(modules[number])
        above = LAYERS[number + 1 :]
        assert {name for name in loaded if name.partition(".")[0] in above} == set(), LAYERS[number]


@pytest.mark.long
def test_the_reference_uses_nothing_that_it_judges() -> None:
    (loaded,) = import_afresh(["iclight_standalone.reference"])
    ours = {name for name in loaded if name.partition(".")[0] in LAYERS}
    assert ours == {"iclight_standalone", "iclight_standalone.reference"}
