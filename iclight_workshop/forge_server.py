"""A real Forge of any kind as a child process, for tests that talk to it over HTTP."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

FLAGS = ("--skip-torch-cuda-test", "--skip-prepare-environment", "--api")

ENVIRONMENT = {"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_OFFLINE": "1", "PYTHONUNBUFFERED": "1"}
"""Nothing of this reaches out to a network, and the log is complete at any moment."""

OPTIONS = {
    "sd_model_checkpoint": "full-size-a.safetensors",
    "live_previews_enable": False,
    "img2img_background_color": "#ffffff",
    "use_ui_config_json": True,
}
"""Forge's settings unless told otherwise: a preview costs time and changes nothing, Neo's colour is grey, and
ersatzForge keeps the page's defaults only when told to."""

SLIDERS = {f"{tab}/{side}/minimum": 64 for tab in ("txt2img", "img2img") for side in ("Width", "Height")}
"""What the page's sliders are set to: ersatzForge's begin at 256, and tests are of small pictures."""

NEO_OPTIONS = {"VERSION_UID": "PY313", "res_step": 8}
"""Without the version that it was installed for Neo waits for somebody to press Enter; the size of a hires pass is
rounded to `res_step`."""


class ForgeError(RuntimeError):
    """Forge did not start, or has died; the message ends with its log."""


@dataclass(frozen=True)
class Memory:
    """Resident memory of the Forge process, in bytes."""

    anonymous: int
    """What it has allocated itself."""
    file_backed: int
    """Mapped files, such as checkpoints that are being read; the system can take it back."""
    peak: int
    """The most of both since the start or the last `reset_peak`."""


@dataclass
class ForgeServer:
    """Starts Forge on entering, stops it with all its children on leaving.

    Forge's settings are kept in a folder of their own: what a test changes does not reach the next one.
    """

    forge: Path
    python: Path
    log: Path
    extensions: Mapping[str, Path] = field(default_factory=dict)
    """Folders to be linked into Forge's `extensions` while it runs, by the name they get there."""
    webui: bool = True
    """Whether there is a page, or the API alone."""
    flags: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    """Forge's settings, over `OPTIONS`."""
    patience: float = 180.0
    """Seconds the start may take."""

    def __post_init__(self) -> None:
        self.port = free_port()
        self.seconds_to_start = 0.0
        self._links: list[Path] = []
        self._settings: tempfile.TemporaryDirectory[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def from_environment(cls, log: Path, **arguments: Any) -> ForgeServer:
        """A server for the Forge that FORGE_DIR and FORGE_PYTHON name."""
        return cls(Path(os.environ["FORGE_DIR"]), Path(os.environ["FORGE_PYTHON"]), log, **arguments)

    @property
    def has_modules(self) -> bool:
        """Whether text encoders and the VAE are chosen as modules beside the checkpoint, in hires passes too."""
        return (self.forge / "modules_forge" / "main_entry.py").exists()

    @property
    def is_neo(self) -> bool:
        """Whether it is a Forge Neo."""
        return is_neo(self.forge)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    # Life

    def __enter__(self) -> ForgeServer:
        try:
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop Forge with everything it started, and take the links away. Can be called twice."""
        if self._process is not None:
            for number in (signal.SIGTERM, signal.SIGKILL):
                try:
                    os.killpg(self._process.pid, number)
                    self._process.wait(10)
                except (ProcessLookupError, subprocess.TimeoutExpired):
                    continue
            self._process = None
        while self._links:
            self._links.pop().unlink(missing_ok=True)
        if self._settings is not None:
            self._settings.cleanup()
            self._settings = None

    def _start(self) -> None:
        self._link_extensions()
        self._settings = tempfile.TemporaryDirectory(prefix="forge-settings-")
        settings = Path(self._settings.name)
        options = OPTIONS | (NEO_OPTIONS if self.is_neo else {})
        (settings / "config.json").write_text(json.dumps({**options, **self.options}), encoding="utf-8")
        (settings / "ui-config.json").write_text(json.dumps(SLIDERS), encoding="utf-8")
        command = [str(self.python), "launch.py", *FLAGS, cpu_flag(self.forge)]
        command += ["--port", str(self.port)]
        command += ["--ui-settings-file", str(settings / "config.json")]
        command += ["--ui-config-file", str(settings / "ui-config.json")]
        command += [] if self.webui else ["--nowebui"]
        start = time.monotonic()
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [*command, *self.flags],
                cwd=self.forge,
                env={**os.environ, **ENVIRONMENT, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        while not self._ready():
            if self._process.poll() is not None:
                raise ForgeError(f"Forge ended with {self._process.returncode}.\n{self.read_log()[-4000:]}")
            if time.monotonic() - start > self.patience:
                raise ForgeError(f"Forge did not start within {self.patience} s.\n{self.read_log()[-4000:]}")
            time.sleep(0.02)
        self.seconds_to_start = time.monotonic() - start

    def _link_extensions(self) -> None:
        for name, folder in self.extensions.items():
            link = self.forge / "extensions" / name
            if link.is_symlink():  # left by a run that was killed
                link.unlink()
            link.symlink_to(folder.resolve(), target_is_directory=True)
            self._links.append(link)

    def _ready(self) -> bool:
        """Whether all routes are there: extensions add theirs after the API has begun to answer."""
        if "Startup time:" not in self.read_log():
            return False
        try:
            return self.get("/sdapi/v1/options", timeout=5)[0] == 200
        except OSError:
            return False

    # Talk

    def get(self, path: str, timeout: float = 60) -> tuple[int, Any]:
        """Status and decoded JSON of a GET."""
        return self._send(urllib.request.Request(self.url + path), timeout)

    def post(self, path: str, body: Any, timeout: float = 600) -> tuple[int, Any]:
        """Status and decoded JSON of a POST, whatever the status is."""
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(), headers, method="POST")
        return self._send(request, timeout)

    @staticmethod
    def _send(request: urllib.request.Request, timeout: float) -> tuple[int, Any]:
        try:
            with urllib.request.urlopen(request, timeout=timeout) as response:
                status, body = response.status, response.read()
        except urllib.error.HTTPError as error:
            status, body = error.code, error.read()
        try:
            return status, json.loads(body)
        except ValueError:
            return status, body.decode("utf-8", "replace")

    # Look

    def read_log(self) -> str:
        """All that Forge has printed so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def memory(self) -> Memory:
        """What the process holds now (Linux only)."""
        status = self._process_file("status").read_text()
        kilobytes = {name: int(value) for name, value in re.findall(r"^(\w+):\s+(\d+) kB$", status, re.MULTILINE)}
        return Memory(*(1024 * kilobytes[name] for name in ("RssAnon", "RssFile", "VmHWM")))

    def reset_peak(self) -> None:
        """Let the peak begin anew (Linux only)."""
        self._process_file("clear_refs").write_text("5")

    def _process_file(self, name: str) -> Path:
        if self._process is None:
            raise ForgeError("Forge is not running.")
        return Path("/proc") / str(self._process.pid) / name


def is_neo(forge: Path) -> bool:
    """Whether it is a Forge Neo, which has ComfyUI's words on its command line."""
    arguments = forge / "backend" / "args.py"
    return arguments.exists() and '"--cpu"' in arguments.read_text(encoding="utf-8")


def cpu_flag(forge: Path) -> str:
    """What has a Forge do without a graphics card."""
    return "--cpu" if is_neo(forge) else "--always-cpu"


def free_port() -> int:
    """A port of the loopback interface that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
