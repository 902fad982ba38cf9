"""What the OpenAPI description says of a prediction, whose body is read as a stream and not by FastAPI."""

from __future__ import annotations

from typing import Any

TEXT: dict[str, Any] = {"type": "string"}
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "file": {
                            "type": "array",
                            "items": {"type": "string", "format": "binary"},
                            "description": "A picture, a volume, the files of a DICOM series, or a zip of them.",
                        },
                        "options": {**TEXT, "description": "A JSON object, see `options` of GET /models/{name}."},
                        "backend": {**TEXT, "description": "torch or mindspore; the first installed if left out."},
                        "checkpoint": {**TEXT, "description": "Its name, see GET /models/{name}."},
                        "tta": {"type": "boolean", "description": "Average over mirrored views."},
                        "spacing_mm": {**TEXT, "description": "Size of a pixel: 0.5, or 0.5,0.4, or 3,0.5,0.5."},
                        "series_uid": {**TEXT, "description": "Which series of several to take."},
                        "example": {"type": "integer", "description": "Instead of a file: the seed of a drawn one."},
                    },
                }
            }
        },
    }
}
REASON = {
    "content": {
        "application/json": {"schema": {"type": "object", "properties": {"kind": TEXT, "detail": TEXT}}},
    }
}
ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"description": "The answer, as `Accept` or `format` say."},
    202: {"description": "A job; its `Location` tells how far it is."},
    **{
        status: {"description": told, **REASON}
        for status, told in (
            (404, "No such algorithm or checkpoint."),
            (406, "No such answer of this algorithm."),
            (408, "The upload took too long."),
            (413, "More than the server takes."),
            (415, "No multipart/form-data."),
            (422, "The image or an option cannot be used."),
            (429, "Too many requests wait; `Retry-After` says how long to stay away."),
            (504, "No answer in time."),
        )
    },
}
