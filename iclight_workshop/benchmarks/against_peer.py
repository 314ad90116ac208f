"""Time and memory of a relight on a real Forge, beside the older extension's (Haoming02/sd-forge-ic-light).

    FORGE_DIR=… FORGE_PYTHON=… PEER_DIR=… PEER_SITE=… python -m iclight_workshop.benchmarks.against_peer

FORGE_DIR has the files that `iclight_workshop.full_size` writes. PEER_DIR is a clone of the older extension; without it
only this one is measured. PEER_SITE, if it is needed, is a folder of packages that Forge lacks and the clone imports
(rembg and what that imports). SUBJECT, if given, is the picture for the large subject. Each extension has a fresh Forge
of its own, and IC-Light's file in the system's cache. The status is 1 if a bound is missed: let nothing else run
meanwhile.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image
from safetensors.torch import load_file, save_file

from lib_iclight.weights.keys import ldm_names

from ..forge_server import ForgeServer
from ..host_bench import BASE, HIRES, REPOSITORY, ForgeBench, encode, relight, subject

MODEL = "iclight_sd15_fc"
LATER = 3
"""Relights with nothing changed, after the first."""

HOOK_BOUND = 0.020
"""Seconds in the sampling hook of a relight with nothing changed."""

MEMORY_BOUND = 200e6
"""Bytes of anonymous memory that a relight may add beyond Forge's own backup of the merged weights."""

LARGE = (896, 1344)
"""Width and height of a subject as users have them."""


@dataclass(frozen=True)
class Relight:
    """What one generation took, in seconds."""

    hook: float
    """In the extension's sampling hook, all calls together."""
    merge: float
    to_unet: float
    """From the generation's begin to its first UNet call."""
    backup: int
    """Bytes that Forge keeps of what it has merged into."""


@dataclass
class Figures:
    """What one extension took."""

    plain_memory: int
    """Anonymous, in bytes, after generations without a relight."""
    relit_memory: int
    """The same after the first relight."""
    peak: int
    """Resident in the first relight, mapped files included, in bytes."""
    first: Relight
    later: list[Relight]
    hires: Relight
    large: dict[str, list[Relight]] = field(default_factory=dict)
    """Later relights of a large subject, by what was asked for."""


class Meter:
    """A Forge that is asked for pictures, and for what they took."""

    def __init__(self, server: ForgeServer, bench: ForgeBench, file: Path, answers: Sequence[int]) -> None:
        self.server = server
        self._bench = bench
        self._file = file
        self._answers = answers

    def generate(self, payload: Mapping[str, Any], tab: str = "txt2img") -> Relight:
        """One generation, made sure to have been relit if that was asked for."""
        outcome = self._bench.post(tab, payload)
        relit = "alwayson_scripts" in payload
        if outcome.status not in (self._answers if relit else (200,)):
            raise SystemExit(f"Forge answered {outcome.status}: {outcome.detail}")
        if any((each["first_convolution"][1] == 8) is not relit for each in outcome.passes) or not outcome.passes:
            raise SystemExit("A generation was not relit, or was where none was asked for.")
        figures = json.loads(self._file.read_text(encoding="utf-8"))
        return Relight(
            hook=sum(outcome.passes[-1]["seconds_in_hooks"]["IC Light"]),
            merge=sum(each["seconds_merging"] for each in outcome.passes),
            to_unet=figures["seconds_to_unet"],
            backup=figures["backup"],
        )


@contextmanager
def forge(name: str, extension: Path, answers: Sequence[int], **arguments: Any) -> Iterator[Meter]:
    """A fresh Forge with this extension and what listens to it.

    :param answers: the statuses that a relight may be answered with.
    """
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        environment = {"ICLIGHT_PROBE_DIR": str(folder / "passes"), "ICLIGHT_PROBE_CALLS": "0"}
        environment |= {"ICLIGHT_PROBE_TIMING": "1", "ICLIGHT_METER_FILE": str(folder / "meter.json")}
        environment |= arguments.pop("environment", {})
        extensions = {
            "aa-meter": Path(__file__).parent / "meter",
            name: extension,
            "zz-probe": REPOSITORY / "iclight_workshop" / "probe",
        }
        arguments |= {"extensions": extensions, "environment": environment, "webui": False}
        with ForgeServer.from_environment(folder / "forge.log", **arguments) as server:
            yield Meter(server, ForgeBench(server, folder / "passes"), folder / "meter.json", answers)


