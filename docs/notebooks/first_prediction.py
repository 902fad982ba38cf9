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
# # First prediction
#
# Load a model with its shipped weights, give it an image, look at the answer, save it. The image is drawn, because pictures of
# patients are not ours to give away. **No model here is a medical device.**

# %%
import tempfile
from pathlib import Path

import numpy as np

import zoo

folder = Path(tempfile.mkdtemp())
zoo.list_models()

# %% [markdown]
# Each name has a card; `zoo.info` has the facts of it.

# %%
zoo.info("EllipseNet")

# %% [markdown]
# The first framework that is installed is taken; `backend="torch"` or `"mindspore"` chooses.

# %%
model = zoo.load("EllipseNet")
model

# %% [markdown]
# `predict` takes a path, an array, a folder, a list. Every algorithm can also draw an example of what it is for.

# %%
image = model.algorithm.example(model.config, np.random.default_rng(0)).image
found = model.predict(image)
found

# %%
found.measurements

# %% [markdown]
# Answers are saved by their suffix: JSON, CSV, an overlay; masks and outlines where there are some.

# %%
found.save(folder / "head.json")
found.plot(folder / "head.png")
sorted(path.name for path in folder.iterdir())

# %% [markdown]
# Many images at once: what cannot be used is listed, and the others are answered.

# %%
images = [model.algorithm.example(model.config, np.random.default_rng(seed)).image for seed in range(3)]
many = model.predict(images)
many

# %%
many.to_dataframe()

# %% [markdown]
# A network answers every image, also noise. Whether an image is like those of the training is said beside the answer.

# %%
noise = model.predict(np.random.default_rng(1).uniform(0, 255, (200, 300)).astype(np.float32))
noise.out_of_scope
