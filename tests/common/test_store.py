"""A store gives back what was written, whole or in parts, and reads only the parts."""

import pickle

import numpy as np
import pytest

from zoo.common.datasets import Dataset, Record
from zoo.common.errors import DataError
from zoo.common.tiling import Tiles, predict_tiled
from zoo.common.types import Image, NiftiWorlds, Sample

h5py = pytest.importorskip("h5py")

from zoo.common.store import Store, iterate_slices, read_entries, write_store  # noqa: E402

SIZE = (20, 70, 66)
AFFINE = np.diag([-0.5, -0.5, 2.0, 1.0])


def draw_case(seed, channels=2):
    """Draw a volume with a mask, points and a label."""
    rng = np.random.default_rng(seed)
    image = Image(rng.normal(0, 300, (channels, *SIZE)).astype(np.float32), (2.0, 0.5, 0.5), AFFINE, f"case {seed}")
    mask = (rng.random(SIZE) > 0.7).astype(np.int16)
    return Sample(image, {"mask": mask, "points": rng.random((3, 4)), "label": np.array(seed)}, f"patient {seed}")


@pytest.fixture
def path(tmp_path):
    """Write three cases."""
    records = [
        Record(f"a/{i}", split, f"patient {i}", lambda i=i: draw_case(i))
        for i, split in enumerate(("train", "val", "test"))
    ]
    return write_store(tmp_path / "data.h5", Dataset(records, "here", ("background", "organ")))


def test_cases_come_back_bit_by_bit(path):
    with Store(path) as store:
        data = store.dataset()

        for i, sample in enumerate(data):
            expected = draw_case(i)
            np.testing.assert_array_equal(sample.image.array, expected.image.array)
            np.testing.assert_array_equal(sample.image.affine, AFFINE)
            assert (sample.image.spacing_mm, sample.image.name, sample.group) == (
                (2.0, 0.5, 0.5),
                f"case {i}",
                f"patient {i}",
            )
            assert sample.labels.keys() == expected.labels.keys()
            for key, label in expected.labels.items():
                np.testing.assert_array_equal(sample.labels[key], label)
        assert data.classes == ("background", "organ")
        assert [(r.name, r.split) for r in data.records] == [("a/0", "train"), ("a/1", "val"), ("a/2", "test")]


def test_a_data_set_of_a_store_opens_its_file_anew_after_a_pickle(path):
    with Store(path) as store:
        content = pickle.dumps(store.dataset())
    again = pickle.loads(content)

    np.testing.assert_array_equal(again[1].image.array, draw_case(1).image.array)
    assert [(record.files, record.part) for record in again.records] == [((path,), part) for part in range(3)]


def test_metadata_are_read_without_voxels(path, monkeypatch):
    monkeypatch.setattr(h5py.Dataset, "__getitem__", lambda *_: pytest.fail("voxels were read"))

    entries = read_entries(path)

    assert next((e.name, e.shape, e.spacing_mm, e.labels) for e in entries) == (
        "a/0",
        (2, *SIZE),
        (2.0, 0.5, 0.5),
        ("label", "mask", "points"),
    )


def test_parts_are_those_of_the_whole(path):
    case = draw_case(1)
    array, mask = case.image.array, case.labels["mask"]
    with Store(path) as store:
        for axis in range(3):
            np.testing.assert_array_equal(store.read_slice("a/1", 7, axis), array.take(7, axis=1 + axis))
            np.testing.assert_array_equal(store.read_slice("a/1", 7, axis, "mask"), mask.take(7, axis=axis))
        np.testing.assert_array_equal(store.read_slab("a/1", 3, 9), array[:, 3:9])
        np.testing.assert_array_equal(store.read_patch("a/1", (2, 60, 1), (8, 8, 16)), array[:, 2:10, 60:68, 1:17])
        np.testing.assert_array_equal(store.read_patch("a/1", (2, 60, 1), (8, 8, 16), "mask"), mask[2:10, 60:68, 1:17])


