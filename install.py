"""Run by the web UI at every start, in a process of its own: quick and quiet when there is nothing to do.

Brings onnxruntime, which runs the matting models, if nothing has brought it yet. Nothing that is installed is changed,
and whatever goes wrong is one line in the console: IC Light works without it.
"""

from __future__ import annotations

import io
import sys
import time
from importlib.util import find_spec
from pathlib import Path

from iclight_neighbours import notice, other_extensions_beside, print_to_console
from lib_iclight.pip_command import write_pip_command

OWN = Path(__file__).parent

FAILED = OWN / ".onnxruntime-failed"
"""Written when the installation failed: its age is the time since."""

RETRY_AFTER = 24 * 3600
"""Seconds between two attempts: behind some firewalls each takes minutes, and no start but a day's first shall wait."""


def main() -> None:
    """Install what is missing, and say what the user has to do."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")  # as the web UI reads it
    others = other_extensions_beside(OWN)
    if others:
        print_to_console(f"IC Light: {notice(others)}")
    if not has_onnxruntime() and (failed_lately() or not install_onnxruntime()):
        print_to_console(
            "IC Light: onnxruntime could not be installed, so the matting models can't be used; GrabCut still works. "
            f"Install it by hand: {write_pip_command(sys.executable, 'onnxruntime')}"
        )


def has_onnxruntime() -> bool:
    """Whether any distribution provides it: onnxruntime-gpu and onnxruntime-directml do so too."""
    found = find_spec("onnxruntime")
    return found is not None and found.origin is not None  # without an origin it is a left-over empty folder


def failed_lately() -> bool:
    """Whether the last attempt failed, and not long ago."""
    try:
        return 0 <= time.time() - FAILED.stat().st_mtime < RETRY_AFTER
    except OSError:
        return False


def install_onnxruntime() -> bool:
    """Let pip install it. Returns whether it is there now."""
    import contextlib
    import importlib

    has_succeeded = run_pip()
    importlib.invalidate_caches()  # the import system has remembered that there was none
    # Pip may fail when all is done: that of Python 3.13.0 (24.2) lists the versions of everything that is installed,
    # and ends with an error if one of them is no version.
    is_there = has_succeeded or has_onnxruntime()
    with contextlib.suppress(OSError):  # the folder may be read-only
        if is_there:
            FAILED.unlink(missing_ok=True)
        else:
            FAILED.touch()
    return is_there


def run_pip() -> bool:
    """Run it, with every package held at the version that it has. Returns whether it says that all went well."""
    import os
    import subprocess
    import tempfile

    command = [sys.executable, "-m", "pip", "install", "onnxruntime", "--only-binary=:all:", "--quiet", "--no-input"]
    command += ["--disable-pip-version-check", "--retries", "1"]
    if os.environ.get("INDEX_URL"):  # the web UI's own setting
        command += ["--index-url", os.environ["INDEX_URL"]]
    try:
        with tempfile.TemporaryDirectory() as folder:
            constraints = Path(folder) / "constraints.txt"
            constraints.write_text("".join(f"{line}\n" for line in installed_versions()), encoding="utf-8")
            done = subprocess.run([*command, "--constraint", str(constraints)], stdout=subprocess.DEVNULL, check=False)
    except OSError:
        return False
    return done.returncode == 0


def installed_versions() -> list[str]:
    """A pip constraint for each distribution that is installed: its version as it is."""
    import re
    from importlib.metadata import distributions

    versions: dict[str, str] = {}
    for distribution in distributions():
        name, version = distribution.metadata["Name"], distribution.version
        # the first on the path is the one in use; pip stops at a version that is none (PEP 440)
        if name and re.fullmatch(r"(\d+!)?\d+(\.\d+)*((a|b|rc)\d+)?(\.post\d+)?(\.dev\d+)?(\+[\w.]+)?", version or ""):
            versions.setdefault(re.sub(r"[-_.]+", "-", name).lower(), version)
    return [f"{name}=={version}" for name, version in sorted(versions.items())]


if __name__ == "__main__":
    main()
