"""A network's view for evaluation: the owner's weights as they are at the moment, norms and ReLUs in place.

PyTorch cannot tell when a weight changed: writes through `.data`, NumPy or a fused optimiser leave its version alone.
So nothing that depends on weights is kept. Each call sees the modules as they are, in evaluation mode, with the owner's
own parameters, and leaves the modules alone: any number of threads may call. A norm or a ReLU overwrites what the layer
before made, where nobody else has it; that saves as much as folding norms into kernels does.
"""

from __future__ import annotations

import threading
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import nn
from torch.nn import functional

HAS_ONEDNN = torch.backends.mkldnn.is_available()
HEAVY = 4  # a kernel of so many times the values of input and output is not worth turning to channels last


class Evaluation:
    """Runs one network; remembers which of its layers hand their output to the next layer and to nobody else."""

    def __init__(self) -> None:
        self._is_handed_on: WeakKeyDictionary[nn.Module, bool] = WeakKeyDictionary()
        self._lock = threading.Lock()

    def run(self, net: nn.Module, *inputs: torch.Tensor) -> Any:
        """Return what the network in evaluation mode makes of the inputs; `net` stays in the mode it has."""
        while True:
            try:
                return settled(self._view(net)(*inputs))
            except OverwrittenError as error:  # never with the zoo's networks; the inputs are still there
                self.learn(error.layer, False)

    def is_handed_on(self, layer: nn.Module) -> bool | None:
        """Tell whether only the next layer takes the output; None if it was not seen yet."""
        return self._is_handed_on.get(layer)

    def learn(self, layer: nn.Module, is_handed_on: bool) -> None:
        """Note whether only the next layer takes the output; once it was another, that is final."""
        with self._lock:
            self._is_handed_on[layer] = is_handed_on and self._is_handed_on.get(layer, True)

    def _view(self, net: nn.Module) -> nn.Module:
        modules = list(net.modules())
        if any(isinstance(m, torch.jit.ScriptModule) or "forward" in m.__dict__ for m in modules):
            return net.eval()  # what holds on to its own modules cannot be seen through others
        call = Call(self)
        views: dict[nn.Module, nn.Module] = {module: blank(module) for module in modules}
        for module, view in views.items():
            dress(module, view, views, call)
        return views[net]


