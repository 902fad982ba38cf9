"""Raw CT goes into networks of slices: a window, black around the lungs, a series with one summary."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

import zoo
from zoo.common.answers.classification import Classification
from zoo.common.answers.slices import SliceSeries
from zoo.common.classification.series import join_slices
from zoo.common.errors import ConfigError, InputError
from zoo.common.io import read_image
from zoo.common.lungs.hounsfield import as_grey, lung_mask
from zoo.common.types import Image

from .common.dicom_files import write_slice

SIDE, PIXEL_MM = 160, 2.0
WINDOW = (-600, 1500)
CT = Path(__file__).resolve().parents[2] / "shared" / "data" / "volumes_misc" / "images" / "totalseg_ct.nii.gz"


def chest(lungs: bool = True, dense: bool = False) -> np.ndarray:
    """Draw a slice of HU: air, a body, two lungs, perhaps something dense in one, and a bowel loop below a table."""
    rows, columns = np.mgrid[:SIDE, :SIDE] / SIDE
    hu = np.full((SIDE, SIDE), -1000.0)
    hu[((columns - 0.5) / 0.45) ** 2 + ((rows - 0.5) / 0.35) ** 2 < 1] = 40
    hu[150:153] = 80  # the table
    if lungs:
        for x in (0.3, 0.7):
            hu[((columns - x) / 0.13) ** 2 + ((rows - 0.5) / 0.24) ** 2 < 1] = -850
    if lungs and dense:
        hu[((columns - 0.3) / 0.02) ** 2 + ((rows - 0.5) / 0.02) ** 2 < 1] = 0
    return hu.astype(np.float32)


def model(name: str = "Covid-ResNet", **overrides: object) -> zoo.Model:
    return zoo.load(name, checkpoint=None, variant="tiny", backend="torch", **overrides)


def slice_image(hu: np.ndarray) -> Image:
    return Image(hu[None], spacing_mm=(PIXEL_MM, PIXEL_MM), name="slice")


def series_image() -> Image:
    array = np.stack([chest(lungs=0 < i < 7, dense=i in (2, 3)) for i in range(8)])[None]
    return Image(array, spacing_mm=(5.0, PIXEL_MM, PIXEL_MM), name="series")


def test_the_lungs_are_what_is_drawn_with_the_dense_things_in_them() -> None:
    drawn = chest() == -850

    found = lung_mask(chest(dense=True), (PIXEL_MM, PIXEL_MM))

    overlap = 2 * (found & drawn).sum() / (found.sum() + drawn.sum())
    assert overlap > 0.98 and found[SIDE // 2, int(0.3 * SIDE)]  # where something dense is
    assert not lung_mask(chest(lungs=False), None).any()


def test_a_window_maps_hu_as_by_hand_and_says_what_it_did() -> None:
    config = replace(model().config, window=WINDOW)

    seen = as_grey(slice_image(chest()), config)

    assert seen.array[0, SIDE // 2, int(0.3 * SIDE)] == pytest.approx((-850 + 1350) / 1500 * 255, abs=1e-3)
    assert seen.array[0, SIDE // 2, SIDE // 2] == 0  # the mediastinum
    area = (chest() == -850).sum() * PIXEL_MM**2 / 100
    assert seen.prepared["lung_area_cm2"] == pytest.approx(area, rel=0.05)
    assert seen.prepared["lung_mean_hu"] == pytest.approx(-850, abs=30)
    assert "lung_remark" not in seen.prepared
    assert "not that of lungs" in str(
        as_grey(slice_image(chest() + 500), config).prepared.get("lung_remark", "not that of lungs")
    )


def test_gas_and_what_lies_outside_the_body_are_no_lung() -> None:
    hu = chest(lungs=False)
    rows, columns = np.mgrid[:SIDE, :SIDE] / SIDE
    hu[((columns - 0.5) / 0.1) ** 2 + ((rows - 0.5) / 0.1) ** 2 < 1] = -980  # a bowel
    hu[154:] = -880  # foam below the table

    assert not lung_mask(hu, (PIXEL_MM, PIXEL_MM)).any()


def test_lungs_that_the_picture_cuts_off_are_kept_and_told_of() -> None:
    whole, part = chest(dense=True), slice(34, None)
    cut = np.ascontiguousarray(whole[30:130, part])

    found = lung_mask(cut, (PIXEL_MM, PIXEL_MM))
    told = as_grey(slice_image(cut), replace(model().config, window=WINDOW)).prepared

    drawn = (chest() == -850)[30:130, part]
    assert drawn[:, 0].any() and 2 * (found & drawn).sum() / (found.sum() + drawn.sum()) > 0.98
    assert "reach the border" in str(told["lung_remark"])


@pytest.mark.skipif(not CT.is_file(), reason="the scan is not on this machine")
def test_lungs_of_a_scan_are_found_and_its_bowels_are_not() -> None:
    image, structures = read_image(CT), read_image(CT.parents[1] / "labels" / CT.name).array[0]
    lungs = (structures >= 10) & (structures <= 14)

    found = np.stack([lung_mask(hu, image.spacing_mm) for hu in image.array[0]])

    assert 2 * (found & lungs).sum() / (found.sum() + lungs.sum()) > 0.9
    assert (found.any((1, 2)) & ~lungs.any((1, 2))).sum() <= 1  # slices that show bowels alone


@pytest.mark.parametrize("name", ["Covid-ResNet", "Covid-Transformer", "TS-CAM", "WeaklyLesionLocalisation"])
def test_raw_and_prepared_slices_get_the_same_answer(name: str) -> None:
    network = model(name)
    grey = as_grey(slice_image(chest(dense=True)), replace(network.config, window=WINDOW))

    raw = network.predict(slice_image(chest(dense=True)), window=WINDOW)

    np.testing.assert_allclose(raw.probabilities, network.predict(grey).probabilities, atol=1e-6)
    assert raw.to_dict()["prepared"]["lungs"] == "cut"


def test_the_window_of_the_checkpoint_or_of_the_file_is_taken(tmp_path: Path) -> None:
    stored = model(window=WINDOW).save(tmp_path / "w.safetensors")
    tags = {"WindowCenter": [-500, 40], "WindowWidth": [1400, 400], "RescaleIntercept": -1024, "RescaleSlope": 1}
    path = write_slice(tmp_path / "a.dcm", (chest() + 1024).astype(np.uint16), (0, 0, 0), **tags)

    trained = zoo.load("Covid-ResNet", checkpoint=stored, backend="torch").predict(path)
    of_file = model().predict(path, window_from="file")

    assert trained.image.prepared["window_hu"] == "-600, 1500"
    assert of_file.image.prepared["window_hu"] == "-500, 1400"


def test_without_a_window_the_refusal_says_how_to_give_one() -> None:
    with pytest.raises(InputError, match=r"window=\(-600, 1500\)"):
        model().predict(slice_image(chest()))
    with pytest.raises(ConfigError, match="centre and width"):
        model().predict(slice_image(chest()), window=(3.0,))


@pytest.mark.parametrize(
    "classes", [("normal", "COVID"), ("COVID", "NonCOVID"), ("COVID", "Normal"), ("calm", "other")]
)
def test_suspicious_slices_are_those_least_like_the_normal_class_wherever_it_stands(classes: tuple[str, str]) -> None:
    normal, image = int(classes[0] == "COVID"), slice_image(chest())
    shares = np.full(9, 0.95)
    shares[4:6] = 0.1
    rows = np.stack([shares, 1 - shares], axis=1)[:, [normal, 1 - normal]]
    answers = [(i, Classification(image, classes, row)) for i, row in enumerate(rows)]

    found = join_slices(series_image(), classes, answers, 2)

    assert set(found.top) == {4, 5} and found.probabilities[normal] == pytest.approx(0.1)


@pytest.mark.parametrize("name", ["Covid-ResNet", "TS-CAM"])
def test_a_series_gives_its_slices_and_one_summary(name: str, tmp_path: Path) -> None:
    network = model(name)
    answer = network.predict(series_image(), window=WINDOW, top_slices=3)

    assert isinstance(answer, SliceSeries)
    assert answer.indices.tolist() == [1, 2, 3, 4, 5, 6]  # those with lungs
    single = network.predict(slice_image(series_image().array[0, 2]), window=WINDOW)
    np.testing.assert_allclose(answer.slices[1], single.probabilities, atol=1e-5)
    suspicious = np.sort(1 - answer.slices[:, 0])[::-1][:3]
    assert 1 - answer.probabilities[0] == pytest.approx(suspicious.mean(), abs=1e-6)
    assert answer.rule == "mean of the 3 most suspicious of 6 slices" and len(answer.rows()) == 7
    told = answer.to_dict()
    assert told["prepared"] == {"window_hu": "-600, 1500", "window_from": "checkpoint", "lungs": "cut"}
    assert all(each["lung_area_cm2"] > 100 for each in told["slices"])  # type: ignore[attr-defined]
    answer.plot(tmp_path / "o.png")
    if name == "TS-CAM":
        np.testing.assert_array_equal(answer.mask[2], single.mask)
        saved = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(answer.save(tmp_path / "m.nii.gz"))))
        np.testing.assert_array_equal(saved > 0, answer.mask)


def test_a_series_without_lungs_is_refused() -> None:
    with pytest.raises(InputError, match="none of 3 slices shows lungs"):
        model().predict(Image(np.stack([chest(lungs=False)] * 3)[None]), window=WINDOW)


@pytest.mark.filterwarnings("ignore::zoo.common.errors.ScopeWarning")  # a drawing is unlike the slices of training
def test_the_scope_of_shipped_weights_is_judged_on_the_slice_that_the_network_sees() -> None:
    shipped = zoo.load("Covid-ResNet", backend="torch")
    raw = slice_image(chest(dense=True))
    seen = as_grey(raw, replace(shipped.config, window=WINDOW))

    answer = shipped.predict(raw, window=WINDOW)

    assert set(answer.out_of_scope) == set(shipped.scope.reasons(seen))
    assert answer.probabilities == pytest.approx(shipped.predict(seen).probabilities, abs=1e-6)
