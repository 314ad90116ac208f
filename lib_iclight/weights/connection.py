"""How a file's server is reached: the mirror, the certificates and the proxies that the environment names."""

from __future__ import annotations

import functools
import os
import re
import ssl
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ICLightError
from ..text import shorten
from .manifest import ManifestFile

if TYPE_CHECKING:
    import httpx

HUB = "https://huggingface.co"

_TIMEOUT = 10.0
"""Seconds without a byte after which a connection counts as dropped; a stalled one can't be cancelled any sooner."""

_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
_ADVICE = "correct the variable or unset it, and start again."


def find_address(file: ManifestFile) -> str:
    """Where the file is fetched from: `HF_ENDPOINT` names a mirror of Hugging Face.

    :raises ICLightError: it is set and no server's address.
    """
    mirror = os.environ.get("HF_ENDPOINT", "").strip().rstrip("/")  # Windows' `set A=B && …` leaves a space behind B
    if not mirror or not file.url.startswith(f"{HUB}/"):
        return file.url
    if not _is_address(mirror):
        raise ICLightError(
            f"{file.name} can't be fetched: {_quote('HF_ENDPOINT')}, which is no server's address. Set it to one that "
            f"begins with https://, as {HUB} does, or unset it, and start again."
        )
    return mirror + file.url[len(HUB) :]


def open_client(on_request: Callable[[httpx.Request], None] | None = None) -> httpx.Client:
    """A client that follows redirects, with the environment's certificates and proxies.

    :param on_request: called before each request; may raise.
    :raises ICLightError: the environment's certificates or proxies can't be used.
    """
    import httpx

    certificates = _read_certificates(*(os.environ.get(name, "") for name in _CERTIFICATES))
    hooks: dict[str, list[Callable[..., Any]]] = {"request": [on_request] if on_request else []}
    try:
        return httpx.Client(timeout=_TIMEOUT, follow_redirects=True, event_hooks=hooks, verify=certificates)
    except (ImportError, ValueError, httpx.InvalidURL) as error:  # ImportError: a kind of proxy that needs a package
        told = _quote_set(_PROXIES) or "the system's settings have it"
        raise ICLightError(f"The proxy can't be used ({shorten(str(error))}; {told}): {_ADVICE}") from error


def describe_distrust(error: BaseException) -> str:
    """Why a server's certificate was refused, with what to do; empty if an error came of something else."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLCertVerificationError):
        cause = cause.__cause__ or cause.__context__
    if cause is None:
        return ""
    told = _quote_set(_CERTIFICATES[:2])
    other = "if your network puts certificates of its own in their place, set SSL_CERT_FILE to a file that holds them"
    advice = f"{told}: {_ADVICE.rstrip('.')}" if told else other
    return f"the server's certificate isn't trusted: {shorten(cause.verify_message)}; {advice}"


@functools.lru_cache(maxsize=1)
def _read_certificates(file: str, folder: str, key_log: str) -> ssl.SSLContext:
    """Key: the variables' values. Bound: one, as it takes 20 ms to read. Emptied by: other values.

    :raises ICLightError: a variable leads nowhere. (Old versions of httpx would ignore it, newer ones trust nobody.)
    """
    import httpx

    if file and not Path(file).is_file():
        raise ICLightError(f"{_quote('SSL_CERT_FILE')}, and there is no such file: {_ADVICE}")
    # OpenSSL takes several folders in one variable, and httpx none of them where there is a file
    if folder and not file and not any(Path(each).is_dir() for each in folder.split(os.pathsep)):
        raise ICLightError(f"{_quote('SSL_CERT_DIR')}, and there is no such folder: {_ADVICE}")
    try:
        return httpx.create_ssl_context()
    except OSError as error:  # ssl.SSLError is one: the file holds no certificates
        reason, told = shorten(error.strerror or str(error)), _quote_set(_CERTIFICATES) or "no variable is set"
        raise ICLightError(f"Certificates can't be read ({reason}; {told}): {_ADVICE}") from error


def _is_address(text: str) -> bool:
    """Whether a text is an address that a path can be put behind."""
    import httpx

    if not re.fullmatch(r"(?i)https?://[^\s?#]+", text):
        return False
    try:
        url = httpx.URL(text)
        url.host.encode("idna")  # as the system's resolver will
        return bool(url.host) and (url.port or 0) < 1 << 16
    except (httpx.InvalidURL, UnicodeError):
        return False


def _quote(name: str) -> str:
    """An environment variable and its value, without the password that it may hold."""
    value = re.sub(r"//[^/@]*@", "//…@", os.environ.get(name, os.environ.get(name.lower(), "")))
    return f"{name} is {shorten(value)!r}"


def _quote_set(names: Iterable[str]) -> str:
    """Those of the variables that are set, in upper or lower case."""
    return ", ".join(_quote(name) for name in names if os.environ.get(name) or os.environ.get(name.lower()))
