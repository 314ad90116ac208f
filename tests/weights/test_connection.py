"""What the environment says of mirrors, certificates and proxies; what is wrong with it is said at once."""

from __future__ import annotations

import os
import ssl
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lib_iclight.errors import ICLightError
from lib_iclight.weights.connection import find_address
from lib_iclight.weights.fetch import fetch
from lib_iclight.weights.manifest import ManifestFile

from .conftest import Naps
from .hostile_server import Fault, HostileServer, hostile_server

Serve = Callable[..., tuple[ManifestFile, bytes]]


@pytest.fixture(autouse=True)
def quiet_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but what a test sets."""
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def refusal(file: ManifestFile, folder: Path) -> str:
    """What is said at once: a fetch that waits for another attempt fails the test."""
    with pytest.raises(ICLightError) as refused:
        fetch(file, folder, sleep=lambda _: pytest.fail("it tries again"))
    return str(refused.value)


# ------------------------------------------------------------------------------------------------ mirrors


def test_other_servers_than_hugging_face_have_no_mirror(server: HostileServer, serve: Serve) -> None:
    file, _ = serve()
    elsewhere = replace(file, url="https://huggingface.co.example.org/model.onnx")
    assert find_address(file) == f"{server.address}/someone/model/resolve/1/model.onnx"
    assert find_address(elsewhere) == elsewhere.url


@pytest.mark.parametrize("ending", ["", "/", "//", " ", "/ "])
def test_a_mirror_may_end_in_slashes_and_spaces(
    tmp_path: Path, server: HostileServer, serve: Serve, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    file, data = serve()
    monkeypatch.setenv("HF_ENDPOINT", server.address + ending)
    assert fetch(file, tmp_path).read_bytes() == data


@pytest.mark.parametrize(
    "mirror",
    [
        "nonsense",
        "hf-mirror.com",
        "hf-mirror.com:443",
        "//hf-mirror.com",
        "https:/hf-mirror.com",
        '"https://hf-mirror.com"',
        "https://",
        "https:///models",
        "https://hf mirror.com",
        "https://hf-mirror.com/?a",
        "https://hf-mirror.com#a",
        "https://hf..mirror",
        "http://127.0.0.1:port",
        "http://127.0.0.1:99999",
        "http://[::1",
        "ftp://127.0.0.1",
        "file:///etc",
    ],
)
def test_a_mirror_that_is_no_address_is_said_at_once(
    tmp_path: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch, mirror: str
) -> None:
    file, _ = serve()
    monkeypatch.setenv("HF_ENDPOINT", mirror)
    said = refusal(file, tmp_path / "new")
    assert said.startswith(f"model.onnx can't be fetched: HF_ENDPOINT is {mirror!r}, which is no server's address.")
    assert "begins with https://" in said and not (tmp_path / "new").exists()


# ------------------------------------------------------------------------------------------------ certificates


@pytest.mark.parametrize(
    ("name", "place", "said"),
    [
        ("SSL_CERT_FILE", "nowhere.pem", "and there is no such file"),
        ("SSL_CERT_FILE", ".", "and there is no such file"),
        ("SSL_CERT_FILE", "page.pem", "Certificates can't be read"),
        ("SSL_CERT_DIR", "nowhere", "and there is no such folder"),
        ("SSL_CERT_DIR", "page.pem", "and there is no such folder"),
        ("SSLKEYLOGFILE", "nowhere/keys.log", "Certificates can't be read"),
    ],
)
def test_certificates_that_are_none_are_said_at_once(
    tmp_path: Path,
    server: HostileServer,
    serve: Serve,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    place: str,
    said: str,
) -> None:
    file, _ = serve()
    (tmp_path / "page.pem").write_text("<html>Please log in</html>")
    value = tmp_path / place
    monkeypatch.setenv(name, str(value))
    sentence = refusal(file, tmp_path / "models")
    assert f"{name} is {str(value)!r}" in sentence and said in sentence
    assert sentence.endswith("correct the variable or unset it, and start again.")
    assert server.requests == []


def test_one_of_several_folders_with_certificates_is_enough(
    tmp_path: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, data = serve()
    monkeypatch.setenv("SSL_CERT_DIR", os.pathsep.join([str(tmp_path / "nowhere"), str(tmp_path)]))
    assert fetch(file, tmp_path).read_bytes() == data


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for this machine, made anew; key and certificate in one file."""
    path = tmp_path / "certificate.pem"
    how = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1"
    try:
        made = subprocess.run(["openssl", *how.split(), "-keyout", "-"], capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs openssl to make a certificate")
    path.write_bytes(made.stdout)
    return path


@pytest.fixture
def secure(certificate: Path, server: HostileServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[HostileServer]:
    """A server with TLS that is asked instead of Hugging Face, and serves the same files as the one without."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with hostile_server(context) as hostile:
        hostile.files = server.files
        monkeypatch.setenv("HF_ENDPOINT", hostile.address)
        yield hostile


def test_no_redirect_leads_out_of_tls(
    tmp_path: Path,
    server: HostileServer,
    secure: HostileServer,
    serve: Serve,
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file, data = serve()
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    secure.plans[file.name] = [Fault("302", headers={"Location": f"{server.address}/model.onnx"})] * 9
    with pytest.raises(ICLightError, match=r"redirects to http://127\.0\.0\.1, which is not https"):
        fetch(file, tmp_path, sleep=Naps())
    assert server.requests == []
    secure.plans[file.name] = [Fault("302", headers={"Location": f"{secure.address}/other/model.onnx"})]
    assert fetch(file, tmp_path).read_bytes() == data


@pytest.mark.parametrize("has_folder", [False, True])
def test_a_server_that_is_not_trusted_is_said_at_once(
    tmp_path: Path, secure: HostileServer, serve: Serve, monkeypatch: pytest.MonkeyPatch, has_folder: bool
) -> None:
    """An empty folder in SSL_CERT_DIR means that nobody is."""
    file, _ = serve()
    if has_folder:
        monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    said = refusal(file, tmp_path / "models")
    assert "the server's certificate isn't trusted" in said and "put it at" in said
    assert (f"SSL_CERT_DIR is {str(tmp_path)!r}" if has_folder else "set SSL_CERT_FILE to a file") in said
    assert secure.requests == []


# ------------------------------------------------------------------------------------------------ proxies


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "https_proxy", "ALL_PROXY"])
@pytest.mark.parametrize(
    "value", ["ftp://127.0.0.1", "http://127.0.0.1:port", "::1", "http://a\u2028", "\x01", "256.1.1.1"]
)
def test_a_proxy_that_is_none_is_said_at_once(
    tmp_path: Path,
    server: HostileServer,
    serve: Serve,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    value: str,
) -> None:
    file, _ = serve()
    monkeypatch.setenv(variable, value)
    said = refusal(file, tmp_path)
    assert said.startswith("The proxy can't be used (") and f"{variable.upper()} is " in said
    assert said.isprintable() and server.requests == []


@pytest.mark.parametrize("value", ["[::1]", "127.0.0.1,[::1]", "http://\x01"])
def test_exceptions_from_proxies_that_are_none_are_said_at_once(
    tmp_path: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    file, _ = serve()
    monkeypatch.setenv("NO_PROXY", value)
    assert "NO_PROXY is " in refusal(file, tmp_path)


def test_a_proxys_password_is_not_told(tmp_path: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    file, _ = serve()
    monkeypatch.setenv("HTTPS_PROXY", "socks4://ann:secret@127.0.0.1:9")
    said = refusal(file, tmp_path)
    assert "HTTPS_PROXY is 'socks4://…@127.0.0.1:9'" in said and "secret" not in said
