"""NIR files to models, and models to NIR files."""

from __future__ import annotations

from nmc.frontends.nir.conventions import PROFILES, Conventions
from nmc.frontends.nir.load import Options, load
from nmc.frontends.nir.save import save

__all__ = ["PROFILES", "Conventions", "Options", "load", "save"]
