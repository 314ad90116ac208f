"""The API's room borrows the fetching tests' server."""

from __future__ import annotations

from ..weights.conftest import server

__all__ = ["server"]
