"""The PyTorch engine: one network, its optimiser and its device behind NumPy arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch.fx.experimental.optimization import fuse
from torch.fx.proxy import TraceError

from zoo.common.recipe import Recipe
from zoo.common.types import Arrays
from zoo.engines.engine import decays, rate_factor
from zoo.registry.package import Package

BETAS, EPSILON = (0.9, 0.999), 1e-8  # Kingma & Ba 2015, algorithm 1


def has_device(device: str) -> bool:
    """Tell whether `cpu`, `cuda` or `cuda:<index>` can be used."""
    if not device.startswith("cuda"):
        return device == "cpu"
    index = int(device.split(":")[1]) if ":" in device else 0
    return torch.cuda.is_available() and index < torch.cuda.device_count()


class TorchEngine:
    """Runs and trains the `Net` of a package's net_torch.py."""

    framework = "torch"

    def __init__(self, package: Package, config: Any, device: str) -> None:
        self.device = device
        self._config = config
        self._losses = package.losses("torch")
        self.net = package.net("torch")(config).to(device).eval()
        self._fast_net: torch.nn.Module | None = None  # evaluation copy with folded norms, rebuilt after each change
        self._recipe = Recipe()
        self._optimiser: torch.optim.Optimizer | None = None
        self._average: dict[str, torch.Tensor] = {}

    def forward(self, inputs: Arrays) -> dict[str, np.ndarray]:
        """Run the network in evaluation mode on a batch."""
        with torch.inference_mode():
            outputs = self._evaluation_net()(*self._tensors(inputs).values())
        return {name: value.float().cpu().numpy() for name, value in outputs.items()}

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name every weight with its shape."""
        return {name: tuple(value.shape) for name, value in self._state().items()}

    def weights(self, *, averaged: bool = False) -> dict[str, np.ndarray]:
        """Copy the weights, or their moving average, out of the network."""
        state = self._average if averaged and self._average else self._state()
        return {name: value.detach().cpu().numpy().copy() for name, value in state.items()}

    def load(self, weights: Arrays) -> None:
        """Put weights in; names and shapes are exactly those of `shapes()`."""
        with torch.no_grad():
            for name, value in self._state().items():
                value.copy_(torch.from_numpy(np.array(weights[name])))
        self._fast_net = None

    def start_training(self, recipe: Recipe, head: tuple[str, ...]) -> None:
        """Build the optimiser; `head` names the prefixes that train at the full rate."""
        self._recipe = recipe
        groups: dict[tuple[float, float], list[torch.nn.Parameter]] = {}
        for name, parameter in self.net.named_parameters():
            parameter.requires_grad_(not name.startswith(recipe.freeze or ("\0",)))
            if parameter.requires_grad:
                decay = recipe.weight_decay if decays(parameter.shape) else 0.0
                groups.setdefault((rate_factor(name, recipe, head), decay), []).append(parameter)
        options = [{"params": p, "factor": factor, "weight_decay": decay} for (factor, decay), p in groups.items()]
        if recipe.optimiser == "sgd":
            self._optimiser = torch.optim.SGD(options, lr=0.0, momentum=recipe.momentum)
        else:
            self._optimiser = torch.optim.AdamW(options, lr=0.0, betas=BETAS, eps=EPSILON)
        self._average = {n: v.detach().clone() for n, v in self._state().items()} if recipe.ema_decay else {}

    def step(self, inputs: Arrays, targets: Arrays, learning_rate: float, seed: int) -> dict[str, float]:
        """Update the weights once; leave them alone when the loss or a gradient is not finite."""
        optimiser = self._optimiser
        if optimiser is None:
            raise RuntimeError("start_training() comes before step()")
        torch.manual_seed(seed)
        self._train_mode()
        terms = self._terms(inputs, targets)
        total = torch.stack(list(terms.values())).sum()
        values = {name: float(value.detach()) for name, value in terms.items()}
        if not bool(torch.isfinite(total)):
            return {**values, "grad_norm": float("nan")}
        optimiser.zero_grad(set_to_none=True)
        total.backward()
        parameters = [p for group in optimiser.param_groups for p in group["params"]]
        norm = torch.nn.utils.clip_grad_norm_(parameters, self._recipe.clip_norm or float("inf"))
        if bool(torch.isfinite(norm)):
            for group in optimiser.param_groups:
                group["lr"] = learning_rate * group["factor"]
            optimiser.step()
            self._update_average()
            self._fast_net = None
        return {**values, "grad_norm": float(norm)}

    def training_state(self) -> dict[str, np.ndarray]:
        """Copy the optimiser's state and the moving average."""
        state = {f"average.{name}": value.cpu().numpy().copy() for name, value in self._average.items()}
        for name, parameter in self.net.named_parameters():
            for key, value in (self._optimiser.state[parameter] if self._optimiser else {}).items():
                if value is not None:
                    state[f"{key}.{name}"] = torch.as_tensor(value).detach().cpu().numpy().copy()
        return state

    def load_training_state(self, state: Mapping[str, np.ndarray]) -> None:
        """Continue from `training_state()` of an equal run."""
        parameters = dict(self.net.named_parameters())
        for full_name, array in state.items():
            key, name = full_name.split(".", 1)
            value = torch.from_numpy(np.array(array))
            if key == "average":
                self._average[name] = value.to(self.device)
            elif self._optimiser is not None:
                on_device = value if key == "step" else value.to(self.device)
                self._optimiser.state[parameters[name]][key] = on_device

    def _state(self) -> dict[str, torch.Tensor]:
        return {k: v for k, v in self.net.state_dict().items() if not k.endswith("num_batches_tracked")}

    def _tensors(self, arrays: Arrays) -> dict[str, torch.Tensor]:
        tensors = {k: torch.from_numpy(np.ascontiguousarray(v)).to(self.device) for k, v in arrays.items()}
        return {k: _channels_last(v) for k, v in tensors.items()}

    def _evaluation_net(self) -> torch.nn.Module:
        if self._fast_net is None:
            self.net.eval()
            try:  # folded norms change the outputs by about 1e-6 and save a tenth of the time
                self._fast_net = fuse(self.net)
            except TraceError:  # networks whose flow depends on values run as they are: same numbers
                self._fast_net = self.net
            if self._fast_net is not self.net:
                for weight in self._fast_net.parameters():
                    weight.data = _channels_last(weight.data)
        return self._fast_net.eval()

    def _train_mode(self) -> None:
        self.net.train()
        for name, module in self.net.named_modules():
            if name and f"{name}.".startswith(self._recipe.freeze or ("\0",)):
                module.eval()  # frozen norms keep their running statistics

    def _terms(self, inputs: Arrays, targets: Arrays) -> dict[str, torch.Tensor]:
        kind = self.device.split(":")[0]
        precise = not (self._recipe.mixed_precision and kind != "cpu")
        with torch.autocast(kind, dtype=torch.bfloat16, enabled=not precise):
            outputs = self.net(*self._tensors(inputs).values())
        return self._losses({k: v.float() for k, v in outputs.items()}, self._tensors(targets), self._config)

    def _update_average(self) -> None:
        for name, value in (self._state() if self._average else {}).items():
            self._average[name].lerp_(value.detach(), 1 - self._recipe.ema_decay)


def _channels_last(value: torch.Tensor) -> torch.Tensor:
    is_image = value.ndim == 4 and value.dtype == torch.float32
    return value.contiguous(memory_format=torch.channels_last) if is_image else value
