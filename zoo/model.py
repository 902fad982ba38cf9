"""A loaded algorithm: predict, train, evaluate, save."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from zoo.common.algorithm import Algorithm
from zoo.common.answers.prediction import Prediction
from zoo.common.errors import InputError
from zoo.common.files.outputs import user_path
from zoo.common.labels import TASKS
from zoo.common.methods.contract import SUPERVISED
from zoo.common.provenance import Provenance
from zoo.common.recipe import Recipe
from zoo.common.scope import Record
from zoo.common.weights import write_checkpoint
from zoo.engines.backends import resolve
from zoo.engines.engine import UNREDUCED, Engine, check_trains, open_engine, precision_of
from zoo.notebook import model_html
from zoo.prediction.into import BATCH, into_folder, into_memory
from zoo.prediction.options import checked_batch_size
from zoo.prediction.passes import check_views, with_options
from zoo.prediction.predictions import PredictionList
from zoo.prediction.scope import Scope, scope_of
from zoo.prediction.series import PATH, Wanted
from zoo.prediction.sources import images
from zoo.registry.package import Package
from zoo.weights.identity import provenance_of, taught_by_images, to_metadata

if TYPE_CHECKING:
    from zoo.common.augment.options import Choice
    from zoo.common.datasets import Dataset
    from zoo.common.datasets.two_folders import FolderPair
    from zoo.evaluation import Evaluation
    from zoo.prediction.many import Results
    from zoo.registry import Entry
    from zoo.training.settings import Report


class Model:
    """An algorithm with its configuration and weights on one framework and device; made by `zoo.load`."""

    def __init__(
        self,
        entry: Entry,
        algorithm: Algorithm[Any],
        engine: Engine,
        variant: str,
        source: str,
        record: Record | None = None,
        sha256: str = "",
        about: Mapping[str, Any] | None = None,
    ) -> None:
        self.entry = entry
        self.algorithm = algorithm
        self.engine = engine
        self.variant = variant
        self.source = source  # where the weights came from
        self.sha256 = sha256  # of the weight file that was loaded; "" for weights that never were in one
        self.record = record  # what the training images looked like; None when unknown
        self.about = dict(about or {})  # what its weight file says of its origin: adopted, trained

    @property
    def name(self) -> str:
        """Name of the algorithm in the registry."""
        return self.entry.name

    @property
    def config(self) -> Any:
        """The algorithm's configuration, a frozen dataclass."""
        return self.algorithm.config

    @property
    def backend(self) -> str:
        """The backend in use: torch, mindspore, openvino or onnxruntime."""
        return self.engine.framework

    @property
    def precision(self) -> str:
        """What the backend computes in: f32, unless another one was asked for."""
        return precision_of(self.engine)

    @property
    def device(self) -> str:
        """The device in use, whatever was asked for."""
        return self.engine.device

    @property
    def scope(self) -> Scope:
        """The images that the model is for."""
        return scope_of(self.entry, self.algorithm, self.record, taught_by_images(self.about))

    @property
    def net(self) -> Any:
        """The framework's own network; BackendError for a backend that only predicts."""
        return self.engine.net

    @property
    def identity(self) -> dict[str, str]:
        """What answers, in plain words for tables."""
        known = self.made_by.to_dict()
        more = {name: known[name] for name in ("checkpoint", "sha256", "version")}
        return {"name": self.name, "backend": self._computing, "device": self.device, "weights": self.source, **more}

    @property
    def made_by(self) -> Provenance:
        """What predictions say of their origin."""
        return provenance_of(self.entry, self.source, self.sha256, self._computing, self.device)

    def __repr__(self) -> str:
        return f"<{self.name} ({self.variant}) in {self._computing} on {self.device}, weights: {self.source}>"

    @property
    def _computing(self) -> str:
        return self.backend if self.precision == UNREDUCED else f"{self.backend} {self.precision}"

    _repr_html_ = model_html

    def predict(
        self,
        source: object,
        *,
        spacing_mm: tuple[float, ...] | float | None = None,
        batch_size: int = BATCH,
        tta: bool = False,
        series: Wanted | None = None,
        name_by: str = PATH,
        **options: Any,
    ) -> Prediction | PredictionList:
        """Predict one image (path, array, Image) or many (folder, glob, list or generator of these).

        An image may also be the bytes of a file, an open file, or an image of Pillow, SimpleITK or nibabel. One image
        gives one prediction and raises InputError when it cannot be used. Many give a PredictionList in order; images
        that cannot be used are in its `.failures`, with a warning, and the others are finished.
        Each DICOM series of a folder is one image; series={"modality": "CT", "description": "*lung*", "uid": ...}
        chooses among them, and a warning says what was left out and why, as does `.left_out`.
        An image is named by its path as given, or with name_by="series" by PatientID/SeriesInstanceUID. A bug is raised
        for one image; of many, it is an UnexpectedError.
        spacing_mm: size of one pixel where the file does not say it, (h, w) or one number for square pixels.
        tta: average over mirrored views of the image. options: see `algorithm.prediction_options`.
        """
        algorithm, batch_size = with_options(self.algorithm, options), checked_batch_size(batch_size)
        if tta:
            check_views(algorithm, self.engine)
        return into_memory(self, algorithm, images(source, spacing_mm, series, name_by), batch_size, tta)

    def predict_into(self, out: str | Path, source: object, **asked: Any) -> Results:
        """Predict any number of images into a folder, as `zoo predict --out` does: memory does not grow with them.

        Answers are on disk as they come, in order: a line, a mask, an overlay. Takes all that `predict` takes, and:
        skip_existing: go on with what an earlier call left in `out`, however it ended. overwrite: start anew.
        overlays: False draws none. mask_format: dcm (DICOM-SEG), nii.gz, nrrd or png. report: a DICOM SR in reports/
        for each. capture: the overlay, and structures: the outlines of masks, as DICOM. deidentify: basic or keep-uids.
        shard: "3/8" predicts the third of eight parts into a folder of its own in `out`; `zoo merge` joins them.
        ray: "local", or the address of a Ray cluster, whose workers predict.
        """
        return into_folder(self, out, source, **asked)

    def train(
        self,
        data: str | Path | FolderPair | Dataset,
        *,
        out: str | Path = "runs/last",
        layout: str | None = None,
        resume: bool = False,
        augment: Choice = None,
        method: str = SUPERVISED,
        method_options: Mapping[str, Any] | None = None,
        snapshots: int = 0,
        **recipe: Any,
    ) -> Report:
        """Train from the weights that are loaded; afterwards the model holds the best weights of the run.

        A run takes effect when it ends: after an error or Ctrl-C the model is as it was, its classes included, and what
        was learned lies in `out`. A call that is refused leaves no folder behind.

        data: a folder or manifest, see `zoo.common.datasets`, a `FolderPair`, or what `open_dataset` made of one.
        out: the folder of the run (log, checkpoints, curves; snapshots/: so many validation cases after every epoch).
        augment: options of the algorithm's augmentation, such as {"mirror": False}; False turns everything off.
        method: what a step is, see `zoo.list_methods`; method_options: what `zoo methods show NAME` lists.
        recipe: fields of `zoo.common.recipe.Recipe`; the rest comes from the algorithm's own recipe.
        Other classes than the model's start the head anew, and a warning names its weights; their order may differ.
        Raises DataError, ConfigError or TrainingError; KeyboardInterrupt after Ctrl-C, with the state saved.
        """
        from zoo.common.methods.data import chosen_method, fitting
        from zoo.common.splits import warn_of_equal_images
        from zoo.training.run import train
        from zoo.training.settings import Order

        check_trains(self.engine)
        chosen = self.recipe(**recipe)
        way = chosen_method(method, method_options, chosen, self.algorithm, self.name)
        dataset = fitting(
            self._open(data, layout, way.uses_unlabelled or way.uses_images_only), way, self.algorithm.labels
        )
        warn_of_equal_images(dataset)
        return train(self, dataset, user_path(out), Order(chosen, augment, resume, way, snapshots))

    def pretrain(self, images: str | Path | Dataset, *, method: str = "models-genesis", **asked: Any) -> Report:
        """Train on images alone, see `zoo.list_methods("self-supervised")`; what comes out is a start for `train`."""
        from zoo.training.pretrain import pretrain

        return pretrain(self, images, method, **asked)

    def recipe(self, **changes: Any) -> Recipe:
        """Return the algorithm's recipe for this variant with some fields changed."""
        from zoo.training.loop import recipe_of, recipe_with

        return recipe_with(recipe_of(self.entry, self.variant), changes)

    def evaluate(
        self,
        data: str | Path | FolderPair | Dataset,
        *,
        split: str = "test",
        layout: str | None = None,
        out: str | Path | None = None,
        overwrite: bool = False,
        baseline: bool = True,
        batch_size: int = BATCH,
        tta: bool = False,
        by: str | Sequence[str] = (),
        at_sensitivity: float | None = None,
        at_specificity: float | None = None,
        **options: Any,
    ) -> Evaluation:
        """Score the model on one split, beside the trivial predictor fitted on the training split.

        out: where to write the tables, pictures and report.html of `Evaluation.save`, if anywhere.
        overwrite: replace what an earlier evaluation wrote there; nothing else is ever replaced.
        tta: average over mirrored views of each image. by: columns that divide the cases into subgroups, such as
        ("sex", "scanner"): of tables beside the data, of the .json beside pictures, or DICOM tags.
        at_sensitivity, at_specificity: of classifiers, choose the threshold that reaches this on the validation split,
        and report what it gives on `split`. options: as of `predict`.
        Raises DataError where the data has other classes; the same in another order are renumbered, with a warning.
        """
        from zoo.common.datasets.classes import counted_alike
        from zoo.report.run import Asked, evaluate_model

        how = split, by, at_sensitivity, at_specificity, baseline, checked_batch_size(batch_size), tta
        asked = Asked.of(self.algorithm.labels, *how).with_options(self.algorithm, options, self.engine)
        dataset = counted_alike(self._open(data, layout, None), self.algorithm)
        return evaluate_model(self, dataset, asked, out, overwrite)

    def save(self, path: str | Path) -> Path:
        """Write the weights with the model's identity to a .safetensors file that either framework opens."""
        check_trains(self.engine, "does not save weights")
        path = user_path(path)
        if path.suffix != ".safetensors":
            raise InputError(f"{path}: weights are saved as .safetensors; give such a name")
        try:
            more: dict[str, object] = {"augmentation": dataclasses.asdict(self.algorithm.augmentation)}
            more |= self.about if self.record is None else {**self.about, "scope": self.record.to_dict()}
            metadata = to_metadata(self.name, self.variant, self.config, **more)
            write_checkpoint(path, self.algorithm.shipped(self.engine.weights()), metadata)
        except (OSError, ValueError) as error:
            told = getattr(error, "strerror", None) or error
            raise InputError(f"{str(path)[:200]}: cannot be written ({told}); give a place that can be") from error
        return path

    def export(self, out: str | Path, *, data: Any = None, layout: str | None = None, **asked: Any) -> Path:
        """Write the network for other programs into a new folder: its file, an example, a program that runs it.

        format: onnx, openvino, torchscript, pt2 or mindir. precision: of openvino also bf16 and int8, which `data`
        (labelled, perhaps of a `layout`) calibrate and have to allow, see docs/engines.md.
        """
        from zoo.export.run import export

        return export(self, out, data=None if data is None else self._open(data, layout), **asked)

    def __getstate__(self) -> dict[str, Any]:
        """Pack what another process needs: the engine as its framework, device and weights."""
        engine = (self.engine.framework, self.engine.device, self.engine.weights(), self.precision)
        return {**self.__dict__, "engine": engine}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Build the engine anew; a training that was under way starts with a fresh optimiser."""
        framework, device, weights, precision = state["engine"]
        self.__dict__.update(state)
        device = resolve(framework, device).device  # another machine may have none such; then it says so
        self.engine = open_engine(Package(self.entry), self.config, framework, device, precision)
        self.engine.load(weights)

    def _open(
        self, data: str | Path | FolderPair | Dataset, layout: str | None, unlabelled: bool | None = False
    ) -> Dataset:
        from zoo.common.datasets import Dataset, open_dataset

        if isinstance(data, Dataset):
            return data
        known = self.algorithm.task if self.algorithm.task in TASKS else self.algorithm.labels  # what readers know
        dataset = open_dataset(data, known, layout=layout, unlabelled=unlabelled)
        tqdm.write(dataset.describe_split(), file=sys.stderr)  # who opened a data set knows; a path does not tell
        return dataset
