"""Builds the network that a weight file describes, without taking more memory than such a file can need."""

from __future__ import annotations

from typing import NamedTuple

from zoo.common.errors import CheckpointError, ConfigError, WeightsError, ZooError
from zoo.common.types import Arrays
from zoo.common.weights.allowance import allowance
from zoo.engines.engine import UNREDUCED, Engine, open_engine
from zoo.registry.package import Package

# a network may hold tables beside its weights, and be built for more classes or channels than the file
VALUES, SPARE_VALUES = 4, 1 << 22
TENSORS, SPARE_TENSORS = 8, 1000


class Limit(NamedTuple):
    """What a network may hold."""

    values: int
    tensors: int


ASKED = Limit(2**28, 20_000)  # 1 GiB of weights; the largest network of the zoo holds a third of that


def open_described(
    package: Package,
    config: object,
    framework: str,
    device: str,
    weights: Arrays,
    source: str,
    precision: str = UNREDUCED,
) -> Engine:
    """Build the network of a configuration out of a file.

    Raises WeightsError when it would hold far more than the file does, CheckpointError when it cannot be built.
    """
    limit = Limit(
        VALUES * sum(value.size for value in weights.values()) + SPARE_VALUES, TENSORS * len(weights) + SPARE_TENSORS
    )
    try:
        return _open_limited(package, config, framework, device, limit, precision)
    except WeightsError as error:
        raise WeightsError(f"{source}: {error}; the file was changed by hand, or is not of this algorithm") from error
    except BuildError as error:
        raise CheckpointError(
            f"{source}: {error}; the file was changed by hand, or written by another version"
        ) from error.__cause__


def open_asked(package: Package, config: object, framework: str, device: str, precision: str = UNREDUCED) -> Engine:
    """Build the network of a configuration that a user asks for; ConfigError when it is far too large, or cannot be."""
    try:
        return _open_limited(package, config, framework, device, ASKED, precision)
    except (WeightsError, BuildError) as error:
        raise ConfigError(
            f"{package.entry.name}: {error}; expected at most {ASKED.values:,} weights. Lower channels, depth or sizes"
        ) from error


class BuildError(Exception):
    """No network can be built; `__cause__` is what its code raised."""


def _open_limited(
    package: Package, config: object, framework: str, device: str, limit: Limit, precision: str
) -> Engine:
    try:
        with allowance(limit.values, limit.tensors):
            if framework == "torch":
                from zoo.engines.limited_torch import try_out

                try_out(package.net(framework), config)
            return open_engine(package, config, framework, device, precision)
    except ZooError:
        raise
    except (ArithmeticError, LookupError, TypeError, ValueError, RuntimeError, AttributeError, MemoryError) as error:
        reason = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:200]}"
        raise BuildError(f"no network can be built from its configuration ({reason})") from error
