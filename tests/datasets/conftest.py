"""Packages that read data, which are extras."""

from __future__ import annotations

from types import ModuleType

import pytest

from needs import extra


@pytest.fixture
def pillow() -> ModuleType:
    return extra("PIL.Image")


@pytest.fixture
def h5py() -> ModuleType:
    return extra("h5py")
