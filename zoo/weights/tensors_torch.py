"""Turn a file of torch.save into safetensors, in its own process: `python -m zoo.weights.tensors_torch FROM TO`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import torch

INNER = (
    "state_dict",
    "model_state_dict",
    "network_weights",
    "model",
    "net",
    "weights",
    "params",
)  # where others keep it


def tensors_of(content: Any, depth: int = 3) -> dict[str, torch.Tensor]:
    """Return the tensors by name of whatever was saved: a state dict, or one inside a training state; {} for none."""
    if not isinstance(content, Mapping):
        return {}
    found = {str(name): value for name, value in content.items() if isinstance(value, torch.Tensor)}
    if found or not depth:
        return found
    inner = (tensors_of(content[name], depth - 1) for name in INNER if name in content)
    return next((tensors for tensors in inner if tensors), {})


def main(source: str, target: str) -> str:
    """Read with weights_only=True, which executes nothing; return what is wrong, "" for nothing."""
    from safetensors.torch import save_file

    try:
        content = torch.load(source, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a hostile or broken file may cause; this process does nothing else
        return f"torch.load(weights_only=True) refuses it: {str(error).splitlines()[0] if str(error) else type(error)}"
    tensors = tensors_of(content)
    if not tensors:
        kind = (
            f"keys {', '.join(map(str, list(content)[:5]))}" if isinstance(content, Mapping) else type(content).__name__
        )
        return f"holds no tensors by name ({kind})"
    save_file({name: value.detach().clone().contiguous() for name, value in tensors.items()}, target)
    return ""


if __name__ == "__main__":
    problem = main(sys.argv[1], sys.argv[2])
    sys.stderr.write(problem)
    sys.exit(bool(problem))
