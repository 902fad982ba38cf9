"""Ellipses counted in another order than the model's: the same scores in both frameworks; other names are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

import zoo
from zoo.common.datasets import SPLITS
from zoo.common.errors import DataError, ZooWarning

CLASSES = ("thorax", "heart")


def two_ellipses(framework: str, name: str) -> zoo.Model:
    options: dict[str, Any] = {"checkpoint": None, "variant": "tiny", "classes": CLASSES, "preset": "fetal_heart"}
    return zoo.load(name, backend=framework, **options)


def manifest(root: Path, model: zoo.Model, classes: tuple[str, ...]) -> Path:
    """Write drawn pictures and their ellipses, whose classes are counted in the order of classes.txt."""
    (root / "images").mkdir(parents=True)
    lines = ["image,label,cx,cy,a,b,theta,split"]
    for number, split in enumerate(SPLITS):
        sample = type(model.algorithm).example(model.config, np.random.default_rng(number))
        Pillow.fromarray(sample.image.array[0].astype(np.uint8)).save(root / "images" / f"{number}.png")
        for kind, *place in sample.labels["ellipses"]:
            label = classes.index(CLASSES[int(kind)])  # by number: only classes.txt says which one it is
            lines.append(f"images/{number}.png,{label},{','.join(map(str, place))},{split}")
    (root / "manifest.csv").write_text("\n".join(lines) + "\n")
    (root / "classes.txt").write_text("\n".join(classes) + "\n")
    return root


@pytest.mark.parametrize("name", ["EllipseNet", "EllipseNet-Fit"])
def test_the_order_of_the_ellipses_does_not_change_the_scores(name: str, framework: str, tmp_path: Path) -> None:
    model = two_ellipses(framework, name)
    expected = model.evaluate(manifest(tmp_path / "a", model, CLASSES))

    with pytest.warns(ZooWarning, match="renumbered to the model's thorax, heart"):
        found = model.evaluate(manifest(tmp_path / "b", model, CLASSES[::-1]))

    assert found.metrics == pytest.approx(expected.metrics, nan_ok=True)
    assert found.rows == expected.rows
    assert found.baseline["dice"] > 0.3 and found.baseline == pytest.approx(expected.baseline, nan_ok=True)


def test_the_head_of_an_ellipse_model_is_kept_where_only_the_order_differs(framework: str, tmp_path: Path) -> None:
    model = two_ellipses(framework, "EllipseNet")
    data = manifest(tmp_path / "data", model, CLASSES[::-1])
    before = model.engine.weights()

    with pytest.warns(ZooWarning, match="renumbered"):
        model.train(data, out=tmp_path / "run", epochs=1, batch_size=2, learning_rate=0.0, weight_decay=0.0)

    after = model.engine.weights()
    head = [n for n in before if n.startswith(model.algorithm.head)]
    assert head and model.config.classes == CLASSES
    assert all(np.array_equal(before[n], after[n]) for n in head)


def test_ellipses_of_other_names_cannot_be_scored(tmp_path: Path) -> None:
    model = two_ellipses("torch", "EllipseNet")
    data = manifest(tmp_path / "data", model, CLASSES)
    (data / "classes.txt").write_text("thorax\nliver\n")

    with pytest.raises(DataError, match="Missing: heart; too many: liver"):
        model.evaluate(data)
