"""What holds for every test: required frameworks are there, and the user's own cache is left alone."""

from __future__ import annotations

import importlib.util
import os

import pytest

FRAMEWORKS = ("torch", "mindspore")


def pytest_configure() -> None:
    """Fail when a framework that ZOO_REQUIRE names is missing; without it, tests of a missing framework skip."""
    required = [name for name in os.environ.get("ZOO_REQUIRE", "").split(",") if name]
    if missing := [name for name in required if importlib.util.find_spec(name) is None]:
        raise pytest.UsageError(f"ZOO_REQUIRE names {', '.join(missing)}, not installed; run `make test`")


def skip_without(framework: str) -> None:
    """Skip a test whose framework is not on this machine; CI names both in ZOO_REQUIRE and never comes here."""
    if importlib.util.find_spec(framework) is None:
        pytest.skip(f"{framework} is not installed")


@pytest.fixture(params=FRAMEWORKS)
def framework(request: pytest.FixtureRequest) -> str:
    """Run a test once per framework."""
    skip_without(request.param)
    return str(request.param)


@pytest.fixture
def both_frameworks() -> tuple[str, ...]:
    """Run a test that compares the frameworks; the names in the order of FRAMEWORKS."""
    for name in FRAMEWORKS:
        skip_without(name)
    return FRAMEWORKS


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Give every run of the suite a cache of weights of its own."""
    monkeypatch.setenv("ZOO_HOME", str(tmp_path_factory.getbasetemp() / "zoo-home"))
