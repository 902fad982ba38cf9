"""The tasks and what `Sample.labels` holds for each."""

TASKS: dict[str, dict[str, str]] = {
    "classification": {"label": "() int64, index into config.classes"},
    "segmentation": {"mask": "(h, w) or (d, h, w) integers, indices into config.classes; 0 is the background"},
    "ellipse-detection": {
        "ellipses": "(k, 6) float64: class, cx, cy, a, b [px of the image], angle_rad from +x towards +y; a >= b",
    },
    "localisation": {
        "label": "() int64, index into config.classes; the only label that training may use",
        "mask": "(h, w) integers, 0 or 1: where the finding is; all 0 in a normal image",
    },
    "classification-segmentation": {
        "label": "() int64, index into config.classes",
        "mask": "(h, w) integers, indices into config.tissues; 255 is not judged",
    },
    "instance-segmentation": {"instances": "(h, w) integers, 0 background, 1, 2, ... one number per object"},
    "detection": {
        "boxes": "(k, 5) or (k, 7) float64: class, x1, y1, x2, y2[, z1, z2] [px of the image]; pixel i is i to i + 1",
    },
    "point-detection": {"points": "(k, 3) or (k, 4) float64: class, x, y[, z] [px of the image]"},
}
