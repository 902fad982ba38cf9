"""The contract of a model package: what an algorithm promises, in NumPy only."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np

from zoo.common.answers.prediction import Prediction
from zoo.common.augment.options import Augmentation
from zoo.common.initialise import initial_value
from zoo.common.metrics.curves import Curve
from zoo.common.phases import ALL, Phase
from zoo.common.records import check_record, check_scaling, check_sizes
from zoo.common.tta import View
from zoo.common.types import Arrays, Case, Image, Sample

OVERLAPS = ("dice", "f1", "iou")  # how scores of single cases begin that are better when they are larger

C = TypeVar("C")
A = TypeVar("A", bound=Augmentation)
This = TypeVar("This", bound="Algorithm[Any]")
Sampler = Callable[
    [int, int, np.random.Generator], list[list[int]]
]  # batch size, repeats, rng -> samples of each batch


Steps = Mapping[str, Sequence[Mapping[str, object]]]


class Algorithm(ABC, Generic[C]):
    """Everything about an algorithm but its network and its loss.

    The network and the loss live beside it, once per framework: `net_<framework>.Net(config)` returns a dict of
    named outputs, `loss_<framework>.losses(outputs, targets, config)` a dict of named, weighted terms.

    An algorithm whose loss needs the network itself (it looks twice, or trains against a critic) defines beside it
    `objective(net, inputs, targets, config, phase, rng)` instead: the same terms, from dicts of the framework's arrays
    with a batch axis. phase: the name of one of `phases`. rng: NumPy's, of this step, the same in both frameworks.
    """

    task: ClassVar[str]  # one of labels.py, or a name of its own
    labels: ClassVar[tuple[str, ...]]  # what a sample of it carries, see labels.py; the first one counts `classes`
    answer_type: ClassVar[type[Prediction]]  # of what postprocess() returns
    monitor: ClassVar[str]  # key of summarise(); the checkpoint with the largest value is the best
    prediction_options: ClassVar[tuple[str, ...]] = ()  # fields of Config that predict() takes for one call
    dense_output: ClassVar[str] = ""  # output on the grid of the input, for windows and views; "" where there is none
    by_slices: ClassVar[bool] = False  # answers for the slices of a volume one by one, and joins the answers
    slicewise: ClassVar[bool] = False  # a network of pictures that takes the slices of a volume (c, d, h, w) in turn
    parts: ClassVar[tuple[str, ...]] = ()  # what net_<framework> has beside Net for methods: decoder, scales
    augmentation: Augmentation = Augmentation()  # options of augment(), a class's defaults or those of one run
    of_classes: ClassVar[tuple[str, ...]] = ()  # fields of Config that hold for its classes alone: others reset them
    of_names: ClassVar[Mapping[str, tuple[str, ...]]] = MappingProxyType({})  # the same for other fields with names

    def __init__(self, config: C) -> None:
        check_record(config)
        check_sizes(config)
        check_scaling(config)
        self.config = config

    def with_config(self: This, config: Any) -> This:
        """Return the algorithm with another configuration."""
        return type(self)(config).with_augmentation(self.augmentation)

    def with_augmentation(self: This, augmentation: Augmentation) -> This:
        """Return the algorithm with other options of augment(); mirrored views follow them."""
        other = copy.copy(self)
        other.augmentation = augmentation
        return other

    def options(self, kind: type[A]) -> A:
        """Return the options of augment() as the record that it needs."""
        if not isinstance(self.augmentation, kind):
            raise TypeError(f"{type(self.augmentation).__name__} given; expected {kind.__name__}")
        return self.augmentation

    @property
    def mirrors(self) -> bool:
        """Tell whether training mirrors; an algorithm whose options do not say so may be mirrored."""
        return bool(getattr(self.augmentation, "mirror", True))

    def enter(self, image: Image) -> Image:
        """Return the image as the network takes it, on the same grid, such as a CT slice in a window; else itself.

        Answers hold it in the place of the image; its `prepared` tells what was done.
        """
        return image

    def slices(self, image: Image) -> Iterator[tuple[int, Image]]:
        """Yield the slices of a volume that are worth looking at, by their index; only where `by_slices`."""
        raise NotImplementedError

    def join(self, image: Image, answers: Iterable[tuple[int, Any]]) -> Prediction:
        """Put the answers for the slices of a volume together; only where `by_slices`."""
        raise NotImplementedError

    def check_labelled(self, image: Image, trains: bool) -> None:
        """Raise InputError for an image that can be answered, but not learned from (`trains`) or scored."""

    @property
    @abstractmethod
    def head(self) -> tuple[str, ...]:
        """Prefixes of the parameters that depend on the classes; fine-tuning may start these anew."""

    @property
    def heads(self) -> Mapping[str, tuple[str, ...]]:
        """Prefixes of the parameters that other names start anew, by the field of Config that holds these names."""
        return {"classes": self.head}

    def counted(self, label: str) -> tuple[str, ...]:
        """Name what a label counts, in the order of its numbers; () where it counts nothing, or nothing has a name."""
        return tuple(getattr(self.config, "classes", ())) if label == self.labels[0] else ()

    @property
    def undecayed(self) -> tuple[str, ...]:
        """Prefixes of the parameters that weight decay leaves alone, beside all of one axis (biases, norms).

        A network with position embeddings or a class token names them.
        """
        return ()

    @property
    def phases(self) -> tuple[Phase, ...]:
        """Parts of a training step, in turn; each moves weights of its own. One for all weights unless told."""
        return ALL

    @property
    def ships(self) -> tuple[str, ...]:
        """Prefixes of the weights that a checkpoint holds, "" for all; what only trains (a critic) may be left out.

        A run that starts from a checkpoint draws the rest anew; one that is resumed has it.
        """
        return ("",)

    def shipped(self, weights: Arrays) -> dict[str, np.ndarray]:
        """Return those of the weights that a checkpoint holds."""
        return {name: value for name, value in weights.items() if name.startswith(self.ships)}

    def sampler(self, samples: Sequence[Sample]) -> Sampler | None:
        """Return how the batches of an epoch are drawn where that is no plain permutation of the training split.

        It may look at all samples, once per run. What it returns lists the numbers of the samples of each batch, as
        many batches in every epoch; how many samples make one of the recipe's `batch_size` is its own business (pairs).
        """
        return None

    def why_stopped(self, metrics: Mapping[str, float]) -> str:
        """Say why a run should not go on after an epoch whose validation gave these metrics; "" where it should.

        Such as a generator that has collapsed. The run ends with this reason, and nothing of that epoch is kept.
        """
        return ""

    @property
    def window(self) -> tuple[int, ...] | None:
        """Size of the windows that the network sees at prediction; None lets it see the whole image.

        With a window, preprocess() may return an image of any size, one input alone, and postprocess() gets what
        keep() made of the blended `dense_outputs`, as name_kept() names it.
        """
        return None

    @property
    def dense_outputs(self) -> tuple[str, ...]:
        """Name all outputs on the grid of the input, which windows blend and views average; `dense_output` is one."""
        return (self.dense_output,) if self.dense_output else ()

    @property
    def tiling(self) -> tuple[float, str]:
        """Overlap of neighbouring windows, as a share of their side, and how they are blended: gaussian, constant."""
        return 0.5, "gaussian"

    @property
    def views(self) -> tuple[View, ...]:
        """Ways to look at the input that test-time augmentation averages over, the unchanged one first; () for none."""
        return ()

    def weighed(self, cases: Sequence[Case]) -> Callable[[np.ndarray], dict[str, float]] | None:
        """Return summarise() as a function of how often each case counts, (cases,); None where it is fast as it is.

        Scores that sort all cases sort them once, and not again for each of a thousand draws.
        """
        return None

    def curves(self, cases: Sequence[Case]) -> dict[str, Curve]:
        """Return curves over the scored cases, by name, with the point at which this configuration works."""
        return {}

    def undo_view(self, outputs: Arrays, view: View) -> Arrays:
        """Bring the outputs for an input seen through `view` back to its own frame; leave out what cannot be averaged.

        Arrays have a batch axis. Places within a cell and the like change with the view, not only the grid.
        """
        return {name: view.undo(outputs[name]) for name in self.dense_outputs}

    def keep(self, scores: np.ndarray) -> np.ndarray:
        """Reduce finished, blended scores (k, *part) of a windowed network to what postprocess() needs.

        Several dense outputs come joined along the first axis, in their order.
        """
        return scores

    def name_kept(self, kept: np.ndarray) -> Arrays:
        """Name what keep() left of the whole image, (..., *size), as postprocess() takes it."""
        return {self.dense_output: kept}

    def as_seen(self, image: Image) -> Image:
        """Return an image with the intensities that the network knows, where preprocess() brings several kinds to one.

        What is in scope is judged on it: Hounsfield units behind a window, where pictures of 0..255 were trained on.
        """
        return image

    @abstractmethod
    def preprocess(self, image: Image) -> Arrays:
        """Turn an image into the inputs of the network, without the batch axis, in the order of its arguments.

        Raises InputError when the image cannot be used (number of axes, channels).
        """

    def steps(self) -> Steps | str:
        """Say as data what preprocess() does with a picture, for zoo/export/scripts/prepare.py; or why data cannot.

        By the name of the input: what is done in turn, each with its options. Written anew with preprocess().
        """
        if self.window is not None:
            return "images of any size go through in windows that overlap, and their answers are blended"
        return f"what {type(self).__name__} does before the network is not written as steps"

    @abstractmethod
    def targets(self, sample: Sample) -> Arrays:
        """Turn labels into what the loss compares with, without the batch axis."""

    @abstractmethod
    def postprocess(self, outputs: Arrays, image: Image) -> Prediction:
        """Turn the outputs for one image (no batch axis) into a prediction in the image's own frame."""

    @abstractmethod
    def augment(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Return a randomly changed copy for training."""

    @abstractmethod
    def perfect_outputs(self, sample: Sample) -> Arrays:
        """Return what a network that knows the labels would put out, without the batch axis.

        postprocess() of it gives the labels back, as far as the network's grid can tell; the contract tests hold an
        algorithm to that. With a window these are the outputs over the whole image, before keep().
        """

    @abstractmethod
    def score(self, prediction: Prediction, sample: Sample) -> Case:
        """Compare one prediction with its labels."""

    @abstractmethod
    def summarise(self, cases: Sequence[Case]) -> dict[str, float]:
        """Condense what `score` gave into the task's metrics; a bootstrap calls it a thousand times."""

    def quality(self, case: Case) -> float:
        """Say how good the answer to one case is, larger is better, to show the best and the worst; or nan."""
        names = (self.monitor, *(name for name in case.row if name.startswith(OVERLAPS)))
        return next((float(case.row[name]) for name in names if name in case.row), float("nan"))

    def why_undefined(self, cases: Sequence[Case]) -> str:
        """Say why the monitored score of these cases is NaN."""
        return f"none of the {len(cases)} cases has what {self.monitor} is measured on"

    def operating_point(self, cases: Sequence[Case]) -> dict[str, Any]:
        """Choose fields of the configuration that only postprocess() reads, such as a threshold; by default none.

        cases: `score` of the validation split with the best weights. A run ends with this, and ships the choice.
        """
        return {}

    def option_at(self, told: float) -> str:
        """Name the option with which predictions call from a told probability on; "" where there is none."""
        return ""

    @abstractmethod
    def baseline(self, training: Iterable[Sample]) -> Callable[[Image], Prediction]:
        """Fit the trivial predictor that a trained network has to beat."""

    @classmethod
    @abstractmethod
    def example(cls, config: C, rng: np.random.Generator) -> Sample:
        """Draw a synthetic, labelled sample; it feeds the tests, the quick start and `zoo doctor`."""

    def initialise(self, name: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        """Draw the first value of one parameter; the same for both frameworks."""
        return initial_value(name, shape, rng)
