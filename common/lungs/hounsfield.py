"""CT in Hounsfield units as the grey slices that networks know: a window, and black around the lungs."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

import numpy as np
from scipy import ndimage

from zoo.common.errors import ConfigError, InputError
from zoo.common.lungs.boxes import BLACK
from zoo.common.types import REMARK, Image

AIR_HU = -320.0  # below is air or lung; between the two peaks of a chest (Hu, Hoffman & Reinhardt 2001)
CLOSED_MM, SMALLEST_CM2 = 6.0, 3.0  # vessels and findings up to this width stay in; parts below this area are no lung
GAS_HU = -930.0  # medians of lungs lie above, of windpipe, stomach, bowel and the room below (-960..-990 in scans)
CUT_OFF_HU, BY_BODY = -900.0, 0.6  # a lung cut off by the border is denser than foam, and so much of its rim is body
USUAL_CM2, USUAL_HU = (15.0, 600.0), (-950.0, -450.0)  # of the lungs in one slice, and their mean
DOUBTED_PIXEL_MM = 0.8  # where the file does not say it
CUT, WHOLE = "cut", "whole"
CHECKPOINT, FILE = "checkpoint", "file"
LUNG_REMARK = f"lung{REMARK}"


class WindowConfig(Protocol):
    """What a configuration says about raw CT."""

    @property
    def window(self) -> tuple[float, ...]:
        """Centre and width [HU]; () where none is known."""

    @property
    def window_from(self) -> str:
        """CHECKPOINT: `window` counts; FILE: the window that the file names."""

    @property
    def lungs(self) -> str:
        """CUT: black around the lungs; WHOLE: everything is shown."""


def check_window(config: WindowConfig) -> None:
    """Raise ConfigError for what cannot be."""
    if config.window and (len(config.window) != 2 or not config.window[1] > 0):
        raise ConfigError(f"window={config.window} given; expected centre and width [HU], such as (-600, 1500)")
    if config.window_from not in (CHECKPOINT, FILE):
        raise ConfigError(f"window_from={config.window_from!r} given; expected {CHECKPOINT} or {FILE}")
    if config.lungs not in (CUT, WHOLE):
        raise ConfigError(f"lungs={config.lungs!r} given; expected {CUT} or {WHOLE}")


def is_raw(image: Image) -> bool:
    """Whether intensities are none of 8 bits, as those of CT."""
    return float(image.array.min()) < 0 or float(image.array.max()) > 255


def as_grey(image: Image, config: WindowConfig) -> Image:
    """Return a slice (1, h, w) of HU in 0..255; `prepared` tells the window, and area and mean HU of the lungs."""
    centre, width = _window(image, config)
    hu = image.array.mean(axis=0)
    grey = np.clip((hu - (centre - width / 2)) / width * 255, 0, 255)
    told: dict[str, float | str] = {"window_hu": f"{centre:g}, {width:g}", "window_from": config.window_from}
    if config.lungs == CUT:
        mask = lung_mask(hu, image.spacing_mm)
        told |= describe_lungs(hu, mask, image.spacing_mm)
        grey = np.where(mask, np.clip(grey, BLACK + 1, 255), 0)  # black is what a network takes for no lung
    return replace(image, array=grey[None].astype(np.float32), prepared={**told, "lungs": config.lungs})


def lung_mask(hu: np.ndarray, spacing_mm: tuple[float, ...] | None) -> np.ndarray:
    """Find the lungs in one slice (h, w): air that is no mere gas, within the body, closed over what is dense in it.

    A consolidation that is wide and lies at the chest wall is left out.
    """
    pixel_mm = float(np.sqrt(np.prod(spacing_mm[-2:]))) if spacing_mm else DOUBTED_PIXEL_MM
    parts, count = ndimage.label(hu < AIR_HU)
    cores = np.where(ndimage.minimum_filter(parts, 3) == ndimage.maximum_filter(parts, 3), parts, 0)  # no mixed pixels
    areas = np.bincount(parts.ravel(), minlength=count + 1) * (pixel_mm / 10) ** 2
    cut_off = set(np.unique(np.concatenate([parts[0], parts[-1], parts[:, 0], parts[:, -1]])).tolist())
    lungs = list[int]()
    for part in np.flatnonzero(areas[1:] >= SMALLEST_CM2) + 1:
        core = hu[cores == part]
        median = float(np.median(core if core.size else hu[parts == part]))
        if median >= (CUT_OFF_HU if part in cut_off else GAS_HU):
            lungs += [] if part in cut_off and _share_by_body(parts == part, hu) < BY_BODY else [int(part)]
    return ndimage.binary_fill_holes(_closed(np.isin(parts, lungs), CLOSED_MM / pixel_mm))


def _share_by_body(part: np.ndarray, hu: np.ndarray) -> float:
    """Return which share of the rim of a part belongs to the largest dense part of the slice."""
    dense, count = ndimage.label(hu >= AIR_HU)
    filled = ndimage.binary_fill_holes(part)
    rim = ndimage.binary_dilation(filled) & ~filled
    if not count or not rim.any():
        return 0.0
    return float((dense[rim] == np.bincount(dense.ravel())[1:].argmax() + 1).mean())


def describe_lungs(hu: np.ndarray, mask: np.ndarray, spacing_mm: tuple[float, ...] | None) -> dict[str, float | str]:
    """Tell area and mean of what was taken for lung, and a remark where that is hardly one."""
    if not mask.any():
        return {LUNG_REMARK: "no lung found"}
    mean = float(hu[mask].mean())
    told: dict[str, float | str] = {"lung_mean_hu": round(mean, 1)}
    remarks = [] if USUAL_HU[0] <= mean <= USUAL_HU[1] else [f"mean {mean:.0f} HU is not that of lungs"]
    if mask[0].any() or mask[-1].any() or mask[:, 0].any() or mask[:, -1].any():
        remarks.append("the lungs reach the border of the picture")
    if spacing_mm is None:
        told["lung_area_px"] = int(mask.sum())
    else:
        area = float(mask.sum() * np.prod(spacing_mm[-2:])) / 100
        told["lung_area_cm2"] = round(area, 1)
        remarks += [] if USUAL_CM2[0] <= area <= USUAL_CM2[1] else [f"area {area:.0f} cm² is not that of lungs"]
    return {**told, **({LUNG_REMARK: "; ".join(remarks)} if remarks else {})}


def _closed(mask: np.ndarray, radius_px: float) -> np.ndarray:
    """Close gaps up to twice the radius, by distances, which takes the same time for any radius."""
    if not mask.any():
        return mask
    wide = int(np.ceil(radius_px)) + 1
    padded = np.pad(mask, wide)
    grown = ndimage.distance_transform_edt(~padded) <= radius_px
    shrunk = ndimage.distance_transform_edt(grown) > radius_px
    return np.asarray((shrunk | padded)[wide:-wide, wide:-wide])


def _window(image: Image, config: WindowConfig) -> tuple[float, float]:
    if config.window_from == FILE:
        told = image.dicom.get("window_hu", "")
        try:
            centre, width = (float(part) for part in told.split(","))
        except ValueError:
            raise InputError(
                f"{image.name}: names no window; expected a DICOM file with WindowCenter and WindowWidth. Give one, "
                "such as window=(-600, 1500)"
            ) from None
        return centre, width
    if not config.window:
        low, high = float(image.array.min()), float(image.array.max())
        raise InputError(
            f"{image.name}: intensities {low:g}..{high:g}, as of raw CT, and the checkpoint does not say in which "
            "window it was trained; expected 0..255, or a window: give window=(-600, 1500) (--window -600,1500: centre "
            "and width in HU), or window_from='file' (--window file)"
        )
    return float(config.window[0]), float(config.window[1])
