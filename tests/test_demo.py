"""`make demo`: the example is what it says, the frameworks agree, and failures are short."""

from __future__ import annotations

import numpy as np
import pytest

from zoo import demo
from zoo.common.answers.ellipses import Ellipses
from zoo.common.ellipses.biometry import measure
from zoo.common.ellipses.fetal_simulator import outer_edge
from zoo.registry import find


def found(rows):
    image, _ = demo.example()
    return Ellipses(image, demo.CLASSES, np.array(rows, np.float64).reshape(-1, 6), np.ones(len(rows)))


def test_example_holds_the_outer_edge_of_its_skull():
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

    def brightness(scale):
        return image.array[0, (cy + scale * (y - cy)).round().astype(int), (cx + scale * (x - cx)).round().astype(int)]

    inside, outside = brightness(0.96).mean(), brightness(1.08).mean()
    assert inside > image.array.mean() + image.array.std()
    assert inside > brightness(1.0).mean() > outside


def test_outer_edge_is_where_the_skull_has_half_of_its_brightness():
    head, size = np.array([0, 100.0, 90.0, 60.0, 45.0, 0.3]), (180, 200)
    edge = outer_edge(head, size)

    pen = 180 / 85
    ends = (edge[4] - head[4], (edge[3] - head[3]) * head[4] / head[3])  # along the minor and the major axis
    np.testing.assert_allclose(np.exp(-0.5 * (np.array(ends) / pen) ** 2), 0.5)
    np.testing.assert_array_equal(edge[[0, 1, 2, 5]], head[[0, 1, 2, 5]])


@pytest.mark.skipif(find("EllipseNet").default_checkpoint is None, reason="no trained weights are registered")
def test_found_and_drawn_are_the_same_quantity(framework):
    image, ellipses = demo.example()
    answer = demo.answer(framework, image).prediction

    drawn = measure(ellipses, demo.CLASSES, image.spacing_mm)
    assert answer.measurements["hc_mm"] == pytest.approx(drawn["hc_mm"], rel=0.015)


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
