"""What notebooks show of the zoo's objects: complete, escaped, small, and readable on dark and on light ground."""

from __future__ import annotations

import copy
import pickle
import re
from html.parser import HTMLParser

import numpy as np
import pytest

import zoo
from zoo.common import notebook
from zoo.common.answers.classification import Classification
from zoo.common.answers.segmentation import Segmentation
from zoo.common.errors import ConfigError, InputError
from zoo.common.types import Image
from zoo.evaluation import Evaluation
from zoo.prediction.predictions import PredictionList
from zoo.report.pictures import Shown

EVIL = '<script>alert("x")</script>&\'"><img src=x onerror=alert(1)>'
EMPTY = {"img", "br", "meta"}  # elements that need no end


class Seen(HTMLParser):
    """Collects elements, and complains where one is not closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.names: set[str] = set()
        self.styles: list[str] = []
        self.handlers: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.names.add(tag)
        self.styles += [value or "" for name, value in attrs if name == "style"]
        self.handlers += [name for name, _ in attrs if name.startswith("on")]
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def classified(name: str = EVIL, kind: str = EVIL) -> Classification:
    image = Image(np.random.default_rng(0).uniform(0, 255, (1, 40, 50)).astype(np.float32), name=name)
    return Classification(image, ("normal", kind), np.array([0.25, 0.75]), out_of_scope=(EVIL,))


def evaluated() -> Evaluation:
    jpeg = classified("case", "covid").plot().convert("RGB")
    rows = [{"name": EVIL, "group": EVIL, "dice": 0.5}, {"name": "b", "group": "b", "dice": 1.0}]
    content = notebook_jpeg(jpeg)
    pictures = [Shown("worst", EVIL, "Dice 0.5", content), Shown("best", "b", "Dice 1", content)]
    about = {"model": {"name": EVIL}}
    return Evaluation(
        rows, {"dice": 0.75}, {"dice": (0.5, 1.0)}, {"dice": 0.4}, out_of_scope=1, pictures=pictures, about=about
    )


def notebook_jpeg(picture) -> bytes:
    import io

    buffer = io.BytesIO()
    picture.save(buffer, "JPEG")
    return buffer.getvalue()


def listed() -> PredictionList:
    failures = [(EVIL, InputError(f"{EVIL}: cannot be read"))]
    return PredictionList([classified(f"{EVIL}{i}") for i in range(6)], failures, left_out=[(EVIL, EVIL)])


OBJECTS = {
    "prediction": classified,
    "list": listed,
    "evaluation": evaluated,
    "names": zoo.list_models,
    "entry": lambda: zoo.info("EllipseNet"),
    "model": lambda: zoo.load("Covid-ResNet", checkpoint=None, variant="tiny"),
}
every_object = pytest.mark.parametrize("make", OBJECTS.values(), ids=OBJECTS)


@every_object
def test_what_is_shown_is_closed_and_runs_nothing(make):
    seen = Seen(make()._repr_html_())

    assert (seen.open, seen.names & {"script", "style", "iframe", "link"}, seen.handlers) == ([], set(), [])


@every_object
def test_colours_are_those_of_the_page_around(make):
    styles = " ".join(Seen(make()._repr_html_()).styles)

    assert re.findall(r"(?<![-\w])(?:color(?!:inherit)|background[-\w]*)\s*:", styles) == []


@pytest.mark.parametrize("make", [classified, listed, evaluated])
def test_hostile_names_are_shown_as_text(make):
    html = make()._repr_html_()

    assert ("<script" in html, "onerror=alert(1)>" in html, EVIL in Seen(html).text) == (False, False, True)


@every_object
def test_pictures_stay_small_enough_for_a_notebook(make):
    assert len(make()._repr_html_()) < 200_000


def test_a_list_shows_the_first_rows_and_counts_the_others():
    rows = [{"n": i} for i in range(1, 31)]

    assert ("<td" in notebook.table(rows), "and 18 rows more" in notebook.table(rows), notebook.table([])) == (
        True,
        True,
        "",
    )


def test_failures_and_what_was_left_out_are_shown():
    text = Seen(listed()._repr_html_()).text

    assert ("1 failed" in text, "cannot be read" in text, "1 left out" in text) == (True, True, True)


def test_a_volume_is_shown_as_a_picture():
    image = Image(np.zeros((1, 6, 20, 20), np.float32), name="ct")
    labels = np.zeros((6, 20, 20), np.uint8)
    labels[2:4, 5:9, 5:9] = 1
    html = Segmentation(image, classes=("background", "liver"), labels=labels)._repr_html_()

    assert ("data:image/jpeg" in html, "liver" in Seen(html).text) == (True, True)


def test_a_model_tells_weights_framework_and_classes():
    text = Seen(OBJECTS["model"]()._repr_html_()).text

    assert [word for word in ("Covid-ResNet", "random, seed 0", "torch on cpu", "covid") if word not in text] == []


def test_names_of_models_are_still_a_list():
    names = zoo.list_models("segmentation")

    assert (names == ["3D-UNet", "2D-UNet", "UNETR"], pickle.loads(pickle.dumps(names)) == names) == (True, True)
    assert copy.copy(names).rows() == names.rows()


@pytest.mark.parametrize("make", [classified, listed, evaluated, zoo.list_models])
def test_tables_of_pandas_hold_the_rows(make):
    pytest.importorskip("pandas")
    thing = make()
    rows = thing.rows if isinstance(thing, Evaluation) else getattr(thing, "table", getattr(thing, "rows", None))()

    assert thing.to_dataframe().to_dict("records") == rows


def test_an_evaluation_gives_its_metrics_as_a_table_too():
    pytest.importorskip("pandas")

    assert list(evaluated().to_dataframe(of="metrics")["metric"]) == ["dice"]
    with pytest.raises(ConfigError, match="cases, metrics, classes"):
        evaluated().to_dataframe(of="pictures")
