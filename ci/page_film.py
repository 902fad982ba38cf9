"""Film the page of `zoo serve` for README: twenty seconds in a headless Chromium, as a GIF.

python ci/page_film.py [OUT.gif] [--backend torch]

Writes docs/assets/page.gif: the gallery, an entry that is searched for, its drawn example, opacity, a volume with its
slices and its threshold, and both frameworks beside each other where both are installed. Needs Debian's chromium.
"""

from __future__ import annotations

import argparse
import io
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image, ImageDraw
from playwright.sync_api import Locator, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "docs" / "assets" / "page.gif"
SIZE, SHRUNK, COLOURS = (960, 620), 0.75, 96  # of the window [px]; of the film, as a share of it; of its palette
SECONDS, LARGEST_BYTES, WAIT_MS = 20.0, 2_000_000, 240_000
RING_PX = 13  # radius of the mark at a click


@dataclass
class Film:
    """Frames of a page, each with its time [s]."""

    page: Page
    frames: list[tuple[Image.Image, float]] = field(default_factory=list)

    def look(self, seconds: float, at: Locator | None = None) -> None:
        """Keep what is seen, with a mark on the thing that is used."""
        picture = Image.open(io.BytesIO(self.page.screenshot(timeout=WAIT_MS))).convert("RGB")
        box = at.bounding_box() if at is not None else None
        if box is not None:
            x, y = box["x"] + min(box["width"] / 2, 60), box["y"] + box["height"] / 2
            place = (x - RING_PX, y - RING_PX, x + RING_PX, y + RING_PX)
            ImageDraw.Draw(picture).ellipse(place, outline="#e0463a", width=4)
        size = (round(SIZE[0] * SHRUNK), round(SIZE[1] * SHRUNK))
        self.frames.append((picture.resize(size, Image.Resampling.LANCZOS), seconds))

    def click(self, at: Locator, seconds: float = 0.7) -> None:
        """Show what will be clicked, and click it."""
        self.look(seconds, at)
        at.click()

    def save(self, path: Path) -> Path:
        """Write the frames as a GIF of twenty seconds, with one palette, so that what stands still takes no room."""
        sheet = Image.new("RGB", (self.frames[0][0].width, sum(frame.height for frame, _ in self.frames)))
        for i, (frame, _) in enumerate(self.frames):
            sheet.paste(frame, (0, i * frame.height))
        palette = sheet.quantize(COLOURS)
        drawn = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame, _ in self.frames]
        scale = SECONDS / sum(seconds for _, seconds in self.frames)
        times = [max(20, round(seconds * scale * 100) * 10) for _, seconds in self.frames]
        drawn[0].save(path, save_all=True, append_images=drawn[1:], duration=times, loop=0, optimize=True)
        if path.stat().st_size > LARGEST_BYTES:
            raise SystemExit(f"{path}: {path.stat().st_size:,} bytes; expected at most {LARGEST_BYTES:,}")
        return path


def answered(page: Page) -> None:
    """Wait for an answer, and bring it into sight."""
    page.get_by_text(re.compile("^Answered in")).wait_for(timeout=WAIT_MS)
    page.wait_for_timeout(600)
    page.locator(".summary").evaluate("node => scrollTo(0, node.getBoundingClientRect().top + scrollY - 8)")
    page.wait_for_timeout(300)


def slide(film: Film, label: str, values: list[float], seconds: float) -> None:
    """Move a slider and keep each of its places."""
    slider = film.page.get_by_role("slider", name=label, exact=False).first
    for value in values:
        slider.evaluate("(i, v) => { i.value = v; i.dispatchEvent(new Event('input')) }", str(value))
        film.page.wait_for_timeout(250)
        film.look(seconds)


def open_entry(film: Film, name: str) -> None:
    """Go to an entry by its card in the gallery."""
    film.page.goto(film.page.url.split("#")[0] + "#/")
    film.page.get_by_label("Search the models").fill("")
    film.page.get_by_label("Search the models").fill(name)
    film.page.wait_for_timeout(300)
    film.click(film.page.get_by_role("link", name=name, exact=True))
    film.page.wait_for_selector(".drop")


def act(film: Film) -> None:
    """Play what the film shows."""
    page = film.page
    page.wait_for_selector(".entry")
    page.wait_for_timeout(800)
    film.look(2.0)
    search = page.get_by_label("Search the models")
    for text in ("nu", "nucle", "nuclei"):
        search.fill(text)
        page.wait_for_timeout(150)
        film.look(0.4, search)
    film.click(page.get_by_role("link", name="Han-Net", exact=True), 1.0)
    page.wait_for_selector(".drop")
    film.click(page.locator(".drop button", has_text="drawn example"), 1.0)
    answered(page)
    film.look(1.6)
    slide(film, "Overlay", [0.8, 0.0, 0.4], 0.5)
    open_entry(film, "3D-UNet")
    film.click(page.locator(".drop button", has_text="drawn example"))
    answered(page)
    film.look(1.0)
    slide(film, "Slice, axial", [8, 11, 14, 17, 20, 16], 0.3)
    slide(film, "Threshold", [0.8, 0.95, 0.5], 0.4)
    open_entry(film, "2D-UNet")
    both = page.get_by_text("Both", exact=True)
    if both.count():
        film.click(both)
    film.click(page.locator(".drop button", has_text="drawn example"))
    answered(page)
    film.look(2.2)
    page.locator(".note", has_text="against").first.evaluate("n => n.scrollIntoView({block: 'center'})")
    page.wait_for_timeout(300)
    film.look(1.8)


def main() -> None:
    """Start the service, play, write the film."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("out", nargs="?", type=Path, default=OUT)
    parser.add_argument("--backend", help="of the service; both frameworks if left out")
    asked = parser.parse_args()
    options = ["--backend", asked.backend] if asked.backend else []
    command = [sys.executable, "-m", "zoo", "serve", "--port", "0", *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process, sync_playwright() as browsers:
        try:
            assert process.stderr is not None
            address = re.search(r"http://\S+", process.stderr.readline())
            assert address is not None, "the service did not start"
            browser = browsers.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": SIZE[0], "height": SIZE[1]}, color_scheme="light")
            page.set_default_timeout(WAIT_MS)
            page.goto(address[0])
            film = Film(page)
            act(film)
            browser.close()
            path = film.save(asked.out)
            print(f"{path}: {len(film.frames)} frames, {path.stat().st_size:,} bytes")
        finally:
            process.send_signal(2)


if __name__ == "__main__":
    main()
