"""Headers of NRRD and MetaImage mean what ITK takes them for; what they leave open is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from zoo.common.errors import InputError
from zoo.common.io import read_image

VALUES = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
PLAIN = {"type": "short", "dimension": "3", "sizes": "5 4 3", "endian": "little", "encoding": "raw"}
PLACED = {"space directions": "(1,0,0) (0,2,0) (0,0,3)", "space origin": "(10,20,30)"}
FLIP = np.diag([-1.0, -1.0, 1.0, 1.0])


def _nrrd(path: Path, content: bytes | None = None, **fields: str) -> Path:
    every = {**PLAIN, **{name.replace("_", " "): value for name, value in fields.items()}}
    header = "\n".join(f"{name}: {value}" for name, value in every.items() if value)
    path.write_bytes(b"NRRD0005\n" + header.encode() + b"\n\n" + (content or VALUES.tobytes()))
    return path


def _metaimage(path: Path, **fields: str) -> Path:
    every = {
        "ObjectType": "Image", "NDims": "3", "BinaryData": "True", "ElementSpacing": "1 2 3", "DimSize": "5 4 3",
        "ElementType": "MET_SHORT", **fields, "ElementDataFile": "LOCAL",
    }  # fmt: skip
    header = "".join(f"{name} = {value}\n" for name, value in every.items())
    path.write_bytes(header.encode() + VALUES.tobytes())
    return path


def _as_itk_reads_it(path: Path) -> None:
    image, peer = read_image(path), SimpleITK.ReadImage(path)
    affine = FLIP @ image.affine

    np.testing.assert_array_equal(image.array[0], SimpleITK.GetArrayFromImage(peer))
    np.testing.assert_allclose(image.spacing_mm, peer.GetSpacing()[::-1])
    np.testing.assert_allclose(affine[:3, 3], peer.GetOrigin())
    np.testing.assert_allclose(affine[:3, :3] / peer.GetSpacing(), np.reshape(peer.GetDirection(), (3, 3)), atol=1e-9)


GOOD = {
    "big endian": ({"endian": "big"}, VALUES.astype(">i2").tobytes()),
    "byte order in capitals": ({"endian": "BIG"}, VALUES.astype(">i2").tobytes()),
    "axis mins": ({"spacings": "1 2 3", "axis_mins": "10 20 30"}, None),
    "axis mins of cells": ({"spacings": "1 2 3", "axis_mins": "10 20 30", "centerings": "cell cell cell"}, None),
    "axis mins of nodes": ({"spacings": "1 2 3", "axis_mins": "10 20 30", "centerings": "node node node"}, None),
    "negative spacing": ({"spacings": "1 -2 3"}, None),
    "space dimension": ({"space_dimension": "3", **PLACED}, None),
    **{space: ({"space": space, **PLACED}, None) for space in ("LPS", "RAS", "left-anterior-superior")},
    "millimetres": ({"space": "LPS", "space_units": '"mm" "mm" "mm"', **PLACED}, None),
}  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
def test_a_nrrd_is_read_as_itk_reads_it(tmp_path: Path, name: str) -> None:
    fields, content = GOOD[name]

    _as_itk_reads_it(_nrrd(tmp_path / "v.nrrd", content, **fields))


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 0, 1, 2)])
def test_channels_of_a_nrrd_may_come_first_or_last(tmp_path: Path, order: tuple[int, ...]) -> None:
    values = np.arange(120, dtype=np.int16).reshape(2, 3, 4, 5)  # channels, then z, y, x
    sizes, kinds, axes = ("5", "4", "3", "2"), ("domain",) * 3 + ("vector",), ("(1,0,0)", "(0,2,0)", "(0,0,3)", "none")
    stored = values if order[0] == 0 else np.moveaxis(values, 0, -1)
    fields = {key: " ".join(row[i] for i in order) for key, row in
              (("sizes", sizes), ("kinds", kinds), ("space_directions", axes))}  # fmt: skip

    image = read_image(_nrrd(tmp_path / "v.nrrd", stored.tobytes(), dimension="4", space="LPS", **fields))

    np.testing.assert_array_equal(image.array, values)
    assert image.spacing_mm == (3.0, 2.0, 1.0)


BAD = {
    "byte order left out": ({"endian": ""}, "endian"),
    "byte order unknown": ({"endian": "middle"}, "endian 'middle'"),
    "microns": ({"space": "LPS", "space_units": '"um" "um" "um"', **PLACED}, "space units um"),
    "metres along axes": ({"spacings": "1 2 3", "units": '"m" "m" "m"'}, "units m"),
    "ends of axes alone": ({"axis_mins": "0 0 0", "axis_maxs": "10 20 30"}, "without spacings"),
    "points in time": ({"kinds": "domain domain time"}, "points in time"),
    "text": ({"encoding": "ascii"}, "encoding 'ascii'"),
    "hexadecimal": ({"encoding": "hex"}, "encoding 'hex'"),
    "bzip2": ({"encoding": "bzip2"}, "encoding 'bzip2'"),
    "voxels in a list of files": ({"data_file": "LIST"}, "voxels elsewhere"),
    "skipped bytes": ({"byte_skip": "-1"}, "voxels elsewhere"),
    "another space": ({"space": "left-posterior-superior-time", **PLACED}, "space 'left-posterior-superior-time'"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_nrrd_that_leaves_its_meaning_open_is_refused(tmp_path: Path, name: str) -> None:
    fields, said = BAD[name]

    with pytest.raises(InputError, match=said) as caught:
        read_image(_nrrd(tmp_path / "v.nrrd", **fields))

    assert "expected" in str(caught.value)


@pytest.mark.parametrize(
    "fields",
    [
        {"TransformMatrix": "0 1 0 1 0 0 0 0 1", "Offset": "1 2 3", "CenterOfRotation": "5 5 5"},
        {"AnatomicalOrientation": "RAI", "Position": "1 2 3"},
        {"ElementSize": "7 7 7"},
        {"Offset": "1 2 3", "Position": "1 2 3"},
    ],
)
def test_a_metaimage_is_read_as_itk_reads_it(tmp_path: Path, fields: dict[str, str]) -> None:
    _as_itk_reads_it(_metaimage(tmp_path / "v.mha", **fields))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"BinaryDataByteOrderMSB": "False", "ElementByteOrderMSB": "True"}, "one value"),
        ({"Offset": "1 2 3", "Position": "3 2 1"}, "one value"),
        ({"DistanceUnits": "um"}, "DistanceUnits um"),
        ({"BinaryData": "False"}, "voxels as text"),
    ],
)
def test_a_metaimage_that_contradicts_itself_is_refused(tmp_path: Path, fields: dict[str, str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_image(_metaimage(tmp_path / "v.mha", **fields))
