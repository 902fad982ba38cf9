"""The pixels of a DICOM file, or an InputError that names the package which decodes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from zoo.common.errors import InputError

if TYPE_CHECKING:
    from pydicom import Dataset

# in this order, so that what is installed besides does not change a value; gdcm is not among them, because it ends
# the whole process on damaged pixels (JPEG and JPEG-LS, python-gdcm 3.2.6)
DECODERS = ("pydicom", "pillow", "pyjpegls", "pylibjpeg")
EXTRA = "pip install openmedia-zoo[dicom]"
LOSSLESS = "pip install pylibjpeg pylibjpeg-libjpeg"  # not in the extra, because it is GPL-3.0
HTJ2K = "pip install pylibjpeg pylibjpeg-openjpeg"  # not in the extra, because it needs NumPy 2 and MindSpore NumPy 1
REMEDIES = {
    **dict.fromkeys((f"1.2.840.10008.1.2.4.{number}" for number in (51, 57, 70)), LOSSLESS),
    **dict.fromkeys((f"1.2.840.10008.1.2.4.{number}" for number in (90, 91, 201, 202, 203)), HTJ2K),
}


def decoded(data: Dataset) -> np.ndarray:
    """Decode the stored numbers: (h, w), with an axis for frames before and one for colours behind, where there are."""
    from pydicom.pixels import get_decoder

    syntax = data.file_meta.get("TransferSyntaxUID")
    if syntax is None or not syntax.is_transfer_syntax or not syntax.is_compressed:
        return data.pixel_array
    try:
        available = get_decoder(syntax).available_plugins
    except NotImplementedError as error:
        raise InputError(
            f"compressed as {syntax.name}, which is not read; expected another transfer syntax. Export it uncompressed."
        ) from error
    plugins, remedy, reason = [name for name in DECODERS if name in available], REMEDIES.get(syntax, EXTRA), ""
    for plugin in plugins:
        try:
            data.pixel_array_options(decoding_plugin=plugin)
            return data.pixel_array
        except RuntimeError as error:
            reason = f"{plugin}: {' '.join(str(error).split())[-200:]}"
    if not plugins:
        raise InputError(f"compressed as {syntax.name}; expected a decoder for it, none is installed. Run: {remedy}")
    raise InputError(
        f"compressed as {syntax.name}, and cannot be decoded ({reason}); expected a whole file, or another decoder "
        f"({remedy})"
    )
