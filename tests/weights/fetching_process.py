"""A fetch in a process of its own, which tells how far it is and can be killed."""

from __future__ import annotations

import multiprocessing
import os
from dataclasses import asdict
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

from lib_iclight.weights.fetch import fetch
from lib_iclight.weights.manifest import ManifestFile


def _run(values: dict, folder: Path, endpoint: str, teller: Connection) -> None:
    os.environ.update(HF_ENDPOINT=endpoint, NO_PROXY="127.0.0.1")
    os.environ.pop("HF_HUB_OFFLINE", None)
    fetch(ManifestFile(**values), folder, lambda progress: teller.send(progress.received))


def start_process(file: ManifestFile, folder: Path, endpoint: str) -> tuple[BaseProcess, Connection]:
    """Start one; the connection gives the stored bytes after each piece, and ends with the process."""
    # each is forked from a server that has imported everything: torch takes seconds
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    hearer, teller = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(asdict(file), folder, endpoint, teller), daemon=True)
    process.start()
    teller.close()
    return process, hearer
