"""Every data set of the papers, written small in its official layout."""

import csv
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from PIL import Image as Pillow

SHARED = Path(__file__).parents[3] / "shared" / "data"  # the real data sets, on the machines that have them


def picture(path, array=None, size=(20, 24), colour=False):
    """Write a picture, grey or colour."""
    path.parent.mkdir(parents=True, exist_ok=True)
    array = np.full(size, 90, np.uint8) if array is None else array
    Pillow.fromarray(np.stack([array] * 3, -1) if colour else array).save(path)


def volume(path, array, spacing=(1.0, 1.0, 1.0), origin=(0.0, 0.0, 0.0), direction=None):
    """Write a volume (z, y, x)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = SimpleITK.GetImageFromArray(array)
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    if direction is not None:
        image.SetDirection(direction)
    SimpleITK.WriteImage(image, str(path), useCompression=path.suffix == ".gz")


def splits(data):
    """Count the cases per split."""
    return dict(Counter(record.split for record in data.records))


def table(path, header, *rows):
    """Write a CSV."""
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def covid_19_20(root):
    for i in range(6):
        stem = root / "COVID-19-20_v2" / "Train" / f"volume-covid19-A-000{i}"
        lesion = np.zeros((3, 5, 4), np.uint8)
        lesion[1, 2, 3] = i > 0
        volume(stem.with_name(stem.name + "_ct.nii.gz"), np.full((3, 5, 4), -700, np.int16), (0.7, 0.7, 5))
        volume(stem.with_name(stem.name + "_seg.nii.gz"), lesion, (0.7, 0.7, 5))
    volume(root / "COVID-19-20_v2" / "Validation" / "volume-covid19-A-0009_ct.nii.gz", np.zeros((3, 5, 4), np.int16))


def bcdata(root):
    h5py = pytest.importorskip("h5py")
    for split in ("train", "validation", "test"):
        for n in (2, 10):
            picture(root / "images" / split / f"{n}.png", colour=True)
            for kind, points in (
                ("positive", [[3, 7], [20, 1]]),
                ("negative", np.zeros((0, 2)) if n == 2 else [[5, 6]]),
            ):
                path = root / "annotations" / split / kind / f"{n}.h5"
                path.parent.mkdir(parents=True, exist_ok=True)
                with h5py.File(path, "w") as file:
                    file["coordinates"] = np.array(points, np.int64)


def endoscope(root):
    mask = np.tile(np.array([0, 1, 2, 3, 255, 1], np.uint8), (20, 4))
    for name in ("a", "b", "c"):
        picture(root / "images" / f"{name}.png", colour=True)
        picture(root / "masks" / f"{name}.png", mask)
    rows = (("a.png", "clear", "train", "v1"), ("b.png", "2", "val", "v2"), ("c.png", "partly_obscured", "test", "v3"))
    table(root / "labels.csv", ("file", "clearness", "split", "video_id"), *rows)


def polyp_mask():
    """Draw two polyps with grey fringes and a speck."""
    mask = np.zeros((20, 24), np.uint8)
    mask[2:9, 3:10], mask[12:18, 14:20], mask[19, 23] = 255, 250, 255
    mask[9, 3:10], mask[1, 3:10] = 100, 3
    return mask


def pranet(root):
    for i in range(20):
        picture(root / "TrainDataset" / "images" / f"{i}.png", colour=True)
        picture(root / "TrainDataset" / "masks" / f"{i}.png", polyp_mask())
    for name in ("Kvasir", "ETIS-LaribPolypDB"):
        picture(root / "TestDataset" / name / "images" / "1.png", colour=True)
        picture(root / "TestDataset" / name / "masks" / "1.png", polyp_mask(), colour=True)


def etis(root):
    for i in range(1, 7):
        picture(root / "ETIS-LaribPolypDB" / f"{i}.tif", colour=True)
        picture(root / "Ground Truth" / f"p{i}.tif", polyp_mask(), colour=True)


def clinic(root):
    for i in range(1, 7):
        picture(root / "Original" / f"{i}.tif", colour=True)
        picture(root / "Ground Truth" / f"{i}.tif", polyp_mask())


XML = """<?xml version="1.0"?>
<Annotations MicronsPerPixel="0.252000"><Annotation Id="1"><Attributes/><Regions>
<RegionAttributeHeaders><AttributeHeader Id="9999" Name="Region"/></RegionAttributeHeaders>
<Region Id="1" Zoom="0.5"><Attributes/><Vertices><Vertex X="1.6" Y="1.5" Z="0"/><Vertex X="6.5" Y="1.5" Z="0"/>
<Vertex X="6.5" Y="5.5" Z="0"/><Vertex X="1.6" Y="5.5" Z="0"/></Vertices></Region>
<Region Id="2"><Vertices><Vertex X="4.5" Y="3.5"/><Vertex X="30" Y="3.5"/><Vertex X="30" Y="8.5"/>
<Vertex X="4.5" Y="8.5"/></Vertices></Region>
<Region Id="3"><Vertices><Vertex X="4" Y="3"/><Vertex X="5" Y="3"/></Vertices></Region>
</Regions></Annotation></Annotations>"""


def monuseg(root, test=True):
    """Write the doubled folder of the training archive, and the test."""
    train = root / "MoNuSeg 2018 Training Data" / "MoNuSeg 2018 Training Data"
    for name in ("TCGA-A7-A13E-01Z-00-DX1", "TCGA-AR-A1AS-01Z-00-DX1", "TCGA-18-5592-01Z-00-DX1"):
        picture(train / "Tissue Images" / f"{name}.tif", colour=True)
        (train / "Annotations").mkdir(exist_ok=True)
        (train / "Annotations" / f"{name}.xml").write_text(XML)
    if test:
        picture(root / "MoNuSegTestData" / "TCGA-2Z-A9J9-01A-01-TS1.tif", colour=True)
        (root / "MoNuSegTestData" / "TCGA-2Z-A9J9-01A-01-TS1.xml").write_text(XML)


def mm_whs(root):
    stored = np.array([0, 500, 600, 420, 421, 550, 205, 820, 850, 999], np.int16).reshape(1, 2, 5).repeat(2, 0)
    for modality in ("ct", "mr"):
        for number in (1001, 1002, 1004, 1005, 1006, 1007):
            stem = f"{modality}_train_{number}"
            volume(root / f"{modality}_train" / f"{stem}_image.nii.gz", stored, (0.5, 0.5, 1))
            volume(root / f"{modality}_train" / f"{stem}_label.nii.gz", stored, (0.5, 0.5, 1))
    volume(root / "ct_test" / "ct_test_2001_image.nii.gz", stored)


TURNED = (-1.0, 0, 0, 0, -1.0, 0, 0, 0, 1.0)


def luna16(root):
    """Write ten scans with the nodule at voxel (20, 12, 10), 6 mm across; the last one with turned axes."""
    rows = []
    for subset in range(10):
        uid, direction = f"1.3.6.{subset}", TURNED if subset == 9 else None
        voxels = np.full((16, 30, 40), -1000, np.int16) + np.arange(16, dtype=np.int16)[:, None, None]
        volume(root / f"subset{subset}" / f"{uid}.mhd", voxels, (0.5, 0.5, 2.0), (100.0, 80.0, -50.0), direction)
        rows.append((uid, *((90, 74) if subset == 9 else (110, 86)), -30, 6.0))
    table(root / "annotations.csv", ("seriesuid", "coordX", "coordY", "coordZ", "diameter_mm"), *rows)
    table(root / "candidates_V2.csv", ("seriesuid", "coordX", "coordY", "coordZ", "class"))


def ffcv(root):
    for split, n in (("train", 2), ("val", 1)):
        images = [{"id": i, "file_name": f"{split}{i}.png"} for i in range(n)]
        for entry in images:
            picture(root / "images" / entry["file_name"])
        notes = [
            {"image_id": i, "category_id": c, "bbox": [0, 0, 9, 9], "ellipse": [12.0, 10.0, a, b, 0.3]}
            for i in range(n)
            for c, a, b in ((1, 5.0, 9.0), (2, 4.0, 2.0))
        ]
        categories = [{"id": 2, "name": "Heart"}, {"id": 1, "name": "Lung"}]
        path = root / "annotations" / f"ellipse_annotations_{split}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({"images": images, "annotations": notes, "categories": categories}))


def focus(root):
    for folder in ("training", "validation", "testing"):
        picture(root / folder / "images" / "001.png")
        path = root / folder / "annfiles_ellipse" / "001.txt"
        path.parent.mkdir()
        path.write_text("12 10 4 2 90 cardiac\n12.5 10 5 9 0 thoracic\n")


def msd(root):
    pairs = []
    for i in range(4):
        for folder in ("imagesTr", "labelsTr"):
            volume(
                root / folder / f"hippocampus_{i}.nii.gz",
                np.array([0, 1, 2, 2], np.uint8).reshape(1, 2, 2).repeat(2, 0),
            )
        pairs.append({"image": f"./imagesTr/hippocampus_{i}.nii.gz", "label": f"./labelsTr/hippocampus_{i}.nii.gz"})
    labels = {"0": "background", "1": "Anterior", "2": "Posterior"}
    (root / "dataset.json").write_text(
        json.dumps({"labels": labels, "training": pairs, "test": ["./imagesTs/x.nii.gz"]})
    )


def bids(root, mask="{}_T2w_seg-manual.nii.gz"):
    (root / "derivatives" / "labels").mkdir(parents=True)
    (root / "derivatives" / "labels" / "dseg.tsv").write_text("index\tname\n1\tcord\n2\tlesion\n")
    for subject in ("sub-01", "sub-02", "sub-03", "sub-04"):
        volume(root / subject / "anat" / f"{subject}_T2w.nii.gz", np.zeros((3, 4, 5), np.int16))
        if subject != "sub-04":
            path = root / "derivatives" / "labels" / subject / "anat" / mask.format(subject)
            volume(path, np.full((3, 4, 5), 2, np.uint8))
    (root / "participants.tsv").write_text("participant_id\tsplit\nsub-01\ttrain\nsub-02\tval\nsub-03\ttest\n")


def covid_19_ct_seg(root, masks=("Lung_Mask", "Infection_Mask", "Lung_and_Infection_Mask")):
    """Write six volumes of five patients; the values of the masks stand in the first row of each slice."""
    values = {"Lung_Mask": (0, 1, 2, 2), "Infection_Mask": (0, 0, 0, 1), "Lung_and_Infection_Mask": (0, 1, 2, 3)}
    names = ("coronacases_001", "coronacases_002", "coronacases_010", "radiopaedia_10_85902_1")
    for name in (*names, "radiopaedia_10_85902_3", "radiopaedia_7_85703_0"):
        volume(root / "COVID-19-CT-Seg_20cases" / f"{name}.nii.gz", np.full((3, 5, 4), -700, np.int16), (0.7, 0.7, 1))
        for folder in masks:
            mask = np.zeros((3, 5, 4), np.uint8)
            mask[:, 0] = values[folder]
            volume(root / folder / f"{name}.nii.gz", mask, (0.7, 0.7, 1))