def measure(meter: Meter, request: Mapping[str, Any], offsets: Path) -> Figures:
    """The generations that both extensions are asked for.

    :param offsets: IC-Light's file, read beforehand: the disk is not what is measured.
    """
    for _ in range(2):
        meter.generate(BASE)
    plain_memory = meter.server.memory().anonymous
    offsets.read_bytes()
    meter.server.reset_peak()
    first = meter.generate({**BASE, **request})
    memory = meter.server.memory()
    later = [meter.generate({**BASE, **request}) for _ in range(LATER)]
    hires = meter.generate({**BASE, **HIRES, **request})
    return Figures(plain_memory, memory.anonymous, memory.peak, first, later, hires)


def measure_large(meter: Meter) -> dict[str, list[Relight]]:
    """This extension's relights of a large subject; each kind's first one, which fills the caches, is left out."""
    picture = Image.open(os.environ["SUBJECT"]) if "SUBJECT" in os.environ else subject()
    opaque = picture.convert("RGB").resize(LARGE, Image.Resampling.BICUBIC)
    tab = {**BASE, "init_images": [encode(opaque)], "denoising_strength": 0.75}
    kinds: dict[str, tuple[str, dict[str, Any]]] = {}
    for cutout in ("grabcut", "none"):
        kinds[f"txt2img, cutout {cutout}"] = ("txt2img", BASE | relight(model=MODEL, subject=opaque, cutout=cutout))
        kinds[f"img2img, the tab's, cutout {cutout}"] = ("img2img", tab | relight(model=MODEL, cutout=cutout))
    kinds["img2img, the tab's, light left"] = ("img2img", tab | relight(model=MODEL, cutout="none", light="left"))
    return {name: [meter.generate(body, kind) for _ in range(1 + LATER)][1:] for name, (kind, body) in kinds.items()}


def measure_ours() -> Figures:
    """This extension's figures."""
    with forge("sd-forge-iclight", REPOSITORY, (200,)) as meter:
        figures = measure(meter, relight(model=MODEL, subject=subject()), models_folder() / f"{MODEL}.safetensors")
        figures.large = measure_large(meter)
        return figures


def measure_peer(extension: Path) -> Figures:
    """The older extension's figures: on some hosts it answers 500, after all its work is done."""
    arguments = [True, MODEL, encode(subject()), None, False, "u2net_human_seg", 225, 16, 16, False, False, 3, False]
    request = {"alwayson_scripts": {"IC Light": {"args": arguments}}}
    with tempfile.TemporaryDirectory() as folder:
        environment = {"PYTHONPATH": os.environ["PEER_SITE"]} if "PEER_SITE" in os.environ else {}
        flags = (models_flag(), str(peer_models(Path(folder))))
        with forge("sd-forge-ic-light", extension, (200, 500), flags=flags, environment=environment) as meter:
            return measure(meter, request, Path(folder) / "ic-light" / f"{MODEL}.safetensors")


def models_folder() -> Path:
    """Where Forge has IC-Light's files."""
    return Path(os.environ["FORGE_DIR"]).resolve() / "models" / "ic-light"


def models_flag() -> str:
    """What Forge takes another folder with models as."""
    paths = Path(os.environ["FORGE_DIR"]) / "modules" / "paths_internal.py"
    return "--model-ref" if "--model-ref" in paths.read_text(encoding="utf-8") else "--models-dir"


