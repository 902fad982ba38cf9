"""Slices of a MetaImage are those of the whole volume, read alone, or an error says why not."""

import numpy as np
import pytest
import SimpleITK

from zoo.common.errors import InputError
from zoo.common.io import read_image
from zoo.common.io.metaimage_slices import read_header, read_slices


def write(path, compressed=False):
    """Write a volume (7, 5, 6) at an odd place."""
    image = SimpleITK.GetImageFromArray(np.random.default_rng(0).integers(-1000, 500, (7, 5, 6)).astype(np.int16))
    image.SetSpacing((0.5, 0.6, 2.0))
    image.SetOrigin((3, -4, 5))
    image.SetDirection((-1, 0, 0, 0, -1, 0, 0, 0, 1))
    SimpleITK.WriteImage(image, str(path), useCompression=compressed)
    return path


@pytest.mark.parametrize(("name", "compressed"), [("a.mhd", False), ("a.mhd", True), ("a.mha", False), ("a.mha", True)])
def test_slices_are_those_of_the_volume(name, compressed, tmp_path):
    path = write(tmp_path / name, compressed)
    whole, header = read_image(path), read_header(path)

    np.testing.assert_array_equal(read_slices(header, 2, 5), whole.array[0, 2:5])
    np.testing.assert_array_equal(header.affine, whole.affine)
    assert header.size == (6, 5, 7) and header.spacing_mm == pytest.approx((0.5, 0.6, 2.0))


@pytest.mark.parametrize("size", ["-1", "10"])
def test_a_header_before_the_voxels_is_skipped(size, tmp_path):
    path = write(tmp_path / "a.mhd")
    whole = read_image(path).array[0]
    raw = tmp_path / "a.raw"
    raw.write_bytes(b"0123456789" + raw.read_bytes())
    path.write_text(path.read_text().replace("ElementDataFile", f"HeaderSize = {size}\nElementDataFile"))

    np.testing.assert_array_equal(read_slices(read_header(path), 0, 7), whole)


def test_voxels_cut_short_are_refused_before_they_are_read(tmp_path):
    path = write(tmp_path / "a.mhd")
    raw = tmp_path / "a.raw"
    raw.write_bytes(raw.read_bytes()[:-1])

    with pytest.raises(InputError, match=r"a\.raw has 419 bytes of 420"):
        read_header(path)
