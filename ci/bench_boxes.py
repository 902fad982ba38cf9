"""Time the evaluation of a detector beside pycocotools: 5,000 images, 20 boxes each, and 1,000 bootstrap draws.

Processor time of one process. pycocotools computes once what the draws repeat 1,000 times; it has no draws.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import time
from collections.abc import Callable

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from rich.console import Console
from rich.table import Table

from zoo.common.answers.boxes import Boxes
from zoo.common.detection.scores import PooledScores, evidence_of, summarise
from zoo.common.metrics.average_precision import Detections, PooledPrecision, join, match_image
from zoo.common.metrics.bootstrap import bootstrap_draws, central
from zoo.common.types import Image, Sample

SIDE_PX = 512
CLASSES = ("nodule",)


def timed(work: Callable[[], object]) -> tuple[float, object]:
    """Return the processor seconds of a call, and what it gave."""
    start = time.process_time()
    found = work()
    return time.process_time() - start, found


def draw(images: int, boxes: int) -> tuple[list[Sample], list[Boxes]]:
    """Draw references, and boxes near half of them."""
    rng = np.random.default_rng(0)
    picture = np.zeros((1, SIDE_PX, SIDE_PX), np.float32)
    samples, found = [], []
    for i in range(images):
        low, sides = rng.uniform(0, SIDE_PX - 64, (boxes, 2)), rng.uniform(8, 60, (boxes, 2))
        truth = np.column_stack([np.zeros(boxes), low, low + sides])
        moved = low + rng.normal(0, 3, (boxes, 2)) + (rng.random((boxes, 1)) < 0.5) * 40
        image = Image(picture, name=f"{i}.png")
        samples.append(Sample(image, {"boxes": truth}, str(i)))
        kinds, scores = np.zeros(boxes, np.int64), np.round(rng.random(boxes), 2)
        found.append(Boxes(image, CLASSES, np.hstack([moved, moved + sides]), kinds, scores))
    return samples, found


def by_pycocotools(samples: list[Sample], found: list[Boxes]) -> float:
    """Return AP50 of pycocotools."""
    data, results = COCO(), []
    images = [{"id": i + 1, "width": SIDE_PX, "height": SIDE_PX} for i in range(len(samples))]
    annotations = []
    for i, (sample, prediction) in enumerate(zip(samples, found, strict=True)):
        for _, x1, y1, x2, y2 in sample.labels["boxes"]:
            box = [x1, y1, x2 - x1, y2 - y1]
            entry = {"id": len(annotations) + 1, "image_id": i + 1, "category_id": 1, "iscrowd": 0}
            annotations.append({**entry, "bbox": box, "area": box[2] * box[3]})
        for (x1, y1, x2, y2), score in zip(prediction.boxes, prediction.scores, strict=True):
            results.append({"image_id": i + 1, "category_id": 1, "bbox": [x1, y1, x2 - x1, y2 - y1], "score": score})
    with contextlib.redirect_stdout(io.StringIO()):
        data.dataset = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "nodule"}]}
        data.createIndex()
        scored = COCOeval(data, data.loadRes(results), "bbox")
        scored.evaluate()
        scored.accumulate()
        scored.summarize()
    return float(scored.stats[1])


def by_zoo(samples: list[Sample], found: list[Boxes]) -> float:
    """Return AP50 of the zoo, all of COCO's thresholds computed."""
    parts = [
        match_image(Detections(s.labels["boxes"][:, 1:], p.boxes, p.scores), 1)
        for s, p in zip(samples, found, strict=True)
    ]
    return float(PooledPrecision(join(parts)).table()[0, 0])


def with_intervals(samples: list[Sample], found: list[Boxes]) -> object:
    """Return every interval of an evaluation: AP at eleven thresholds, FROC, 1,000 draws over images."""
    evidence = [evidence_of(p, s) for s, p in zip(samples, found, strict=True)]
    groups, rng = [s.group for s in samples], np.random.default_rng(0)
    weighed = PooledScores(evidence, CLASSES).summary
    draws = bootstrap_draws(evidence, lambda drawn: summarise(drawn, CLASSES), groups, rng, weighed=weighed)
    return {name: central(values) for name, values in draws.items()}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--boxes", type=int, default=20)
    options = parser.parse_args()
    samples, found = draw(options.images, options.boxes)
    table = Table(title=f"{options.images} images, {options.boxes} boxes each, processor seconds")
    for column in ("what", "seconds", "AP50"):
        table.add_column(column)
    for name, work in (("pycocotools, once", by_pycocotools), ("zoo, once", by_zoo)):
        seconds, value = timed(lambda work=work: work(samples, found))
        table.add_row(name, f"{seconds:.1f}", f"{value:.6f}")
    seconds, _ = timed(lambda: with_intervals(samples, found))
    table.add_row("zoo, with centres and 1,000 draws", f"{seconds:.1f}", "")
    Console().print(table)


if __name__ == "__main__":
    main()