def test_slices_with_neighbours_are_mirrored_at_the_ends(path):
    array = draw_case(0).image.array
    with Store(path) as store:
        middle, first = store.read_thick_slice("a/0", 5, neighbours=2), store.read_thick_slice("a/0", 0)

    np.testing.assert_array_equal(middle, array[:, 3:8].reshape(-1, *SIZE[1:]))
    np.testing.assert_array_equal(first, array[:, [1, 0, 1]].reshape(-1, *SIZE[1:]))


def test_patches_beyond_the_border_are_mirrored_as_at_prediction(path):
    tiles = Tiles(SIZE, (24, 32, 32))
    with Store(path) as store:
        for index in (0, len(tiles) - 1):
            patch = store.read_patch("a/0", tiles.starts(index), tiles.window)
            np.testing.assert_array_equal(patch, tiles.cut(draw_case(0).image.array, index))


def test_windows_are_predicted_from_the_file_to_the_file(path, tmp_path):
    with Store(path) as store, h5py.File(tmp_path / "out.h5", "w") as file:
        out = file.create_dataset("scores", (2, *SIZE), "f4")
        predict_tiled(store.source("a/2"), (16, 32, 32), lambda batch: batch, out=out)

        np.testing.assert_allclose(out[...], draw_case(2).image.array, atol=1e-3)


def test_one_slice_decodes_one_layer_of_chunks(path):
    with Store(path) as store:
        source = store.source("a/0")

        assert source.chunks == (2, 16, 64, 64) and source.compression == "gzip"


def test_half_precision_halves_the_image_and_refuses_what_does_not_fit(tmp_path):
    cases = Dataset([Record("a", "train", "a", lambda: draw_case(0))], "here")
    with Store(write_store(tmp_path / "half.h5", cases, half=True)) as store:
        assert store.source("a").dtype == np.float16
        np.testing.assert_allclose(store.sample("a").image.array, draw_case(0).image.array, rtol=1e-3, atol=1e-3)

    huge = Dataset([Record("a", "", "a", lambda: Sample(Image(np.full((1, 2, 2), 7e4, np.float32))))], "here")
    with pytest.raises(DataError, match="do not fit float16"):
        write_store(tmp_path / "huge.h5", huge, half=True)


def test_every_slice_is_named_once(path):
    with Store(path) as store:
        assert len(set(iterate_slices(store))) == 3 * SIZE[0]


def test_errors_say_what_is_there(path, tmp_path):
    with Store(path) as store, pytest.raises(DataError, match="no 'image' of 'b'; it holds 3 cases: a/0, a/1"):
        store.source("b")
    (tmp_path / "text.h5").write_text("hello")
    with pytest.raises(DataError, match="no HDF5 file"):
        Store(tmp_path / "text.h5")
    with h5py.File(tmp_path / "other.h5", "w"), pytest.raises(DataError):
        Store(tmp_path / "other.h5")
    twice = Dataset([Record("a", "", "a", lambda: draw_case(0))] * 2, "here")
    with pytest.raises(DataError, match="1 cases share a name"):
        write_store(tmp_path / "twice.h5", twice)


def test_both_places_of_a_nifti_come_back(tmp_path):
    worlds = NiftiWorlds(4, 1, np.diag([1.0, 1, -1, 1]), 3)
    image = Image(np.zeros((1, 3, 4, 5), np.float32), (1.0, 1.0, 1.0), np.eye(4), "scan", nifti=worlds)
    dataset = Dataset([Record("scan", "", "scan", lambda: Sample(image))])

    with Store(write_store(tmp_path / "s.h5", dataset)) as store:
        found = store.sample("scan").image.nifti

    assert found is not None
    assert (found.sform_code, found.qform_code, found.units_code) == (4, 1, 3)
    np.testing.assert_array_equal(found.to_qform, worlds.to_qform)
