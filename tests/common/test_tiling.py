"""Windows cover a volume once each and are put together exactly, whatever its size."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.common.errors import ConfigError, InputError
from zoo.common.tiling import Tiles, blend, importance, labels, predict_tiled, read_window

from .known_answers import case

SIDES = st.lists(st.tuples(st.integers(1, 23), st.integers(1, 9)), min_size=2, max_size=3)
OVERLAPS = st.sampled_from([0.0, 0.25, 0.5, 0.9])
WEIGHTINGS = st.sampled_from(["gaussian", "constant"])


def _volume(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def _starts(tiles):
    return [tiles.starts(i) for i in range(len(tiles))]


@settings(max_examples=60, deadline=None)
@given(sides=SIDES, overlap=OVERLAPS, weighting=WEIGHTINGS, whole=st.booleans())
def test_the_identity_comes_back(sides, overlap, weighting, whole):
    size, window = zip(*sides, strict=True)
    volume = _volume(2, *size)

    back = predict_tiled(volume, window, lambda x: x, overlap, weighting, 3, finish=None if whole else np.copy)

    np.testing.assert_allclose(back, volume, rtol=1e-5, atol=1e-6)  # at an overlap of 0.9 hundreds of windows are added


@pytest.mark.parametrize("weighting", ["gaussian", "constant"])
def test_half_overlapping_windows_give_the_identity_back_to_a_millionth(weighting):
    volume = np.random.default_rng(0).random((1, 50, 70, 60), np.float32)

    back = predict_tiled(volume, (16, 24, 32), lambda x: x, 0.5, weighting)

    np.testing.assert_allclose(back, volume, rtol=0, atol=1e-6)


@settings(max_examples=60, deadline=None)
@given(sides=SIDES, overlap=OVERLAPS)
def test_windows_cover_everything_and_none_repeats(sides, overlap):
    size, window = zip(*sides, strict=True)
    tiles = Tiles(size, window, overlap)
    seen = np.zeros(size, int)

    for index in tiles:
        seen[tuple(axis.inside(i)[0] for axis, i in zip(tiles.axes, index, strict=True))] += 1

    assert seen.min() >= 1
    assert len({tiles.starts(i) for i in range(len(tiles))}) == len(tiles)


def test_windows_start_where_monai_puts_them():
    tiles = Tiles((10, 9), (4, 4), overlap=0.25)

    assert [tiles.starts(i) for i in range(len(tiles))] == [(y, x) for y in (0, 3, 6) for x in (0, 3, 5)]


def test_sixteen_windows_suffice_where_peers_use_twenty_five():
    assert len(Tiles((10, 9), (4, 4), overlap=0.5)) == 16


def test_gaussian_weights_have_an_eighth_of_the_side_as_their_width():
    weights = importance((9, 5), "gaussian")

    assert weights[4, 2] == 1
    np.testing.assert_allclose(weights[4, 1], np.exp(-0.5 * (1 / 0.625) ** 2), rtol=1e-6)
    np.testing.assert_allclose(weights[6, 2], np.exp(-0.5 * (2 / 1.125) ** 2), rtol=1e-6)


def test_no_weight_is_lost_in_rounding():
    assert importance((64, 64, 64), "gaussian").min() == np.float32(1e-3)


def test_constant_weights_are_one():
    np.testing.assert_array_equal(importance((4, 3), "constant"), 1)


def test_known_weights():
    observed = case("windows_and_ramps", "importance map")["observed"]
    (monai,) = observed["monai gaussian (7,5) sigma_scale 0.125 row 3"].values()
    (pymic,) = observed["PyMIC gaussian 7x5: row 3"].values()

    found = importance((7, 5), "gaussian")[3]

    np.testing.assert_allclose(found, monai, rtol=1e-6)
    np.testing.assert_allclose(found, np.array(pymic) / max(pymic), rtol=1e-6)


def test_known_window_starts():
    observed = case("windows_and_ramps", "image (10, 9) window (4, 4) overlap 0.25")["observed"]

    tiles = Tiles((10, 9), (4, 4), overlap=0.25)

    np.testing.assert_array_equal(_starts(tiles), observed["monai window starts"]["monai 1.6.1"])


@pytest.mark.parametrize(("size", "window"), [((50, 200), (64, 64)), ((90, 64, 3), (64, 64, 1))], ids=str)
def test_known_patches_that_overlap_by_thirty_voxels(size, window):
    observed = case("windows_and_ramps", f"patch coords image {size} patch {window} min_overlap 30")["observed"]
    (bounds,) = observed["medicaldetectiontoolkit get_patch_crop_coords"].values()  # first and last, axis by axis

    tiles = Tiles(size, window, overlap=30 / 64)

    np.testing.assert_array_equal(np.maximum(_starts(tiles), 0), np.array(bounds)[:, ::2])


@pytest.mark.parametrize(
    ("size", "window", "stride", "overlap"),
    [((10, 9), (4, 4), (3, 3), 0.25), ((6, 10, 9), (4, 4, 4), (2, 2, 2), 0.5)],
    ids=str,
)
def test_no_more_calls_and_no_larger_error_than_known(size, window, stride, overlap):
    (observed,) = case("windows_and_ramps", f"image {size} window {window} stride {stride}")["observed"].values()
    calls, error = observed["PyMIC 0.6.2"]
    volume, seen = _volume(1, *size), []

    back = predict_tiled(volume, window, lambda x: seen.append(len(x)) or x, overlap, batch_size=1)

    assert len(seen) <= calls
    assert np.abs(back - volume).max() <= min(error, 1e-6)


def test_small_volumes_are_mirrored():
    part = read_window(np.arange(3.0)[None], (-2,), (7,))

    np.testing.assert_array_equal(part[0], [2, 1, 0, 1, 2, 1, 0])


def test_training_cuts_what_prediction_sees():
    volume, seen = _volume(1, 7, 12), []
    tiles = Tiles((7, 12), (4, 5))

    predict_tiled(volume, (4, 5), lambda x: seen.extend(x.copy()) or x, batch_size=2)

    cuts = {tiles.cut(volume, i).tobytes() for i in range(len(tiles))}
    assert {item.tobytes() for item in seen} == cuts
    assert len(seen) == len(tiles)


def test_a_memory_mapped_file_gives_the_same(tmp_path):
    volume = _volume(1, 20, 9, 11)
    np.save(tmp_path / "volume.npy", volume)

    back = predict_tiled(np.load(tmp_path / "volume.npy", mmap_mode="r"), (8, 4, 4), lambda x: 2 * x)

    np.testing.assert_allclose(back, 2 * volume, atol=1e-5)


def test_answers_can_be_written_to_a_file(tmp_path):
    volume = _volume(1, 20, 9, 11)
    file = np.lib.format.open_memmap(tmp_path / "out.npy", "w+", np.float32, volume.shape)

    predict_tiled(volume, (8, 4, 4), lambda x: x, out=file)

    np.testing.assert_allclose(np.load(tmp_path / "out.npy"), volume, atol=1e-6)


def test_labels_equal_those_of_the_whole_volume():
    volume = _volume(3, 20, 9, 11)

    found = predict_tiled(volume, (8, 4, 4), lambda x: x, finish=labels)

    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, volume.argmax(axis=0))


@pytest.mark.parametrize("axis", range(3))
def test_no_slab_is_thicker_than_a_window(axis):
    size = tuple(64 if i == axis else 8 for i in range(3))
    volume = _volume(1, *size)

    places = [place for place, _ in blend(Tiles(size, (8, 8, 8)), volume, lambda x: x, 4)]

    assert max(place[axis].stop - place[axis].start for place in places) <= 8
    assert sum(place[axis].stop - place[axis].start for place in places) == 64


def test_the_volume_is_left_alone():
    volume = _volume(1, 20, 9)
    before = volume.copy()

    predict_tiled(volume, (20, 9), lambda x: x)

    np.testing.assert_array_equal(volume, before)


@pytest.mark.parametrize("weighting", ["gaussian", "constant"])
@pytest.mark.parametrize("overlap", [0.25, 0.5, 0.7])
@pytest.mark.parametrize("size", [(21, 17, 30), (5, 30, 8)], ids=str)
def test_agrees_with_monai(size, overlap, weighting):
    torch = pytest.importorskip("torch")
    inferers = pytest.importorskip("monai.inferers")
    volume = _volume(1, *size)
    ramp = np.add.outer(np.add.outer(np.arange(8.0) ** 2, np.arange(8.0)), np.arange(8.0) ** 3).astype(np.float32)

    def uneven(batch):  # depends on the place within the window, so that the blending shows
        return np.concatenate([batch * ramp, ramp - batch], axis=1)

    theirs = inferers.sliding_window_inference(
        torch.from_numpy(volume)[None],
        (8, 8, 8),
        4,
        lambda x: torch.from_numpy(uneven(x.numpy())),
        overlap,
        mode=weighting,
        padding_mode="reflect",
    )

    ours = predict_tiled(volume, (8, 8, 8), uneven, overlap, weighting)
    np.testing.assert_allclose(ours, theirs[0].numpy(), rtol=1e-5, atol=1e-3)
    np.testing.assert_array_equal(ours.argmax(0), theirs[0].numpy().argmax(0))


@pytest.mark.parametrize(
    ("options", "error"),
    [({"overlap": 1.0}, ConfigError), ({"weighting": "flat"}, ConfigError), ({"batch_size": 0}, ConfigError)],
)
def test_impossible_options_are_errors(options, error):
    with pytest.raises(error):
        predict_tiled(_volume(1, 8, 8), (4, 4), lambda x: x, **options)


def test_a_window_of_other_dimension_is_an_error():
    with pytest.raises(InputError, match="window"):
        predict_tiled(_volume(1, 8, 8), (4, 4, 4), lambda x: x)


def test_a_network_that_changes_the_size_is_an_error():
    with pytest.raises(InputError, match="same window"):
        predict_tiled(_volume(1, 8, 8), (4, 4), lambda x: x[..., ::2])
