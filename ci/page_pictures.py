"""Draw the gallery of `zoo serve`: each entry's own drawn example with the answer of its shipped weights.

python ci/page_pictures.py [NAME ...]

Takes what the page itself draws, in a headless Chromium (Debian: apt install chromium).
"""

from __future__ import annotations

import base64
import io
import re
import shutil
import subprocess
import sys
from pathlib import Path

from PIL import Image, ImageOps
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "zoo" / "serve" / "page" / "pictures"
SIZE, QUALITY = (480, 300), 78
WAIT_MS = 180_000


def draw(page: Page, address: str, name: str) -> Path:
    """Try an entry on its drawn example, and keep what is seen."""
    page.goto(f"{address}/#/models/{name}")
    page.reload()
    page.locator(".drop button", has_text="drawn example").click()
    page.wait_for_selector(".seen canvas", timeout=WAIT_MS)
    page.wait_for_timeout(700)
    url = page.locator(".seen canvas").first.evaluate("canvas => canvas.toDataURL('image/png')")
    picture = Image.open(io.BytesIO(base64.b64decode(url.split(",")[1]))).convert("RGB")
    path = PICTURES / f"{name}.webp"
    ImageOps.fit(picture, SIZE, Image.Resampling.LANCZOS).save(path, "WEBP", quality=QUALITY)
    return path


def main(names: list[str]) -> None:
    """Draw the entries that are named, or all that have weights."""
    import zoo

    names = names or [name for name in zoo.list_models() if zoo.info(name).checkpoints]
    command = [sys.executable, "-m", "zoo", "serve", "--port", "0", "--backend", "torch"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process, sync_playwright() as browsers:
        assert process.stderr is not None
        address = re.search(r"http://\S+", process.stderr.readline())
        assert address is not None, "the service did not start"
        browser = browsers.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1200, "height": 900}, color_scheme="dark")
        for name in names:
            print(draw(page, address[0], name).name)
        browser.close()
        process.send_signal(2)


if __name__ == "__main__":
    main(sys.argv[1:])
