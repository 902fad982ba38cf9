"""The tasks and what `Sample.labels` holds for each."""

TASKS: dict[str, dict[str, str]] = {
    "classification": {"label": "() int64, index into config.classes"},
    "ellipse-detection": {
        "ellipses": "(k, 6) float64: class, cx, cy, a, b [px of the image], angle_rad from +x towards +y; a >= b",
    },
}
