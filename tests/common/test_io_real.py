"""Scans from scanners and public sets keep their numbers and their place on the way in and out."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK

from zoo.common.io import read_image
from zoo.common.io.write import write_labels, write_map
from zoo.common.transforms.orientation import axis_codes, back_to, to_canonical

DATA = Path(os.environ.get("ZOO_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
VOLUMES = sorted((DATA / "volumes_misc").glob("*/*.nii.gz")) + sorted(
    path for kind in ("images", "labels") for path in list((DATA / "msd_hippocampus" / kind).glob("*.nii.gz"))[:2]
)
PICTURES = [
    found[0]
    for folder in ("hc18", "covid_ct_wll", "monuseg", "bccd", "cxr_lungs", "sunnybrook_cmr")
    if (
        found := sorted(
            p for p in (DATA / folder / "images").rglob("*") if p.suffix.lower() in (".png", ".jpg", ".tif")
        )
    )
]
pytestmark = pytest.mark.skipif(not VOLUMES, reason=f"{DATA}: no real scans there; ZOO_DATA names their folder")
each_volume = pytest.mark.parametrize("path", VOLUMES, ids=lambda path: f"{path.parent.name}-{path.name}")


@each_volume
def test_nibabel_and_simpleitk_read_the_same(path: Path) -> None:
    image, peer, itk = read_image(path), nibabel.load(path), SimpleITK.ReadImage(path)

    np.testing.assert_array_equal(image.array[0].T, peer.get_fdata(dtype=np.float32))
    np.testing.assert_allclose(image.affine, peer.affine, atol=1e-6)
    corner = [n - 1 for n in itk.GetSize()]
    expected = itk.TransformIndexToPhysicalPoint(corner)
    np.testing.assert_allclose((image.affine @ (*corner, 1))[:3] * (-1, -1, 1), expected, atol=2e-3)
    assert axis_codes(image.affine) == "".join(nibabel.aff2axcodes(peer.affine))


@each_volume
@pytest.mark.parametrize("suffix", [".nii.gz", ".mha", ".nrrd"])
def test_a_mask_made_on_the_canonical_volume_fits_the_scan(path: Path, suffix: str, tmp_path: Path) -> None:
    image = read_image(path)
    threshold = float(np.median(image.array))
    drawn = to_canonical(image).array[0] > threshold

    saved = write_labels(tmp_path / f"mask{suffix}", back_to(drawn, image), image, ("rest", "bright"))

    mask = read_image(saved)
    np.testing.assert_array_equal(mask.array[0] > 0, image.array[0] > threshold)
    np.testing.assert_allclose(mask.affine, image.affine, atol=1e-4)
    if suffix == ".nii.gz":
        np.testing.assert_allclose(nibabel.load(saved).affine, nibabel.load(path).affine, atol=1e-4)


@each_volume
def test_a_map_keeps_numbers_and_place(path: Path, tmp_path: Path) -> None:
    image = read_image(path)

    saved = read_image(write_map(tmp_path / "map.nii.gz", image.array[0], image))

    np.testing.assert_array_equal(saved.array, image.array)
    np.testing.assert_allclose(saved.affine, image.affine, atol=1e-4)


def test_labels_lie_on_the_grid_of_their_scan() -> None:
    folder = DATA / "volumes_misc"
    with (folder / "index.csv").open(encoding="utf-8") as file:
        assert list(csv.DictReader(file))
    for path in sorted((folder / "images").glob("*.nii.gz")):
        image, labels = read_image(path), read_image(folder / "labels" / path.name)

        assert labels.size == image.size
        np.testing.assert_allclose(labels.affine, image.affine, atol=1e-3)


@pytest.mark.parametrize("path", PICTURES, ids=lambda path: path.parent.parent.name)
def test_a_mask_of_a_picture_has_its_pixels(path: Path, tmp_path: Path) -> None:
    image = read_image(path)
    drawn = image.array[0] > np.median(image.array[0])

    saved = read_image(write_labels(tmp_path / "mask.png", drawn, image, ("rest", "bright")))

    np.testing.assert_array_equal(saved.array[0] > 0, drawn)
