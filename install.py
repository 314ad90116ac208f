"""Run by the web UI at every start, in a process of its own: quick and quiet when there is nothing to do.

Brings onnxruntime, which runs the matting models, if nothing has brought it yet. Nothing that is installed is changed,
and whatever goes wrong is one line in the console: IC Light works without it.
"""

from __future__ import annotations

import sys
import time
from importlib.util import find_spec
from pathlib import Path

from iclight_neighbours import extensions_beside, notice, other_extensions

OWN = Path(__file__).parent

FAILED = OWN / ".onnxruntime-failed"
"""Written when the installation failed: its age is the time since."""

RETRY_AFTER = 24 * 3600
"""Seconds between two attempts: behind some firewalls each takes minutes, and no start but a day's first shall wait."""


def main() -> None:
    """Install what is missing, and say what the user has to do."""
    sys.stdout.reconfigure(encoding="utf-8", errors="replace")  # as the web UI reads it
    others = other_extensions(extensions_beside(OWN), OWN)
    if others:
        print(f"IC Light: {notice(others)}")
    if not has_onnxruntime() and (failed_lately() or not install_onnxruntime()):
        print(
            "IC Light: onnxruntime could not be installed, so the matting models can't be used; GrabCut still works. "
            f"Install it by hand: {by_hand(sys.executable)}"
        )


def has_onnxruntime() -> bool:
    """Whether any distribution provides it: onnxruntime-gpu and onnxruntime-directml do so too."""
    found = find_spec("onnxruntime")
    return found is not None and found.origin is not None  # without an origin it is a left-over empty folder


def by_hand(python: str) -> str:
    """The command for it. Quotation marks only where the path needs them: PowerShell takes what is in them for text."""
    quoted = f'"{python}"' if " " in python else python
    return f"{quoted} -m pip install onnxruntime"


def failed_lately() -> bool:
    """Whether the last attempt failed, and not long ago."""
    try:
        return 0 <= time.time() - FAILED.stat().st_mtime < RETRY_AFTER
    except OSError:
        return False


def install_onnxruntime() -> bool:
    """Let pip install it. Returns whether it is there now."""
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
            installed = done.returncode == 0
        if installed:
            FAILED.unlink(missing_ok=True)
        else:
            FAILED.touch()
    except OSError:
        return False
    return installed


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
