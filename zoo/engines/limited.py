"""Builds the network that a weight file describes, without taking more memory than such a file can need."""

from __future__ import annotations

from zoo.common.errors import CheckpointError, WeightsError, ZooError
from zoo.common.types import Arrays
from zoo.common.weights.allowance import allowance
from zoo.engines.engine import Engine, open_engine
from zoo.registry.package import Package

# a network may hold tables beside its weights, and be built for more classes or channels than the file
VALUES, SPARE_VALUES = 4, 1 << 22
TENSORS, SPARE_TENSORS = 8, 1000


def open_described(
    package: Package, config: object, framework: str, device: str, weights: Arrays, source: str
) -> Engine:
    """Build the network of a configuration out of a file.

    Raises WeightsError when it would hold far more than the file does, CheckpointError when it cannot be built.
    """
    values = VALUES * sum(value.size for value in weights.values()) + SPARE_VALUES
    try:
        with allowance(values, TENSORS * len(weights) + SPARE_TENSORS):
            if framework == "torch":
                from zoo.engines.limited_torch import try_out

                try_out(package.net(framework), config)
            return open_engine(package, config, framework, device)
    except WeightsError as error:
        raise WeightsError(f"{source}: {error}") from error
    except ZooError:
        raise
    except (ArithmeticError, LookupError, TypeError, ValueError, RuntimeError, AttributeError, MemoryError) as error:
        reason = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:200]}"
        raise CheckpointError(
            f"{source}: no network can be built from its configuration ({reason}); "
            "the file was changed by hand, or written by another version"
        ) from error