def peer_models(folder: Path) -> Path:
    """Forge's models, with IC-Light's file under ldm names, as the older extension wants it."""
    for path in models_folder().parent.iterdir():
        if path.name != "ic-light":
            (folder / path.name).symlink_to(path)
    own = folder / "ic-light"
    own.mkdir()
    tensors = load_file(models_folder() / f"{MODEL}.safetensors")
    names = ldm_names(tensors)
    save_file({names[name]: tensor for name, tensor in tensors.items()}, own / f"{MODEL}.safetensors")
    (own / "iclight_sd15_fbc.safetensors").symlink_to(models_folder() / "iclight_sd15_fbc.safetensors")
    return folder


def hooks(relights: list[Relight]) -> list[float]:
    """Their seconds in the hook."""
    return [each.hook for each in relights]


ROWS: dict[str, Callable[[Figures], float]] = {
    "first relight: hook (s)": lambda of: of.first.hook,
    "first relight: Forge's merge (s)": lambda of: of.first.merge,
    "first relight: hook + merge (s)": lambda of: of.first.hook + of.first.merge,
    "first relight: begin to first UNet call (s)": lambda of: of.first.to_unet,
    "later relights: hook, median (s)": lambda of: statistics.median(hooks(of.later)),
    "later relights: hook, slowest (s)": lambda of: max(hooks(of.later)),
    "later relights: merge, slowest (s)": lambda of: max(each.merge for each in of.later),
    "later relights: begin to UNet, median (s)": lambda of: statistics.median(each.to_unet for each in of.later),
    "relight with hires fix: hook, 3 calls (s)": lambda of: of.hires.hook,
    "anonymous memory, plain (GB)": lambda of: of.plain_memory / 1e9,
    "… added by a relight (GB)": lambda of: (of.relit_memory - of.plain_memory) / 1e9,
    "… of which Forge's backup (GB)": lambda of: of.first.backup / 1e9,
    "… added minus backup (GB)": lambda of: (of.relit_memory - of.plain_memory - of.first.backup) / 1e9,
    "peak with mapped files, first relight (GB)": lambda of: of.peak / 1e9,
}


def bounds(ours: Figures, peer: Figures | None) -> dict[str, bool]:
    """What must hold, and whether it does."""
    held = {f"later relights: hook at most {HOOK_BOUND * 1000:g} ms": max(hooks(ours.later)) <= HOOK_BOUND}
    for name, relights in ours.large.items():
        held[f"{LARGE[0]}×{LARGE[1]}, {name}: at most {HOOK_BOUND * 1000:g} ms"] = max(hooks(relights)) <= HOOK_BOUND
    if peer is not None:
        first = ROWS["first relight: hook + merge (s)"]
        held["first relight: hook + merge no slower than the peer's"] = first(ours) <= first(peer)
    beyond = ours.relit_memory - ours.plain_memory - ours.first.backup
    held[f"memory added beyond Forge's backup at most {MEMORY_BOUND / 1e6:g} MB"] = beyond <= MEMORY_BOUND
    return held


def main() -> int:
    """Measure, and print the tables."""
    peer = measure_peer(Path(os.environ["PEER_DIR"])) if "PEER_DIR" in os.environ else None
    ours = measure_ours()
    print(f"{'128×192, 2 steps, Euler, CPU':<44}{'ours':>9}{'peer':>9}{'ours/peer':>11}")
    for name, value in ROWS.items():
        theirs = f"{value(peer):9.3f}{value(ours) / value(peer):11.4f}" if peer and value(peer) else ""
        print(f"{name:<44}{value(ours):9.3f}{theirs}")
    print(f"\n{f'hook, a subject of {LARGE[0]}×{LARGE[1]} pixels (ms)':<44}{'median':>9}{'slowest':>9}")
    for name, relights in ours.large.items():
        milliseconds = [1000 * seconds for seconds in hooks(relights)]
        print(f"{name:<44}{statistics.median(milliseconds):9.1f}{max(milliseconds):9.1f}")
    print()
    held = bounds(ours, peer)
    for sentence, holds in held.items():
        print(f"{'held  ' if holds else 'MISSED'}  {sentence}")
    return 0 if all(held.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
