"""`make demo`: the example is what it says, the frameworks agree, and failures are short."""

from __future__ import annotations

import numpy as np
import pytest

from zoo import demo
from zoo.common.answers.ellipses import Ellipses
from zoo.registry import find


def found(rows):
    image, _ = demo.example()
    return Ellipses(image, demo.CLASSES, np.array(rows, np.float64).reshape(-1, 6), np.ones(len(rows)))


def test_example_holds_the_ellipse_it_was_drawn_with():
    image, ((_, cx, cy, a, b, _),) = demo.example()
    h, w = image.size

    assert image.spacing_mm is not None
    assert a >= b > 0
    assert a < cx < w - a and b < cy < h - b


def test_skull_of_the_example_is_bright():
    image, ((_, cx, cy, a, b, angle),) = demo.example()
    turn = np.linspace(0, 2 * np.pi, 360, endpoint=False)
    x = cx + a * np.cos(turn) * np.cos(angle) - b * np.sin(turn) * np.sin(angle)
    y = cy + a * np.cos(turn) * np.sin(angle) + b * np.sin(turn) * np.cos(angle)
    skull = image.array[0, y.round().astype(int), x.round().astype(int)]

    assert skull.mean() > image.array.mean() + image.array.std()


def test_difference_is_the_largest_of_all_numbers():
    assert demo.difference(found([[0, 1, 2, 3, 2, 0.5]]), found([[0, 1, 2.25, 3, 2, 0.4]])) == pytest.approx(0.25)


def test_an_ellipse_that_only_one_framework_finds_is_an_infinite_difference():
    assert demo.difference(found([]), found([[0, 1, 2, 3, 2, 0.5]])) == float("inf")


def test_no_framework_is_said_in_one_line(monkeypatch, capsys):
    monkeypatch.setattr(demo, "installed", lambda: [])

    assert demo.main() == 1
    assert "pip install 'openmedia-zoo[torch]'" in capsys.readouterr().out


def test_same_random_weights_give_the_same_ellipse(both_frameworks):
    image, _ = demo.example()
    first, second = (demo.answer(name, image, checkpoint=None, variant="small") for name in both_frameworks)

    assert demo.difference(first.prediction, second.prediction) < 0.1  # of 800 pixels, with untrained weights


@pytest.mark.skipif(find("EllipseNet").default_checkpoint is None, reason="no trained weights are registered")
def test_demo_finds_the_head(both_frameworks, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(demo, "OVERLAY", tmp_path / "overlay.png")
    code = demo.main()
    image, ((_, cx, cy, a, b, _),) = demo.example()
    ((_, x, y, long, short, _),) = demo.answer(both_frameworks[0], image).prediction.ellipses

    assert (code, (tmp_path / "overlay.png").stat().st_size > 10_000) == (0, True)
    assert "largest difference" in capsys.readouterr().out
    np.testing.assert_allclose([x, y, long, short], [cx, cy, a, b], atol=0.1 * a)
