"""Where nmc keeps what it can make again."""

from __future__ import annotations

import os
from pathlib import Path


def cache_directory() -> Path:
    """$NMC_CACHE, else $XDG_CACHE_HOME/nmc, else ~/.cache/nmc."""
    if own := os.environ.get("NMC_CACHE"):
        cache = Path(own)
    elif shared := os.environ.get("XDG_CACHE_HOME"):
        cache = Path(shared) / "nmc"
    else:
        cache = Path.home() / ".cache" / "nmc"
    return Path(os.path.abspath(cache))  # noqa: PTH100 - resolve() would follow links
