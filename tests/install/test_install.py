"""`install.py` in real, empty environments, with a real pip that finds only what the test gives it."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import venv
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from iclight_workshop.host_bench import REPOSITORY
from lib_iclight.pip_command import write_pip_command


@dataclass(frozen=True)
class Environment:
    """A Python without packages, and a web UI's folder with this extension's installer in it."""

    python: Path
    packages: Path
    """Its site-packages."""
    wheels: Path
    """Where pip finds packages: nowhere else."""
    extension: Path
    pip: Path | None
    """A folder with pip alone."""

    @property
    def failed(self) -> Path:
        """What `install.py` leaves when it could not install."""
        return self.extension / ".onnxruntime-failed"

    def run(self, *command: str | Path, **more: str) -> str:
        """What Python says, given this and more variables; it must end without an error."""
        variables = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON"))}
        variables |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.wheels), "PYTHONDONTWRITEBYTECODE": "1"}
        variables |= {"PIP_CONFIG_FILE": os.devnull, "PYTHONUTF8": "1"}
        if self.pip is not None:
            variables["PYTHONPATH"] = str(self.pip)
        done = subprocess.run(
            [self.python, *command],
            env=variables | more,
            cwd=self.extension.parents[1],
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def install(self, **more: str) -> str:
        """What `install.py` says, as the web UI runs it."""
        return self.run(self.extension / "install.py", **more)

    def version(self, name: str) -> str:
        """Of a distribution that is installed."""
        return self.run("-c", f"import importlib.metadata; print(importlib.metadata.version({name!r}))").strip()

    def has_onnxruntime(self) -> bool:
        """Whether it can be imported."""
        said = self.run("-c", "import importlib.util; print(importlib.util.find_spec('onnxruntime') is not None)")
        return said == "True\n"


@pytest.fixture(scope="module")
def pip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with a copy of pip: beside the original there is onnxruntime too."""
    folder = tmp_path_factory.mktemp("pip")
    spec = importlib.util.find_spec("pip")
    assert spec is not None and spec.origin is not None
    shutil.copytree(Path(spec.origin).parent, folder / "pip")
    return folder


@pytest.fixture
def environment(tmp_path: Path, pip: Path) -> Iterator[Environment]:
    """A fresh one."""
    folder = tmp_path / "an environment"
    venv.create(folder, symlinks=os.name != "nt")
    (packages,) = (path for path in folder.rglob("site-packages") if not path.is_symlink())
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    extension = tmp_path / "webui" / "extensions" / "sd-forge-iclight"
    extension.mkdir(parents=True)
    for name in ("install.py", "iclight_neighbours.py"):
        shutil.copy(REPOSITORY / name, extension)
    (extension / "lib_iclight").mkdir()
    for name in ("__init__.py", "pip_command.py"):
        shutil.copy(REPOSITORY / "lib_iclight" / name, extension / "lib_iclight")
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    yield Environment(python, packages, wheels, extension, pip)


def contents(name: str, version: str, requires: Sequence[str] = (), module: str | None = None) -> dict[str, str]:
    """The files of a distribution with one module."""
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    metadata += "".join(f"Requires-Dist: {each}\n" for each in requires)
    info = f"{name}-{version}.dist-info"
    return {
        f"{module or name}/__init__.py": "",
        f"{info}/METADATA": metadata,
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": "",
    }


