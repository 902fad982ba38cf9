"""Prepare MindSpore once per process: the environment, the CPU's convolution kernels, the device."""

from __future__ import annotations

import ctypes
import functools
import os
from pathlib import Path

os.environ.setdefault("GLOG_v", "3")  # errors only; must be set before mindspore is imported
os.environ.setdefault("MS_EXCEPTION_DISPLAY_LEVEL", "1")

import mindspore

AVX2 = 0x7  # dnnl_cpu_isa_avx2 of oneDNN's C interface


def has_ascend() -> bool:
    """Tell whether MindSpore's Ascend plugin and CANN can be loaded; prints nothing."""
    from mindspore._c_expression import MSContext

    return bool(MSContext.get_instance().is_pkg_support_device("Ascend"))


@functools.cache
def prepare(device: str) -> None:
    """Set the process up for `device` ("cpu" or "ascend"); before the first operator."""
    if device == "ascend":
        mindspore.set_device("Ascend", int(os.environ.get("DEVICE_ID", "0")))
        return
    _cap_convolution_kernels()
    # without these two a second thread busy-waits for every operator: training takes 1.5 to 28 times as long
    os.environ.setdefault("MS_DEV_HOST_BLOCKING_RUN", "1")
    mindspore.runtime.launch_blocking()


def _cap_convolution_kernels() -> None:
    # On AVX-512 machines the bundled oneDNN picks a reference convolution for MindSpore's plain layouts (45 to 140
    # times slower); limited to AVX2 it picks the matrix-product one. The environment variable would also slow PyTorch.
    library = Path(mindspore.__file__).parent / "lib" / "libdnnl.so.3"
    if library.exists():
        ctypes.CDLL(str(library)).dnnl_set_max_cpu_isa(AVX2)
