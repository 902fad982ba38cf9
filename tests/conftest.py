"""What holds for every test: required frameworks are there, and the user's own cache is left alone."""

from __future__ import annotations

import importlib.util
import os

import pytest


def pytest_configure() -> None:
    """Fail when a framework that ZOO_REQUIRE names is missing; without it, tests of a missing framework skip."""
    required = [name for name in os.environ.get("ZOO_REQUIRE", "").split(",") if name]
    if missing := [name for name in required if importlib.util.find_spec(name) is None]:
        raise pytest.UsageError(f"ZOO_REQUIRE names {', '.join(missing)}, not installed; run `make test`")


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Give every run of the suite a cache of weights of its own."""
    monkeypatch.setenv("ZOO_HOME", str(tmp_path_factory.getbasetemp() / "zoo-home"))
