"""IC-Light relighting for Stable Diffusion WebUI Forge: see design notes in README.md, "How it works"."""

from __future__ import annotations

__version__ = "0.1.0"
