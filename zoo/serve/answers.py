"""A prediction as what a client asked for: JSON, a table, a mask, an overlay, DICOM, or all of it in a zip."""

from __future__ import annotations

import io
import json
import tempfile
import threading
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.common.answers.instances import Instances
from zoo.common.answers.points import Points
from zoo.common.answers.prediction import Prediction
from zoo.common.errors import ConfigError
from zoo.common.files.names import as_utf8
from zoo.common.io import SUFFIXES
from zoo.common.tables import plain
from zoo.serve.refusals import RefusedError
from zoo.serve.views import pack_view

DRAWING = threading.Lock()  # fonts of matplotlib are shared


@dataclass(frozen=True)
class Format:
    """One way to write an answer; kind: as the client calls it, suffix: of the file."""

    kind: str
    suffix: str
    media: str
    accepted: tuple[str, ...] = ()  # media types that ask for it


FORMATS: Mapping[str, Format] = {
    each.kind: each
    for each in (
        Format("json", ".json", "application/json", ("application/json", "application/*", "*/*")),
        Format("csv", ".csv", "text/csv; charset=utf-8", ("text/csv",)),
        Format("overlay", ".png", "image/png", ("image/png", "image/*")),
        Format("mask.png", ".png", "image/png"),
        Format("mask.tif", ".tif", "image/tiff", ("image/tiff",)),
        Format("mask.nii.gz", ".nii.gz", "application/gzip", ("application/gzip", "application/x-nifti")),
        Format("mask.nrrd", ".nrrd", "application/octet-stream", ("application/x-nrrd",)),
        Format("mask.dcm", ".dcm", "application/dicom", ("application/dicom",)),
        Format("report.dcm", ".dcm", "application/dicom"),
        Format("geojson", ".geojson", "application/geo+json", ("application/geo+json",)),
        Format("view", ".view", "application/octet-stream"),
        Format("zip", ".zip", "application/zip", ("application/zip",)),
    )
}


def format_of(asked: str, accept: str) -> Format:
    """Choose by the name of a format, else by the media types that a client accepts, the first that is known."""
    if asked:
        if asked not in FORMATS:
            raise ConfigError(f"format={asked[:40]!r} given; expected one of {', '.join(FORMATS)}")
        return FORMATS[asked]
    wanted = [part.split(";")[0].strip().lower() for part in accept.split(",") if part.strip()]
    for media in wanted:
        for each in FORMATS.values():
            if media in each.accepted:
                return each
    if wanted:
        known = ", ".join(dict.fromkeys(each.accepted[0] for each in FORMATS.values() if each.accepted))
        raise RefusedError(406, f"Accept: {accept[:80]} given; expected one of {known}")
    return FORMATS["json"]


def offered(prediction: Prediction) -> list[str]:
    """Name the formats that this prediction can be written in."""
    has_mask, is_picture = prediction.segments is not None, len(prediction.image.size) == 2
    is_dicom = bool(prediction.image.dicom)
    kinds = {
        "mask.png": has_mask and is_picture,
        "mask.tif": has_mask and is_picture and not isinstance(prediction, Points),
        "mask.nii.gz": has_mask and not isinstance(prediction, Instances),
        "mask.nrrd": has_mask and not is_picture,
        "mask.dcm": has_mask and is_dicom,
        "report.dcm": is_dicom,
        "geojson": isinstance(prediction, Points | Instances),
    }
    return ["json", "csv", "overlay", *(kind for kind, is_there in kinds.items() if is_there), "zip"]


def written(prediction: Prediction, wanted: Format, more: Mapping[str, Any] | None = None) -> bytes:
    """Write a prediction; more: what the JSON says beside it."""
    if wanted.kind == "json":
        return as_json({**prediction.to_dict(), **(more or {})})
    if wanted.kind == "view":
        return pack_view(prediction, {"formats": offered(prediction), **(more or {})})
    if wanted.kind == "zip":
        return _zipped(prediction, more)
    with tempfile.TemporaryDirectory(prefix="zoo-") as folder:
        path = Path(folder) / f"answer{wanted.suffix}"
        _save(prediction, wanted.kind, path)
        return path.read_bytes()


def as_json(value: Any) -> bytes:
    """Write plain values; NaN becomes null."""
    return json.dumps(plain(value), ensure_ascii=False, allow_nan=False).encode("utf-8", "backslashreplace")


def file_name(prediction: Prediction, wanted: Format) -> str:
    """Return a name for a download: that of the image, with what it holds and its suffix."""
    name = as_utf8(Path(prediction.image.name).name)
    stem = next(
        (name[: -len(end)] for end in sorted(SUFFIXES, key=len)[::-1] if end and name.lower().endswith(end)), name
    )
    plain_stem = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "_" for c in stem)[:80] or "answer"
    kind = wanted.kind.split(".")[0]
    return f"{plain_stem}{wanted.suffix}" if f".{kind}" == wanted.suffix else f"{plain_stem}_{kind}{wanted.suffix}"


def _save(prediction: Prediction, kind: str, path: Path) -> None:
    if kind == "overlay":
        with DRAWING:
            prediction.draw(path)
    elif kind == "report.dcm":
        prediction.save_report(path)
    elif kind == "csv" or kind == "geojson":
        prediction.save(path)
    elif prediction.segments is None:
        raise RefusedError(
            406, f"{type(prediction).__name__} has no mask; expected one of {', '.join(offered(prediction))}"
        )
    else:
        prediction.save(path)


def _zipped(prediction: Prediction, more: Mapping[str, Any] | None) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for kind in offered(prediction)[:-1]:
            archive.writestr(file_name(prediction, FORMATS[kind]), written(prediction, FORMATS[kind], more))
    return buffer.getvalue()
