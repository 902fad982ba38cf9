# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A hospital batch
#
# DICOM series in, DICOM-SEG and a structured report out, going on after a stop, names taken out. The studies are drawn; the
# weights mark what looks like COVID-19 in chest CT. **For research, with somebody who checks.**

# %%
import tempfile
from pathlib import Path

import numpy as np
import pydicom
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

import zoo

folder = Path(tempfile.mkdtemp())


def chest(size: int = 128) -> np.ndarray:
    """Draw a slice of a chest in Hounsfield units: tissue, two lungs, something dense in one of them."""
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    values = np.where((x / 0.9) ** 2 + (y / 0.7) ** 2 < 1, 40.0, -1000.0)
    values[((np.abs(x) - 0.42) / 0.28) ** 2 + (y / 0.5) ** 2 < 1] = -820.0
    values[((x - 0.45) / 0.12) ** 2 + ((y - 0.2) / 0.14) ** 2 < 1] = -350.0
    return values + np.random.default_rng(0).normal(0, 12, values.shape)


def write_study(place: Path, patient: str, slices: int = 4) -> None:
    """Write a series of CT slices."""
    study, series = generate_uid(), generate_uid()
    frame = generate_uid()
    place.mkdir(parents=True)
    for i in range(slices):
        one = pydicom.Dataset()
        one.file_meta = pydicom.dataset.FileMetaDataset()
        one.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        one.file_meta.MediaStorageSOPClassUID = one.SOPClassUID = CTImageStorage
        one.file_meta.MediaStorageSOPInstanceUID = one.SOPInstanceUID = generate_uid()
        one.StudyInstanceUID, one.SeriesInstanceUID, one.FrameOfReferenceUID = study, series, frame
        one.PatientID, one.PatientName, one.Modality, one.InstanceNumber = patient, f"Name^{patient}", "CT", i + 1
        one.PatientBirthDate = one.PatientSex = one.StudyDate = one.StudyTime = one.AccessionNumber = ""
        one.ReferringPhysicianName = one.StudyID = one.PositionReferenceIndicator = ""
        one.SeriesNumber, one.SeriesDescription = 1, "Lung 5.0"
        one.ImagePositionPatient, one.ImageOrientationPatient = [0, 0, 5 * i], [1, 0, 0, 0, 1, 0]
        one.PixelSpacing, one.SliceThickness = [2.5, 2.5], 5
        pixels = np.clip(chest() + 1024, 0, 4095).astype(np.uint16)
        one.Rows, one.Columns = pixels.shape
        one.SamplesPerPixel, one.PhotometricInterpretation, one.PixelRepresentation = 1, "MONOCHROME2", 0
        one.BitsAllocated, one.BitsStored, one.HighBit = 16, 12, 11
        one.RescaleSlope, one.RescaleIntercept = 1, -1024
        one.PixelData = pixels.tobytes()
        one.save_as(place / f"{i}.dcm", enforce_file_format=True)


write_study(folder / "studies" / "a", "P001")
write_study(folder / "studies" / "b", "P002")

# %% [markdown]
# What is there? Each series is one image; what is left out is listed with its reason.

# %%
model = zoo.load("TS-CAM")
found = model.predict(folder / "studies", series={"modality": "CT"}, window=(-600, 1500))
found

# %% [markdown]
# The batch: an answer is on disk before the next series is read.

# %%
how = {"series": {"modality": "CT"}, "window": (-600, 1500), "name_by": "series", "mask_format": "dcm", "report": True}
results = model.predict_into(folder / "batch", folder / "studies", **how)
sorted(path.relative_to(folder / "batch").parts[0] for path in (folder / "batch").iterdir())

# %% [markdown]
# A new study comes in. `skip_existing` answers that one alone, and so it does after a kill.

# %%
write_study(folder / "studies" / "c", "P003")
again = model.predict_into(folder / "batch", folder / "studies", skip_existing=True, **how)
len(list((folder / "batch" / "masks").rglob("*.dcm"))), again.skipped

# %% [markdown]
# The segmentations belong to the patients they came from.

# %%
for path in sorted((folder / "batch" / "masks").rglob("*.dcm")):
    mask = pydicom.dcmread(path)
    print(mask.PatientID, mask.Modality, mask.SegmentSequence[0].SegmentLabel)

# %% [markdown]
# To give away: pseudonyms in objects, tables and names.

# %%
model.predict_into(folder / "shared", folder / "studies", deidentify="basic", **how)
{pydicom.dcmread(path).PatientID for path in (folder / "shared" / "masks").rglob("*.dcm")}
