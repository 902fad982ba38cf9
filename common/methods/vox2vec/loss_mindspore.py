"""The term of vox2vec in MindSpore."""

from __future__ import annotations

from zoo.common.methods.maps_mindspore import contrast, rows_of
from zoo.common.methods.run_mindspore import Run, Tensors

from .method import Vox2Vec


def terms(run: Run, guidance: Tensors, method: Vox2Vec) -> Tensors:
    """Compare the features of equal places in two views with those of other places."""
    views, first, second = method.views(run.numbers(run.image), run.rng)
    net, rows = run.nets[0], len(run.image)
    features = net.decode(net.encode(run.array(views)))[0]
    one, other = rows_of(features[:rows], run.array(first)), rows_of(features[rows:], run.array(second))
    return {"contrast": contrast(one, other, method.temperature)}
