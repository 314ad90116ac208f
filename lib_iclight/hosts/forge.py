"""Stable Diffusion WebUI Forge, main branch: which of each axis it has."""

from __future__ import annotations

from backend import memory_management

from . import Host
from .backend_patcher import BackendPatcher
from .first_stage import FirstStageVAE
from .forge_webui import ForgeWebUI


def forge_host() -> Host:
    """The host as the script hands it to the hooks."""
    return Host(ForgeWebUI(), BackendPatcher(), FirstStageVAE(lambda: memory_management.VAE_ALWAYS_TILED))