class OverwrittenError(Exception):
    """Someone asks for the output of a layer that the next layer has overwritten."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__(layer)
        self.layer = layer


class Call:
    """One pass through the network, on one thread."""

    def __init__(self, evaluation: Evaluation) -> None:
        self.evaluation = evaluation
        self.last: tuple[nn.Module, torch.Tensor] | None = None  # a layer that is not known yet, and its output

    def give(self, layer: nn.Module, output: torch.Tensor) -> Any:
        """Hand the output of a layer to whoever is next."""
        known = self.evaluation.is_handed_on(layer)
        if known:
            return Fresh(layer, output, self.evaluation)
        if known is None:
            self.last = (layer, output)
        return output

    def take(self, x: Any) -> tuple[torch.Tensor, bool]:
        """Return the values, and whether they may be overwritten."""
        if isinstance(x, Fresh) and not x.is_shared:
            return x.take(), True
        if self.last is not None and self.last[1] is x:
            self.evaluation.learn(self.last[0], True)
        self.last = None
        return settled(x), False


class Fresh:
    """The output of a layer that the next one may overwrite; anyone else who looks at it gets a tensor."""

    def __init__(self, layer: nn.Module, output: torch.Tensor, evaluation: Evaluation) -> None:
        self.layer, self.evaluation = layer, evaluation
        self.output: torch.Tensor | None = output
        self.is_shared = False

    def take(self) -> torch.Tensor:
        """Return the output, to be overwritten."""
        output, self.output = self.output, None
        if output is None:
            raise OverwrittenError(self.layer)
        return output

    def settle(self) -> torch.Tensor:
        """Return the output, which from now on nobody may overwrite."""
        if self.output is None:
            raise OverwrittenError(self.layer)
        if not self.is_shared:
            self.is_shared = True
            self.evaluation.learn(self.layer, False)
        return self.output

    def __getattr__(self, name: str) -> Any:
        return getattr(self.settle(), name)

    @classmethod
    def __torch_function__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return function(*settled(args), **settled(kwargs or {}))


def settled(value: Any) -> Any:
    """Replace what is fresh by its tensor, in containers as well."""
    if isinstance(value, Fresh):
        return value.settle()
    if type(value) is dict:
        return {key: settled(item) for key, item in value.items()}
    return type(value)(settled(item) for item in value) if type(value) in (list, tuple) else value


def _operator(name: str) -> Any:
    return lambda self, *args: getattr(self.settle(), name)(*settled(args))


OPERATORS = (  # Python looks these up in the class
    "add radd iadd sub rsub isub mul rmul imul truediv rtruediv itruediv floordiv rfloordiv mod pow rpow "
    "matmul rmatmul neg abs invert and or xor lt le gt ge eq ne getitem setitem len iter bool float int"
)
for _name in OPERATORS.split():
    setattr(Fresh, f"__{_name}__", _operator(f"__{_name}__"))


class View(nn.Module):
    """Stands for one layer during one call."""

    original: Any
    call: Call


class Conv2dView(View, nn.Conv2d):
    """A convolution of pictures."""

    def forward(self, x: Any) -> Any:
        x = settled(x)
        return self.call.give(self.original, convolve(self.original, x))


class Conv3dView(View, nn.Conv3d):
    """A convolution of volumes."""

    def forward(self, x: Any) -> Any:
        return self.call.give(self.original, convolve_volumes(self.original, settled(x)))


class BatchNorm2dView(View, nn.BatchNorm2d):
    """A norm of pictures."""

    def forward(self, x: Any) -> Any:
        return self.call.give(self.original, normalise(self.original, *self.call.take(x)))


class BatchNorm3dView(View, nn.BatchNorm3d):
    """A norm of volumes."""

    def forward(self, x: Any) -> Any:
        return self.call.give(self.original, normalise(self.original, *self.call.take(x)))


class ReLUView(View, nn.ReLU):
    """A rectifier."""

    def forward(self, x: Any) -> torch.Tensor:
        x, is_free = self.call.take(x)
        return functional.relu(x, inplace=is_free or self.inplace)


VIEWS: dict[type, type[View]] = {
    nn.Conv2d: Conv2dView,
    nn.Conv3d: Conv3dView,
    nn.BatchNorm2d: BatchNorm2dView,
    nn.BatchNorm3d: BatchNorm3dView,
    nn.ReLU: ReLUView,
}


def blank(module: Any) -> nn.Module:
    """Return an empty view of one module; what has hooks, or a norm that always uses the batch, is left as it is."""
    kind: type = VIEWS.get(type(module), type(module))
    if module._forward_hooks or module._forward_pre_hooks or getattr(module, "running_mean", True) is None:
        kind = type(module)
    view: nn.Module = object.__new__(kind)
    return view


def dress(module: nn.Module, view: nn.Module, views: dict[nn.Module, nn.Module], call: Call) -> None:
    """Give a view the attributes, parameters and buffers of its module, evaluation mode, and views for children."""
    own = view.__dict__
    own.update(module.__dict__)
    own["training"] = False
    if isinstance(view, View):
        own["original"], own["call"] = module, call
    if module._modules:
        own["_modules"] = {name: child if child is None else views[child] for name, child in module._modules.items()}
    if not type(module).__module__.startswith("torch.nn."):
        for name, value in module.__dict__.items():  # modules that are listed a second time, outside of `_modules`
            if type(value) in (list, tuple, dict) and not name.startswith("_"):
                own[name] = viewed(value, views)


def viewed(value: Any, views: dict[nn.Module, nn.Module]) -> Any:
    """Replace modules by their views, in containers as well."""
    if isinstance(value, nn.Module):
        return views.get(value, value)
    if type(value) is dict:
        return {key: viewed(item, views) for key, item in value.items()}
    return type(value)(viewed(item, views) for item in value) if type(value) in (list, tuple) else value


def convolve(conv: Any, x: torch.Tensor) -> torch.Tensor:
    """Convolve pictures; where the kernel is large beside them, they change their layout and not the kernel."""
    weight = conv.weight
    if conv.kernel_size != (1, 1) and weight.numel() > HEAVY * x.numel() and channels_lie_last(x):
        return channels_last(nn.Conv2d.forward(conv, x.contiguous()))
    return nn.Conv2d.forward(conv, x)


def convolve_volumes(conv: Any, x: torch.Tensor) -> torch.Tensor:
    """Convolve volumes; PyTorch sends a single one that it takes for small to a path 2 to 9 times as slow as oneDNN."""
    is_single = x.shape[0] == 1 and x.ndim == 5 and max(conv.kernel_size) > 1 and conv.groups == 1
    is_plain = x.dtype == conv.weight.dtype == torch.float32 and x.device.type == "cpu"
    is_padded_by_zeros = conv.padding_mode == "zeros" and not isinstance(conv.padding, str)
    if is_single and is_plain and is_padded_by_zeros and torch.backends.mkldnn.enabled and HAS_ONEDNN:
        shape = conv.padding, conv.stride, conv.dilation, conv.groups
        return torch.mkldnn_convolution(x, conv.weight, conv.bias, *shape)
    return nn.Conv3d.forward(conv, x)


def normalise(norm: Any, x: torch.Tensor, is_free: bool) -> torch.Tensor:
    """Normalise with the running statistics; overwrite `x` if it is free."""
    mean, variance, weight, bias = norm.running_mean, norm.running_var, norm.weight, norm.bias
    if x.dtype != mean.dtype or not channels_lie_last(x):
        return functional.batch_norm(x, mean, variance, weight, bias, training=False, eps=norm.eps)
    scale = (variance + norm.eps).rsqrt_()
    if weight is not None:
        scale *= weight
    shift = mean * -scale if bias is None else torch.addcmul(bias, mean, scale, value=-1)
    scale, shift = scale.view(-1, 1, 1), shift.view(-1, 1, 1)
    return torch.addcmul(shift, x, scale, out=x) if is_free else torch.addcmul(shift, x, scale)


def channels_lie_last(x: torch.Tensor) -> bool:
    """Tell whether these are pictures on the CPU with their channels last, for which plain arithmetic is fast."""
    return x.ndim == 4 and x.device.type == "cpu" and x.is_contiguous(memory_format=torch.channels_last)


def channels_last(value: torch.Tensor) -> torch.Tensor:
    """Lay pictures out with their channels last, which convolutions on a CPU prefer."""
    if value.ndim != 4 or value.dtype != torch.float32:
        return value
    n, c, h, w = value.shape
    laid_out = value.contiguous(memory_format=torch.channels_last)
    # with one channel both layouts are the same memory, and the steps alone say which one the network is to keep
    return laid_out.as_strided((n, c, h, w), (h * w, 1, w, 1)) if c == 1 else laid_out
