"""What the numbers in a DICOM file mean: palettes as colours, bright always high, modality rescale applied once."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

import numpy as np

from zoo.common.io.dicom_decoders import decoded
from zoo.common.io.dicom_frames import GROUPS, transform_of

if TYPE_CHECKING:
    from pydicom import Dataset

PLAIN = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1")  # transfer syntaxes without compression, lowest byte first
DEEP = 256  # entries of palettes from here on are of 16 bits


def values_of(data: Dataset) -> np.ndarray:
    """Decode a file with one frame into what its pixels mean, (h, w) or (h, w, 3)."""
    return meaning(stored_values(data), data, transform_of(data, 0))


def stored_values(data: Dataset) -> np.ndarray:
    """Decode the pixels as they are stored; palettes become RGB of 8 bits."""
    kind = data.get("PhotometricInterpretation", "MONOCHROME2")
    values = _plain_values(data) if kind in ("MONOCHROME1", "MONOCHROME2") else None
    if values is None:
        values = decoded(data)
    return _coloured(values, data) if kind == "PALETTE COLOR" else values


def is_plain(data: Dataset) -> bool:
    """Whether every stored number is what it means already."""
    if _is_colour(data):
        return True
    has_own = any(name in data for name in GROUPS)
    rescale = data.get("RescaleSlope") in (None, 1) and data.get("RescaleIntercept") in (None, 0)
    return not has_own and rescale and not _is_inverse(data) and "ModalityLUTSequence" not in data


def meaning(stored: np.ndarray, data: Dataset, transform: Dataset) -> np.ndarray:
    """Apply the modality's table or rescale; turn numbers over where low means white.

    transform: the file or the functional group of a frame, whichever holds the table or the rescale.
    """
    if _is_colour(data):
        return stored
    if "ModalityLUTSequence" in transform:
        values, bits = _looked_up(stored, transform)
        if not _is_inverse(data):
            return values
        return _darkened(2**bits - 1 - values.astype(np.int64), stored, data)
    if not _is_inverse(data):
        return rescaled(stored, transform)
    ends = -1 if int(data.PixelRepresentation) else 2 ** int(data.BitsStored) - 1  # lowest and highest number, summed
    return rescaled(_darkened(ends - stored.astype(np.int64), stored, data), transform)


def _looked_up(stored: np.ndarray, transform: Dataset) -> tuple[np.ndarray, int]:
    """Look numbers up in the modality's table; return them with their bits."""
    from pydicom import Dataset
    from pydicom.pixels import apply_modality_lut

    table = deepcopy(transform.ModalityLUTSequence[0])
    length, first, bits = table.LUTDescriptor
    table.LUTDescriptor = [length, first, 8 if bits <= 8 else 16]  # pydicom knows no types of other widths
    whole = Dataset()
    whole.ModalityLUTSequence = [table]
    return apply_modality_lut(stored, whole), int(bits)


def _is_inverse(data: Dataset) -> bool:
    return data.get("PhotometricInterpretation") == "MONOCHROME1"


def _is_colour(data: Dataset) -> bool:
    return int(data.get("SamplesPerPixel") or 1) > 1 or data.get("PhotometricInterpretation") == "PALETTE COLOR"


def _darkened(mirrored: np.ndarray, stored: np.ndarray, data: Dataset) -> np.ndarray:
    """Give padding, which is background whatever number fills it, the darkest value of the other pixels."""
    value, limit = data.get("PixelPaddingValue"), data.get("PixelPaddingRangeLimit")
    if not isinstance(value, int):
        return mirrored
    ends = np.array([value, limit if isinstance(limit, int) else value], np.int64).astype(stored.dtype)
    padding = (stored >= ends.min()) & (stored <= ends.max())
    if padding.all() or not padding.any():
        return mirrored
    return np.where(padding, mirrored[~padding].min(), mirrored)


def _coloured(values: np.ndarray, data: Dataset) -> np.ndarray:
    """Look numbers up in the palette, whose entries may have 16 bits where every screen shows 8."""
    from pydicom.pixels import apply_color_lut

    colours = apply_color_lut(values, data)
    return colours >> 8 if colours.dtype.itemsize > 1 and colours.max(initial=0) >= DEEP else colours


def _plain_values(data: Dataset) -> np.ndarray | None:
    """View one uncompressed grey slice in the bytes of its file; None where pydicom has to decode, or to refuse.

    pydicom's decoders look at dozens of tags for every slice, which takes longer than reading it.
    """
    bits, stored, signed = data.get("BitsAllocated"), data.get("BitsStored"), data.get("PixelRepresentation")
    is_plain = data.file_meta.get("TransferSyntaxUID") in PLAIN and bits in (8, 16) and signed in (0, 1)
    if not is_plain or data.get("SamplesPerPixel") != 1 or int(data.get("NumberOfFrames") or 1) != 1:
        return None
    content = data.get_item("PixelData").value
    size = (data.Rows, data.Columns)
    length = size[0] * size[1] * bits // 8
    if len(content) != length + length % 2 or not stored or not 1 <= stored <= bits:
        return None
    values = np.frombuffer(content, f"<{'i' if signed else 'u'}{bits // 8}", size[0] * size[1]).reshape(size)
    # bits that are not stored may hold anything; shifted out, the sign comes back, too
    return values if stored == bits else (values << (bits - stored)) >> (bits - stored)


def rescaled(values: np.ndarray, data: Dataset) -> np.ndarray:
    """Apply RescaleSlope and RescaleIntercept of a file or of a functional group; stored numbers without them."""
    slope, intercept = data.get("RescaleSlope"), data.get("RescaleIntercept")
    if slope in (None, 1) and intercept in (None, 0):
        return values
    return values * float(1 if slope is None else slope) + float(intercept or 0)
