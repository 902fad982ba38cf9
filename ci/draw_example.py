"""Draw the example image of `make demo`: a synthetic fetal head, with the ellipses it was drawn with beside it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from zoo.common.ellipses.fetal_simulator import draw_head, outer_edge

FOLDER = Path(__file__).resolve().parent.parent / "models" / "ellipsenet"
SIZE, SEED = (540, 800), 16  # (h, w) [px], as common ultrasound exports


def main() -> None:
    """Write example.png and example.json into the package of EllipseNet."""
    sample = draw_head(SIZE, np.random.default_rng(SEED))
    pixels = np.clip(np.rint(sample.image.array[0]), 0, 255).astype(np.uint8)
    Pillow.fromarray(pixels).save(FOLDER / "example.png", optimize=True)
    facts = {
        "spacing_mm": [round(float(s), 6) for s in sample.image.spacing_mm or ()],
        "ellipses": np.round(sample.labels["ellipses"], 4).tolist(),
        "outer_edge": np.round([outer_edge(head, SIZE) for head in sample.labels["ellipses"]], 4).tolist(),
    }
    (FOLDER / "example.json").write_text(json.dumps(facts) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
