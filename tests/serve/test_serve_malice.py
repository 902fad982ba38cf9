"""Files that want to harm: each is answered with a refusal that tells nothing, and the service lives."""

from __future__ import annotations

import gzip
import io
import pickle
import re
import struct
import zipfile
import zlib

import numpy as np
import pytest

pytest.importorskip("fastapi")
pytest.importorskip("prometheus_client")

from ..conftest import FRAMEWORKS, skip_without
from .service import npy, picture, png, sent, service, volume

PREDICT = "/models/2D-UNet/predict?job=false"
CANARY = "canary"


class Exploit:
    """Makes a file when it is unpickled."""

    def __reduce__(self):
        return exec, (f"open({CANARY!r}, 'w')",)


def pickled_npy() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.array([Exploit()], object), allow_pickle=True)
    return buffer.getvalue()


def zipped(files: dict[str, bytes], kind: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", kind) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_of(w: int, h: int, rows: bytes) -> bytes:
    head = struct.pack(">IIBBBBB", w, h, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def nifti(shape: tuple[int, ...], kind: int = 16, content: bytes = b"") -> bytes:
    head = bytearray(352)
    struct.pack_into("<i", head, 0, 348)
    struct.pack_into("<8h", head, 40, len(shape), *shape, *(1,) * (7 - len(shape)))
    struct.pack_into("<hh", head, 70, kind, 32)
    struct.pack_into("<8f", head, 76, *(1.0,) * 8)
    struct.pack_into("<f", head, 108, 352.0)
    head[344:348] = b"n+1\0"
    return bytes(head) + content


def with_password() -> bytes:
    content = bytearray(zipped({"a.png": png(picture())}))
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + place] |= 1
    return bytes(content)


MHA = b"ObjectType = Image\nNDims = 3\nDimSize = %s\nElementType = MET_UCHAR\nElementDataFile = %s\n"
TIFF = b"II*\0\x08\0\0\0" + b"\x01\0" + struct.pack("<HHII", 256, 3, 1, 9) + struct.pack("<I", 8)  # its own successor
DICOM = bytes(128) + b"DICM"
FILES = {
    "pickle.npy": pickled_npy(),
    "pickle.png": pickle.dumps(Exploit()),
    "objects.npz": zipped({"a.npy": pickled_npy()}),
    "script.svg": b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
    "page.html": b"<script>fetch('/models')</script>",
    "entities.xml": b"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>",
    "program.exe": b"MZ" + bytes(200),
    "shell.sh": b"#!/bin/sh\nrm -rf /\n",
    "empty.png": b"",
    "nul.png": bytes(1000),
    "huge.png": png_of(100_000, 100_000, b""),
    "bomb.png": png_of(20_000, 20_000, bytes(20_001) * 500),
    "short.png": png(picture())[:-40],
    "broken.png": png(picture())[:50] + b"\xff" * 50 + png(picture())[100:],
    "short.jpg": b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(50),
    "loop.tif": TIFF,
    "huge.tif": b"II*\0\x08\0\0\0\xff\xff" + b"\xff" * 400,
    "claims.nii": nifti((32767, 32767, 32767)),
    "negative.nii": nifti((-5, 20, 20), content=bytes(1600)),
    "nan.nii": nifti((4, 4, 4), content=np.full(64, np.nan, np.float32).tobytes()),
    "bomb.nii.gz": gzip.compress(nifti((4, 4, 4)) + bytes(20_000_000)),
    "short.nii.gz": gzip.compress(nifti((40, 40, 40)))[:-20],
    "elsewhere.mhd": MHA % (b"2 2 2", b"/etc/passwd"),
    "list.mhd": MHA % (b"2 2 2", b"LIST"),
    "pattern.mhd": MHA % (b"2 2 2", b"%03d.raw 1 999999999 1"),
    "claims.mha": MHA % (b"99999 99999 99999", b"LOCAL"),
    "elsewhere.nrrd": b"NRRD0004\ntype: uchar\ndimension: 3\nsizes: 2 2 2\nencoding: raw\ndata file: /etc/passwd\n\n",
    "bomb.nrrd": b"NRRD0004\ntype: uchar\ndimension: 3\nsizes: 9999 9999 9999\nencoding: gzip\n\n"
    + gzip.compress(bytes(9)),
    "short.dcm": DICOM + b"\x02\x00\x00\x00UL\x04\x00",
    "noise.dcm": DICOM + np.random.default_rng(0).bytes(500),
    "DICOMDIR": DICOM + b"\x04\x00\x00\x15CS\x08\x00../../..",
    "password.zip": with_password(),
    "zip.zip": zipped({"inner.zip": zipped({"a.png": png(picture())})}),
    "folders.zip": zipped({"a/": b"", "b/": b""}),
    "twice.zip": zipped({"a.png": png(picture()), "A/../a.png": b"x"}),
    "cut.zip": zipped({"a.png": png(picture(0, 100, 100))})[:3000],
    "two.zip": zipped({"a.png": png(picture()), "b.png": png(picture(1))}),
    "manifest.zip": zipped({"manifest.csv": b"image\n/etc/passwd\n"}),
}
NAMES = (
    "a\nb.png",
    "a\0b.png",
    "..",
    "con.png",
    "\u202egnp.exe",
    "x" * 3000 + ".png",
    "'; rm -rf ~;.png",
    "<b>.png",
    "%2e%2e%2fa.png",
)


@pytest.fixture(scope="module", params=FRAMEWORKS)
def client(request):
    skip_without(request.param)
    bounds = {"unpacked_bytes": 2**22, "upload_bytes": 2**23, "voxels": 2**22}
    with service(request.param, bounds=bounds) as opened:
        yield opened


def test_every_one_is_refused_and_the_next_picture_is_answered(client, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    told = {}
    for name, content in FILES.items():
        answer = client.post(PREDICT, **sent(content, name))
        told[name] = answer.status_code
        for word in ("Traceback", "/tmp", "/etc/", "root:", "zoo-serve", "site-packages"):
            assert word not in answer.text, (name, answer.text)

    assert {name: status for name, status in told.items() if status not in (413, 422)} == {}
    assert client.post(PREDICT, **sent(png(picture()))).status_code == 200
    assert client.post(PREDICT, **sent(volume(), "scan.mha")).status_code == 200
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_names_do_no_harm(client, name):
    answer = client.post(PREDICT, **sent(png(picture()), name))

    assert answer.status_code in (200, 400, 422)
    assert "/tmp" not in answer.text


def test_downloads_are_called_harmlessly(client):
    answer = client.post(f"{PREDICT}&format=csv", **sent(png(picture()), 'a"; x=<b>.png'))

    assert re.fullmatch(r'inline; filename="[\w.-]+\.csv"', answer.headers["content-disposition"])
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_array_of_plain_numbers_is_still_read(client):
    assert client.post(PREDICT, **sent(npy(picture()), "a.npy")).status_code == 200
