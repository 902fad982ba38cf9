"""Every orientation of a volume is normalised and undone to the voxel."""

from __future__ import annotations

from itertools import permutations, product
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK
from scipy.ndimage import zoom
from scipy.spatial.transform import Rotation

from zoo.common.errors import InputError
from zoo.common.io import read_image
from zoo.common.io.write import write_labels
from zoo.common.transforms.orientation import axis_codes, back_to, to_canonical
from zoo.common.types import Image

from .files import RNG

PAIRS = ("LR", "PA", "IS")
CODES = ["".join(code) for order in permutations(PAIRS) for code in product(*order)]
SPACINGS = ((1.0, 1.0, 1.0), (0.7, 0.7, 5.0), (0.5, 1.25, 3.0))  # (x, y, z)
SIZE = (3, 4, 5)  # (d, h, w)


def oriented(code: str, spacing: tuple[float, ...], tilt_deg: float = 0.0) -> Image:
    """Make a volume of random numbers whose file axes point to where `code` says."""
    affine = np.eye(4)
    for source, letter in enumerate(code):
        world = next(i for i, pair in enumerate(PAIRS) if letter in pair)
        affine[:3, source] = np.eye(3)[world] * spacing[source] * (1 if letter in "RAS" else -1)
    affine[:3, :3] = (
        Rotation.from_euler("xyz", [tilt_deg, -tilt_deg, tilt_deg], degrees=True).as_matrix() @ affine[:3, :3]
    )
    affine[:3, 3] = (12.5, -7.25, 100.0)
    return Image(RNG.random((2, *SIZE), dtype=np.float32), spacing[::-1], affine, code)


def world_of(affine: np.ndarray, zyx: tuple[int, ...]) -> np.ndarray:
    return (affine @ (*zyx[::-1], 1))[:3]


def test_there_are_48_codes() -> None:
    assert len(set(CODES)) == 48


@pytest.mark.parametrize("tilt_deg", [0.0, 12.0])
@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("code", CODES)
def test_every_orientation_is_normalised_and_undone_to_the_voxel(
    code: str, spacing: tuple[float, ...], tilt_deg: float
) -> None:
    image = oriented(code, spacing, tilt_deg)

    canonical = to_canonical(image)

    assert (axis_codes(image.affine), axis_codes(canonical.affine)) == (code, "RAS")
    np.testing.assert_array_equal(back_to(canonical.array, image), image.array)
    norms = np.linalg.norm(canonical.affine[:3, :3], axis=0)
    np.testing.assert_allclose(canonical.spacing_mm, norms[::-1], rtol=1e-12)


@pytest.mark.parametrize("code", CODES)
def test_nibabel_turns_the_same_way(code: str) -> None:
    image = oriented(code, SPACINGS[2], 12.0)

    canonical = to_canonical(image)

    peer = nibabel.as_closest_canonical(nibabel.Nifti1Image(image.array[0].T, image.affine))
    np.testing.assert_array_equal(canonical.array[0].T, peer.get_fdata(dtype=np.float32))
    np.testing.assert_allclose(canonical.affine, peer.affine, atol=1e-9)


@pytest.mark.parametrize("code", CODES)
def test_every_voxel_keeps_its_place_in_the_world(code: str) -> None:
    image = oriented(code, SPACINGS[1], 20.0)

    canonical = to_canonical(image)

    places = {float(canonical.array[0][at]): world_of(canonical.affine, at) for at in np.ndindex(canonical.size)}
    for at in np.ndindex(SIZE):
        np.testing.assert_allclose(world_of(image.affine, at), places[float(image.array[0][at])], atol=1e-9)


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("code", CODES)
def test_a_mask_drawn_on_the_canonical_volume_is_saved_on_the_native_grid(
    tmp_path: Path, code: str, spacing: tuple[float, ...]
) -> None:
    image = oriented(code, spacing, 5.0)
    drawn = to_canonical(image).array[0] > 0.5

    path = write_labels(tmp_path / "mask.nii", back_to(drawn, image), image, ("background", "bright"))

    read = read_image(path)
    np.testing.assert_array_equal(read.array[0], image.array[0] > 0.5)
    np.testing.assert_allclose(read.affine, image.affine, atol=2e-5)


def test_simpleitk_names_the_same_orientation() -> None:
    for code in CODES:
        image = oriented(code, SPACINGS[1], 12.0)
        direction = np.diag([-1, -1, 1]) @ image.affine[:3, :3] / np.linalg.norm(image.affine[:3, :3], axis=0)
        named = SimpleITK.DICOMOrientImageFilter.GetOrientationFromDirectionCosines(direction.ravel().tolist())

        assert named == code


def test_leading_axes_and_types_pass_through() -> None:
    image = oriented("SLA", SPACINGS[0])
    labels = np.arange(2 * 3 * 60, dtype=np.int16).reshape(2, 3, *to_canonical(image).size)

    turned = back_to(labels, image)

    assert (turned.shape, turned.dtype) == ((2, 3, *SIZE), np.int16)
    np.testing.assert_array_equal(back_to(labels[1, 2], image), turned[1, 2])


def test_pictures_and_volumes_of_unknown_place_stay() -> None:
    for shape in ((1, 4, 5), (1, 3, 4, 5)):
        image = Image(np.zeros(shape, np.float32))

        assert to_canonical(image) is image
        assert back_to(image.array, image) is image.array


def test_an_array_of_another_size_is_refused() -> None:
    image = oriented("SLA", SPACINGS[0])

    with pytest.raises(InputError, match="as to_canonical gave"):
        back_to(image.array, image)


def test_smooth_fields_keep_their_slope() -> None:
    image = oriented("PIR", SPACINGS[1])
    ramp = zoom(np.array([0.0, 1.0]), SIZE[0] / 2, order=1)[:, None, None] * np.ones(
        SIZE
    )  # grows along z, to the right

    canonical = to_canonical(Image(ramp[None].astype(np.float32), image.spacing_mm, image.affine))

    assert (np.diff(canonical.array[0], axis=2) > 0).all()
