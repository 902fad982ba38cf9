"""Kinds of images: how the registry names them, and which of DICOM's words say the same."""

from __future__ import annotations

MODALITIES: dict[str, tuple[str, ...]] = {  # name in registry.yaml: values of DICOM's Modality (0008,0060), PS3.3 C.7.3
    "CT": ("CT",),
    "MR": ("MR",),
    "X-ray": ("CR", "DX", "MG", "RF", "XA", "PX", "IO", "RG"),
    "ultrasound": ("US", "IVUS", "BDUS"),
    "endoscopy": ("ES",),
    "microscopy": ("SM", "GM"),
    "photograph": ("XC", "DMS"),
    "ophthalmology": ("OP", "OPT", "OCT", "OPM"),
    "PET": ("PT",),
    "scintigraphy": ("NM",),
}
NAMES = {word: name for name, words in MODALITIES.items() for word in words}


def modality_name(word: str) -> str:
    """Translate DICOM's word; "" for those that say nothing of how the image came about, such as OT and SC."""
    return NAMES.get(word.strip().upper(), "")


def modality_names(text: str) -> tuple[str, ...]:
    """Split what the registry says, such as "CT or MR"; names that are not in the table are left out."""
    return tuple(name for name in text.split(" or ") if name in MODALITIES)
