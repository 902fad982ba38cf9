"""A configuration that would take all memory, or makes no network, is refused before anything is built."""

import resource
from dataclasses import fields
from typing import Any

import pytest

import zoo
from zoo.common.errors import ConfigError, ZooError
from zoo.registry import find
from zoo.registry.package import Package

from .models.harness import NAMES

TINY: dict[str, Any] = {"checkpoint": None, "variant": "tiny"}


def values(name: str) -> dict[str, Any]:
    """Return the fields of an algorithm's configuration, as its tiny variant has them."""
    config = Package(find(name)).config.VARIANTS["tiny"]
    return {field.name: getattr(config, field.name) for field in fields(config)}


def peak_mib() -> float:
    """Return the most memory that this process ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@pytest.mark.parametrize("name", NAMES)
def test_grids_that_take_gigabytes_or_none_at_all_are_refused(name: str, framework: str) -> None:
    sizes = {field: value for field, value in values(name).items() if field.endswith("_size") and value}
    for field, value in sizes.items():
        for side in (100_000, 0, -64):
            with pytest.raises(ConfigError, match=field):
                zoo.load(name, backend=framework, **TINY, **{field: (side,) * len(value)})


@pytest.mark.parametrize("name", NAMES)
def test_whole_numbers_are_positive_and_reserve_no_gigabytes(name: str, framework: str) -> None:
    zoo.load(name, backend=framework, **TINY)
    before = peak_mib()
    for field, value in values(name).items():
        if type(value) is not int:
            continue
        with pytest.raises(ConfigError, match=field):
            zoo.load(name, backend=framework, **TINY, **{field: -1})
        try:
            zoo.load(name, backend=framework, **TINY, **{field: 10_000_000})
        except ZooError as error:
            assert field in str(error) or "weights" in str(error)

    assert peak_mib() - before < 2500


def test_a_network_that_is_far_too_large_is_said_so_with_the_limit(framework: str) -> None:
    with pytest.raises(ConfigError, match=r"2D-UNet: .*far more weights.*at most 268,435,456 weights"):
        zoo.load("2D-UNet", backend=framework, **TINY, width=100_000)


@pytest.mark.parametrize("name", ["3D-UNet", "UNETR", "U-CSRNet"])
def test_windows_that_hardly_move_are_refused(name: str, framework: str) -> None:
    with pytest.raises(ConfigError, match=r"overlap is 0\.999; expected less than or equal to 0\.9"):
        zoo.load(name, backend=framework, **TINY, overlap=0.999)
