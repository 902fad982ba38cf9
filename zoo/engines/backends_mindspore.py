"""Prepare MindSpore once per process: the environment, the CPU's convolution kernels, the device."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

os.environ.setdefault("GLOG_v", "3")  # errors only; must be set before mindspore is imported
os.environ.setdefault("MS_EXCEPTION_DISPLAY_LEVEL", "1")

import mindspore

from zoo.common.errors import BackendError
from zoo.engines.backends_launch import SCHEDULER, place

AVX2 = 0x7  # dnnl_cpu_isa_avx2 of oneDNN's C interface


_prepared: list[str] = []  # the one device of this process


def has_device(device: str) -> bool:
    """Tell whether `cpu`, `ascend` or `ascend:<index>` can be used; of Ascend, whether its plugin and CANN load."""
    from mindspore._c_expression import MSContext

    return device == "cpu" or bool(MSContext.get_instance().is_pkg_support_device("Ascend"))


def prepare(device: str) -> None:
    """Set the process up for `device`, before the first operator; BackendError where it is set up for another one."""
    if _prepared:
        if _prepared != [device]:
            raise BackendError(
                f"device {device} given; MindSpore runs on {_prepared[0]} in this process, and a process has one "
                "device: use that one, or another process"
            )
        return
    if device == "cpu":
        _cap_convolution_kernels()
        # without these two a second thread busy-waits for every operator: training takes 1.5 to 28 times as long
        os.environ.setdefault("MS_DEV_HOST_BLOCKING_RUN", "1")
        mindspore.runtime.launch_blocking()
    else:
        try:
            mindspore.set_device("Ascend", _index(device))
        except RuntimeError as error:
            raise BackendError(f"{device}: {str(error).splitlines()[0]}; use device='cpu' or another number") from error
    if place().launcher == "msrun":
        _join("mccl" if device == "cpu" else "hccl")
    _prepared.append(device)


def _join(way: str) -> None:
    """Get in touch with the other processes of msrun, before the first operator; the scheduler does not come back."""
    from mindspore import communication

    try:
        communication.init(way)
    except RuntimeError as error:
        told = str(error).splitlines()[0]
        raise BackendError(f"msrun: {told}; expected processes that reach each other, or one process") from error
    if place().rank == SCHEDULER:
        raise SystemExit(0)


def _index(device: str) -> int:
    number = device.split(":")[1] if ":" in device else os.environ.get("DEVICE_ID", "0")
    if not number.isdecimal():
        raise BackendError(f"DEVICE_ID is {number!r}; expected the number of an Ascend device, from 0")
    return int(number)


def _cap_convolution_kernels() -> None:
    # On AVX-512 machines the bundled oneDNN picks a reference convolution for MindSpore's plain layouts (45 to 140
    # times slower); limited to AVX2 it picks the matrix-product one. The environment variable would also slow PyTorch.
    library = Path(mindspore.__file__).parent / "lib" / "libdnnl.so.3"
    if library.exists():
        ctypes.CDLL(str(library)).dnnl_set_max_cpu_isa(AVX2)