def put(folder: Path, files: dict[str, str]) -> None:
    """Write a distribution as pip would have installed it."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def pack(environment: Environment, name: str, version: str, *requires: str) -> None:
    """Put a distribution where pip finds it."""
    with zipfile.ZipFile(environment.wheels / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        for path, text in contents(name, version, requires).items():
            wheel.writestr(path, text)


# ------------------------------------------------------------------------------------------------ onnxruntime


@pytest.mark.parametrize("distribution", ["onnxruntime", "onnxruntime_gpu", "onnxruntime_directml"])
def test_nothing_is_said_or_done_where_it_is_there(environment: Environment, distribution: str) -> None:
    put(environment.packages, contents(distribution, "1.0", module="onnxruntime"))
    pack(environment, "onnxruntime", "2.0")
    assert environment.install() == ""
    assert environment.version(distribution) == "1.0"
    assert sorted(path.name for path in environment.extension.iterdir()) == [
        "iclight_neighbours.py",
        "install.py",
        "lib_iclight",
    ]


def test_nothing_slow_is_imported_where_it_is_there(environment: Environment) -> None:
    put(environment.packages, contents("onnxruntime", "1.0"))
    path = str(environment.extension / "install.py")
    said = environment.run(
        "-c",
        f"import sys, runpy; sys.path.insert(0, {str(environment.extension)!r}); "
        f"runpy.run_path({path!r}, run_name='__main__'); "
        "print(sorted({'subprocess', 'tempfile', 'importlib.metadata', 'onnxruntime', 'pip'} & set(sys.modules)))",
    )
    assert said == "[]\n"


def test_it_is_installed_where_it_is_missing(environment: Environment) -> None:
    pack(environment, "onnxruntime", "1.0", "flatbuffers")
    pack(environment, "flatbuffers", "24.0")
    assert environment.install() == ""
    assert (environment.version("onnxruntime"), environment.version("flatbuffers")) == ("1.0", "24.0")
    assert environment.has_onnxruntime() and not environment.failed.exists()


def test_an_empty_folder_that_was_left_is_not_it(environment: Environment) -> None:
    (environment.packages / "onnxruntime").mkdir()
    pack(environment, "onnxruntime", "1.0")
    assert environment.install() == ""
    assert environment.version("onnxruntime") == "1.0"


def test_what_is_installed_is_not_changed(environment: Environment) -> None:
    """The newest version wants a newer numpy: an older one comes, and numpy stays."""
    put(environment.packages, contents("numpy", "1.26.2"))
    for version in ("1.26.2", "2.0"):
        pack(environment, "numpy", version)
    pack(environment, "onnxruntime", "1.0", "numpy>=1.21")
    pack(environment, "onnxruntime", "2.0", "numpy>=2")
    assert environment.install() == ""
    assert (environment.version("onnxruntime"), environment.version("numpy")) == ("1.0", "1.26.2")


def test_it_does_not_come_at_the_price_of_a_change(environment: Environment) -> None:
    put(environment.packages, contents("numpy", "1.26.2"))
    pack(environment, "numpy", "2.0")
    pack(environment, "onnxruntime", "2.0", "numpy>=2")
    assert "onnxruntime could not be installed" in environment.install()
    assert environment.version("numpy") == "1.26.2" and not environment.has_onnxruntime()


def test_a_failure_is_one_line_and_is_not_repeated_at_every_start(environment: Environment) -> None:
    said = environment.install()
    assert said.count("\n") == 1 and "GrabCut still works" in said
    assert said.endswith(f'"{environment.python}" -m pip install onnxruntime\n')
    pack(environment, "onnxruntime", "1.0")
    assert environment.install() == said and not environment.has_onnxruntime(), "tried again at once"
    os.utime(environment.failed, (environment.failed.stat().st_mtime - 25 * 3600,) * 2)
    assert environment.install() == ""
    assert environment.has_onnxruntime() and not environment.failed.exists()


@pytest.mark.parametrize(
    ("python", "command"),
    [
        ("C:\\forge\\python.exe", "C:\\forge\\python.exe -m pip install onnxruntime"),
        ("/my forge/python", '"/my forge/python" -m pip install onnxruntime'),
    ],
)
def test_the_command_is_one_in_powershell_too(python: str, command: str) -> None:
    """There, what begins with a quotation mark is a text and no command."""
    assert write_pip_command(python, "onnxruntime") == command


def test_by_hand_is_noticed_at_once(environment: Environment) -> None:
    environment.install()
    put(environment.packages, contents("onnxruntime", "1.0"))
    assert environment.install() == ""


def test_without_pip(environment: Environment) -> None:
    without = Environment(**{**vars(environment), "pip": None})
    assert "onnxruntime could not be installed" in without.install()


def test_an_error_that_pip_makes_when_all_is_done_is_none(environment: Environment, tmp_path: Path) -> None:
    """As pip 24.2 does beside a package whose version is none: it has installed everything, and ends with an error."""
    pip = tmp_path / "a pip that fails in the end" / "pip"
    pip.mkdir(parents=True)
    installs = f"pathlib.Path({str(environment.packages)!r}, 'onnxruntime').mkdir()"
    writes = f"pathlib.Path({str(environment.packages)!r}, 'onnxruntime', '__init__.py').touch()"
    (pip / "__main__.py").write_text(f"import pathlib, sys; {installs}; {writes}; sys.exit(2)", encoding="utf-8")
    failing = Environment(**{**vars(environment), "pip": pip.parent})
    assert failing.install() == "" and failing.has_onnxruntime() and not failing.failed.exists()


def test_constraints_name_every_version_that_pip_understands(environment: Environment, tmp_path: Path) -> None:
    for name, version in (
        ("torch", "2.3.1+cu121"),
        ("Some_Package.x", "1!1.0rc1.post2.dev3"),
        ("odd", "2.0-unknown"),
        ("nothing", ""),
    ):
        put(environment.packages, contents(name, version))
    (environment.packages / "broken-1.0.dist-info").mkdir()
    first = tmp_path / "first on the path"
    put(first, contents("torch", "2.4"))
    said = environment.run(
        "-c",
        f"import sys; sys.path[:0] = [{str(environment.extension)!r}, {str(first)!r}]; "
        "import install; print(*install.installed_versions())",
    )
    assert said.split() == ["some-package-x==1!1.0rc1.post2.dev3", "torch==2.4"]
    pack(environment, "onnxruntime", "1.0")
    assert environment.install() == "" and environment.has_onnxruntime()
    assert environment.version("torch") == "2.3.1+cu121"


# ------------------------------------------------------------------------------------------------ other extensions


@pytest.fixture
def ready(environment: Environment) -> Environment:
    """One where nothing is missing."""
    put(environment.packages, contents("onnxruntime", "1.0"))
    return environment


@pytest.mark.parametrize("package", ["lib_iclight", "libiclight"])
@pytest.mark.parametrize("name", ["aa-older", "sd-forge-ic-light", "zz 光"])
def test_another_extension_is_named(ready: Environment, name: str, package: str) -> None:
    other = ready.extension.with_name(name)
    (other / package).mkdir(parents=True)
    said = ready.install()
    assert said.startswith("IC Light: ") and f"in {other}: remove that folder" in said and said.count("\n") == 1


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_any_folder_can_be_named_in_any_console(ready: Environment, encoding: str) -> None:
    other = ready.extension.with_name("zz 光 é")
    (other / "lib_iclight").mkdir(parents=True)
    assert f"in {other}: remove" in ready.install(PYTHONIOENCODING=encoding, PYTHONUTF8="0")
    # as the web UI's own process says it
    says = (
        "import sys; sys.path.insert(0, sys.argv[1]); from iclight_neighbours import *; print_to_console(sys.argv[2])"
    )
    said = ready.run("-c", says, str(ready.extension), "zz 光", PYTHONIOENCODING=encoding)
    assert said == ("zz 光\n" if encoding == "utf-8" else "zz \\u5149\n")


def test_its_own_folder_is_no_other(ready: Environment) -> None:
    (ready.extension.with_name("sd-webui-controlnet") / "scripts").mkdir(parents=True)
    (ready.extension.parent / "put extensions here.txt").write_text("")
    assert ready.install() == ""
    if os.name != "nt":
        ready.extension.with_name("a link to it").symlink_to(ready.extension, target_is_directory=True)
        assert ready.install() == ""


@pytest.mark.parametrize(
    ("settings", "silent"),
    [
        ('{"disabled_extensions": ["older"]}', True),
        ('{"disabled_extensions": ["another"]}', False),
        ("{}", False),
        ('{"disabled_extensions": null}', False),
        ("[1]", False),
        ("no JSON", False),
    ],
)
def test_one_that_is_switched_off_is_none(ready: Environment, settings: str, silent: bool) -> None:
    (ready.extension.with_name("older") / "lib_iclight").mkdir(parents=True)
    (ready.extension.parents[1] / "config.json").write_text(settings)
    assert (ready.install() == "") is silent
