# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # From your own data to a report
#
# Pictures in `images/`, masks in `masks/`, a table that says which patient each is of: train, look at the curves, score on the
# test split with intervals, write one page for a reviewer. Drawn data and a tiny network, so that it takes seconds.

# %%
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

import zoo
from zoo.common.datasets import open_dataset

folder = Path(tempfile.mkdtemp())
data = folder / "data"


def draw(number: int) -> str:
    """Write a picture of a bright ellipse and its mask; return the line of the table."""
    rng = np.random.default_rng(number)
    mask = Image.new("L", (96, 64))
    x, y, a, b = rng.integers(36, 60), rng.integers(28, 36), rng.integers(14, 26), rng.integers(10, 18)
    ImageDraw.Draw(mask).ellipse((x - a, y - b, x + a, y + b), fill=1)
    values = 60 + 110 * np.array(mask) + rng.normal(0, 12, (64, 96))
    Image.fromarray(np.clip(values, 0, 255).astype(np.uint8)).save(data / "images" / f"{number:02d}.png")
    mask.save(data / "masks" / f"{number:02d}.png")
    return f"{number:02d},{'train' if number < 12 else 'val' if number < 16 else 'test'},patient{number // 2}"


for name in ("images", "masks"):
    (data / name).mkdir(parents=True)
lines = ["id,split,group", *(draw(number) for number in range(20))]
(data / "split.csv").write_text("\n".join(lines))
(data / "classes.txt").write_text("background\nlesion\n")
# %% [markdown]
# **Look before anything is trained.** What is wrong with the data comes here, by the name of the file.

# %%
dataset = open_dataset(data, "segmentation")
print(dataset.describe_split())
dataset[0]

# %% [markdown]
# **Train.** `snapshots=1` draws one validation case after every epoch; `zoo watch FOLDER` follows a run from another window.

# %%
model = zoo.load("2D-UNet", checkpoint=None, variant="tiny")
report = model.train(dataset, out=folder / "run", epochs=8, batch_size=4, repeats=2, snapshots=1)
report.best_epoch, round(report.best_score, 3)

# %%
Image.open(report.folder / "curves.png")

# %%
film = Image.open(next((report.folder / "snapshots").rglob("*.gif")))
film.seek(film.n_frames - 1)
film.convert("RGB")

# %% [markdown]
# **Score** on the test split, beside the trivial baseline; the intervals are over patients.

# %%
scores = model.evaluate(dataset, out=folder / "scores")
scores

# %% [markdown]
# The worst cases are worth more than the mean:

# %%
cases = scores.to_dataframe()
cases.sort_values("dice_lesion").head(3)

# %% [markdown]
# `report.html` is one page with all of it, and opens without a network.

# %%
sorted(path.name for path in (folder / "scores").iterdir())

# %%
model.save(folder / "mine.safetensors")
zoo.load("2D-UNet", checkpoint=folder / "mine.safetensors")
