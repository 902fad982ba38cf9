"""The page in a real Chromium: every kind of task, by keyboard, on a phone, in light and dark, without a violation."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import pytest
from PIL import Image

pytest.importorskip("fastapi")
playwright = pytest.importorskip("playwright.sync_api")
axe = pytest.importorskip("axe_playwright_python.sync_playwright")
if (CHROMIUM := shutil.which("chromium") or shutil.which("google-chrome")) is None:
    pytest.skip("no Chromium on this machine (Debian: apt install chromium)", allow_module_level=True)

from ..common.dicom_files import write_slice  # noqa: E402
from ..conftest import skip_without  # noqa: E402
from ..test_raw_ct import chest  # noqa: E402
from ..test_watch import epoch, holder, written  # noqa: E402
from .process import running  # noqa: E402
from .service import png, volume  # noqa: E402

pytestmark = pytest.mark.slow
WAIT_MS = 120_000
ARGUMENTS = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
KINDS = {  # a model of each kind of answer, and what stands in its table
    "Covid-ResNet": "Probability",
    "TS-CAM": "Probability",
    "EllipseNet": "HC",
    "2D-UNet": "Size",
    "3D-UNet": "Size",
    "LungNodules-Detection": "Diameter",
    "U-CSRNet": "Ki-67 index",
    "Han-Net": "Count",
    "MTCSN": "Share",
}
DRAWN = ".drop button:has-text('drawn example')"


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Path:
    """A training that goes on, with pictures of a case."""
    root = tmp_path_factory.mktemp("runs")
    written(root / "mine", epoch(1, 0.5), epoch(2, 0.7), holder=holder(os.getpid()))
    case = root / "mine" / "snapshots" / "scan 1"
    case.mkdir(parents=True)
    for number in range(3):
        Image.new("RGB", (300, 200), (80 * number, 20, 60)).save(case / f"epoch_{number:04d}.jpg")
    return root


@pytest.fixture(scope="module")
def service(runs):
    skip_without("torch")
    with running("--runs", str(runs)) as started:
        yield started


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as engines:
        opened = engines.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture
def look(browser, service):
    """Open pages; afterwards none may have complained, or asked another server for anything."""
    complaints, asked, contexts = list[str](), set[str](), []

    def opened(path: str = "/", width: int = 1280, scheme: str = "light"):
        context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(WAIT_MS)
        page.on("console", lambda said: complaints.append(said.text) if is_complaint(said) else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda sent: asked.add(re.sub(r"^(\w+:(//[^/]*)?).*", r"\1", sent.url)))
        page.goto(service.address + path)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []
    assert asked <= {service.address, f"blob:{service.address}", "blob:", "data:"}


def is_complaint(said) -> bool:
    return said.type in ("error", "warning") and "GL Driver Message" not in said.text


def violations(page) -> list[str]:
    found = axe.Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]})
    return [f"{each['id']}: {each['nodes'][0]['html'][:120]}" for each in found.response["violations"]]


def answered(page) -> None:
    page.wait_for_selector(".seen canvas")
    page.wait_for_function("[...document.querySelectorAll('.seen canvas')].every(canvas => canvas.width > 40)")
    page.wait_for_timeout(150)  # a frame


def pixels(page, number: int = 0) -> str:
    return page.locator(".seen canvas").nth(number).evaluate("canvas => canvas.toDataURL()")


def redrawn(page, before: str) -> str:
    """Wait until the first plane looks another way."""
    page.wait_for_function("before => document.querySelector('.seen canvas').toDataURL() !== before", arg=before)
    return pixels(page)


def set_slider(page, label: str, value: float) -> None:
    page.get_by_label(label, exact=False).first.evaluate(
        "(input, value) => { input.value = value; input.dispatchEvent(new Event('input')) }", str(value)
    )
    page.wait_for_timeout(150)


def test_gallery_shows_every_entry_and_finds_by_word_and_task(look):
    page = look()
    page.wait_for_selector(".entry")
    total = page.locator(".entry:visible").count()
    page.get_by_label("Search the models").fill("nuclei")
    few = page.locator(".entry:visible").count()
    page.get_by_label("Search the models").fill("")
    page.get_by_role("button", name="point detection").click()

    assert total == 17
    assert 0 < few < total
    assert page.locator(".entry:visible h2").all_inner_texts() == ["U-CSRNet"]


@pytest.mark.parametrize("name", KINDS)
def test_drawn_example_of_each_kind_is_answered(look, name):
    page = look(f"/#/models/{name}")
    page.click(DRAWN)
    answered(page)

    assert KINDS[name] in page.locator(".panel", has_text="Measured").inner_text()
    assert "drawn example" in page.locator(".summary").inner_text()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_no_rule_of_accessibility_is_broken_and_nothing_is_wider_than_the_screen(look, scheme, width):
    pages = {"/": ".entry", "/#/api": "table", "/#/runs": ".runs", "/#/runs/mine": ".cases img[src]"}
    for path, ready in {**pages, "/#/models/2D-UNet": ".drop"}.items():
        page = look(path, width, scheme)
        page.wait_for_selector(ready)

        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.click(DRAWN)
    answered(page)
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("tab", name="Model card").click()
    assert violations(page) == []


def test_all_of_it_works_by_keyboard(look):
    page = look("/#/models/3D-UNet")
    page.wait_for_selector(".drop")
    page.locator(DRAWN).focus()
    page.keyboard.press("Enter")
    answered(page)
    canvas = page.locator(".seen canvas").first
    before = pixels(page)
    canvas.focus()
    page.keyboard.press("ArrowUp")
    scrolled = redrawn(page, before)
    page.get_by_role("slider", name="Threshold").focus()
    page.keyboard.press("End")
    page.get_by_text(re.compile(r"As shown: anterior [\d.]+ ml")).wait_for()
    redrawn(page, scrolled)

    assert re.search(r"anterior [\d.]+ ml .*posterior [\d.]+ ml", page.locator(".summary").inner_text())
    page.get_by_role("tab", name="Try it").focus()
    page.keyboard.press("ArrowRight")
    assert page.get_by_role("tab", name="Model card").get_attribute("aria-selected") == "true"


def test_scope_is_warned_of_where_it_is_seen(look, tmp_path):
    (tmp_path / "scan.mha").write_bytes(volume(0, (24, 24, 24)))
    page = look("/#/models/3D-UNet")
    page.set_input_files("input[aria-label=Files]", tmp_path / "scan.mha")
    answered(page)

    assert "unlike those of the training" in page.locator(".note.warn").inner_text()
    assert page.locator(".seen canvas").count() == 3


def test_volume_is_shown_in_space_by_what_is_served_here(look, tmp_path):
    (tmp_path / "scan.mha").write_bytes(volume(0, (16, 20, 24)))
    page = look("/#/models/3D-UNet")
    page.set_input_files("input[aria-label=Files]", tmp_path / "scan.mha")
    answered(page)
    page.get_by_role("button", name="Show in 3-D").click()

    page.wait_for_selector(".solid[data-ready]")
    assert page.locator(".solid canvas").evaluate("canvas => canvas.width") > 100


def test_dicom_folder_is_one_series_whose_slices_are_summed_up(look, tmp_path):
    for i in range(6):
        tags = {"RescaleIntercept": -1024, "RescaleSlope": 1, "PixelSpacing": [4, 4]}
        values = (chest(dense=i in (2, 3))[::2, ::2] + 1024).astype("uint16")
        write_slice(tmp_path / "study" / f"{i}.dcm", values, (0, 0, 5 * i), **tags)
    page = look("/#/models/Covid-ResNet")
    page.wait_for_selector(".drop")
    page.locator("summary", has_text="Options").click()
    page.get_by_label("window", exact=True).fill("-600, 1500")
    page.set_input_files("input[aria-label=Folder]", tmp_path / "study")
    answered(page)

    assert "most suspicious of" in page.locator(".summary").inner_text()
    assert page.locator(".seen canvas").count() == 3
    assert page.get_by_role("slider", name="Slice, axial").is_visible()


def test_threshold_opacity_and_classes_change_the_picture_at_once(look):
    page = look("/#/models/2D-UNet")
    page.click(DRAWN)
    answered(page)
    answer = pixels(page)
    set_slider(page, "Threshold", 0.02)
    moved = pixels(page)
    page.get_by_role("button", name="as answered").click()
    page.wait_for_timeout(150)
    back = pixels(page)
    page.get_by_role("checkbox", name="lung").uncheck()
    page.wait_for_timeout(150)
    hidden = pixels(page)
    set_slider(page, "Window", 40)

    assert len({answer, moved, hidden, pixels(page)}) == 4
    assert back == answer


def test_training_is_followed_while_it_is_written(look, runs):
    page = look("/#/runs")
    page.get_by_role("link", name="mine").click()
    page.get_by_text("2 of 10").wait_for()
    before = page.locator(".chart path").first.get_attribute("d")
    Image.new("RGB", (300, 200), "white").save(runs / "mine" / "snapshots" / "scan 1" / "epoch_0003.jpg")
    with (runs / "mine" / "log.jsonl").open("a") as log:
        log.write(json.dumps(epoch(3, 0.8)) + "\n")
    page.get_by_text("3 of 10").wait_for()
    page.get_by_text("epoch 3", exact=True).wait_for()  # the newest picture is shown by itself

    assert page.locator(".chart path").first.get_attribute("d") != before
    assert page.get_by_text("time left").is_visible()
    page.get_by_role("slider", name="Epoch of the picture").press("Home")
    page.get_by_text("before the first epoch").wait_for()
    page.get_by_role("button", name="Play").click()
    page.get_by_text("epoch 2", exact=True).wait_for()
    with page.expect_download() as film:
        page.get_by_role("button", name="Film (GIF)").click()
    assert film.value.suggested_filename == "scan 1.gif"
    assert Path(film.value.path()).read_bytes()[:4] == b"GIF8"


def test_bad_file_is_told_and_the_page_goes_on(look, tmp_path):
    (tmp_path / "scan.png").write_bytes(b"no picture")
    page = look("/#/models/2D-UNet")
    page.set_input_files("input[aria-label=Files]", tmp_path / "scan.png")
    told = page.locator(".note.bad").inner_text()
    page.click(DRAWN)
    answered(page)

    assert "scan.png" in told and "/" not in told


def test_run_can_be_cancelled_and_another_begun(look, tmp_path):
    (tmp_path / "large.mha").write_bytes(volume(0, (100, 120, 120)))
    page = look("/#/models/3D-UNet")
    page.set_input_files("input[aria-label=Files]", tmp_path / "large.mha")
    page.get_by_text(re.compile(r"running \d+ of \d+")).wait_for()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_text("Cancelled.").wait_for()
    page.click(DRAWN)
    answered(page)

    assert "drawn example" in page.locator(".summary").inner_text()


def test_answer_can_be_taken_along(look, tmp_path):
    import numpy as np

    (tmp_path / "mine.png").write_bytes(png(np.zeros((90, 80), np.uint8)))
    page = look("/#/models/2D-UNet")
    page.set_input_files("input[aria-label=Files]", tmp_path / "mine.png")
    answered(page)
    with page.expect_download() as saved:
        page.get_by_role("button", name="Answer (JSON)").click()
    taken = saved.value

    assert taken.suggested_filename == "mine.json"
    assert json.loads(Path(taken.path()).read_text())["size"] == [90, 80]


def test_both_frameworks_stand_side_by_side_with_their_difference(look, both_frameworks):
    page = look("/#/models/2D-UNet")
    page.wait_for_selector(".drop")
    page.get_by_text("Both", exact=True).click()
    page.click(DRAWN)
    answered(page)

    assert page.locator(".pair .seen").count() == len(both_frameworks)
    assert "pixels have another label" in page.locator(".note", has_text="PyTorch against MindSpore").inner_text()


def test_token_is_asked_for_once(browser, tmp_path):
    (tmp_path / "token").write_text("0123456789abcdef")
    with running("--token-file", str(tmp_path / "token"), "2D-UNet") as started:
        page = browser.new_page()
        page.goto(started.address)
        page.get_by_role("textbox", name="Token").fill("0123456789abcdef")
        page.get_by_role("button", name="Continue").click()
        page.wait_for_selector(".entry")
        page.close()
