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
# # Two frameworks, one answer
#
# Every network of the zoo is written in PyTorch and in MindSpore, with the same names of its weights. Here both see the same
# image, take the same training step from the same numbers, and hand weights to each other.

# %%
import tempfile
from pathlib import Path

import numpy as np

import zoo

folder = Path(tempfile.mkdtemp())
models = {name: zoo.load("2D-UNet", backend=name) for name in ("torch", "mindspore")}
models["torch"]

# %%
models["mindspore"]

# %% [markdown]
# **The same weights, the same image.** What differs is the order in which floats are added.

# %%
image = models["torch"].algorithm.example(models["torch"].config, np.random.default_rng(0)).image
answers = {name: model.predict(image, probabilities=True) for name, model in models.items()}
apart = np.abs(answers["torch"].probabilities - answers["mindspore"].probabilities)
print(
    f"largest difference of a probability: {apart.max():.1e}; pixels of another class: "
    f"{(answers['torch'].labels != answers['mindspore'].labels).sum()}"
)
assert apart.max() < 1e-4

# %%
answers["mindspore"]

# %% [markdown]
# **The same first weights.** They are drawn in NumPy, by the name of each parameter, so that both frameworks start alike.

# %%
fresh = {name: zoo.load("2D-UNet", backend=name, checkpoint=None, variant="tiny", seed=3) for name in models}
weights = {name: model.engine.weights() for name, model in fresh.items()}
assert all(np.array_equal(value, weights["mindspore"][name]) for name, value in weights["torch"].items())
len(weights["torch"]), sum(value.size for value in weights["torch"].values())

# %% [markdown]
# **The same losses**, after the same steps on the same samples.

# %%
from zoo.common.batches import stack

losses = {}
samples = [fresh["torch"].algorithm.example(fresh["torch"].config, np.random.default_rng(seed)) for seed in range(2)]
for name, model in fresh.items():
    algorithm, engine = model.algorithm, model.engine
    inputs = stack([algorithm.preprocess(sample.image) for sample in samples])
    targets = stack([algorithm.targets(sample) for sample in samples])
    engine.start_training(model.recipe(), algorithm.head, algorithm.undecayed, algorithm.phases)
    losses[name] = [sum(engine.step(inputs, targets, 1e-3, seed=step).terms.values()) for step in range(3)]
print(losses)
assert np.allclose(losses["torch"], losses["mindspore"], rtol=1e-3)

# %% [markdown]
# **Weights pass between them**: a file that one wrote, the other opens.

# %%
path = models["mindspore"].save(folder / "from-mindspore.safetensors")
again = zoo.load("2D-UNet", backend="torch", checkpoint=path)
assert np.array_equal(again.predict(image).labels, answers["torch"].labels)
again
