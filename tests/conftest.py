"""What holds for every test: required frameworks are there, and the user's own cache is left alone."""

from __future__ import annotations

import importlib.util
import os
from typing import Any

import pytest

FRAMEWORKS = ("torch", "mindspore")
ENDED: dict[str, object] = {}  # tests during which a process of tests ended, and its exit status


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


@pytest.hookimpl(optionalhook=True)
def pytest_handlecrashitem(crashitem: str, report: pytest.TestReport, sched: Any) -> None:
    """Give a test whose process ended to another process, once; what ends that, too, has failed.

    Now and then one was gone after hundreds of tests, in a test that passes a hundred times alone, and Python's fault
    handler told of nothing. One cause was found, a stack for signals that OpenVINO took away; so the status is told.
    """
    if crashitem not in ENDED:
        process = report.node.gateway._io.popen
        ENDED[crashitem] = process.wait(timeout=60)
        report.outcome = "rerun"  # type: ignore[assignment]
        sched.mark_test_pending(crashitem)


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, str] | None:
    """Show what is given to another process."""
    return ("rerun", "R", "RERUN") if str(report.outcome) == "rerun" else None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say during which tests a process ended."""
    for name, status in ENDED.items():
        terminalreporter.write_line(f"a process of tests ended ({status}) in {name}, which another one was given")
