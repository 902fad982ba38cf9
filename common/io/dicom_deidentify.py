"""Takes out of DICOM tags who a patient is, by a stated profile, so that objects made of them name nobody."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydicom import Dataset

BASIC, KEEP_UIDS = "basic", "keep-uids"
PROFILES = {  # what is replaced, in words
    BASIC: "names and ids of patient, study and persons; dates and times; descriptions; all UIDs",
    KEEP_UIDS: "the same without the UIDs, so that the results still refer to the images in their archive",
}
EMPTIED = (
    "PatientBirthDate", "PatientBirthTime", "OtherPatientIDs", "PatientAge", "PatientSize", "PatientWeight",
    "PatientAddress", "EthnicGroup", "PatientComments", "AdditionalPatientHistory", "StudyDate", "StudyTime",
    "SeriesDate", "SeriesTime", "AcquisitionDate", "AcquisitionTime", "AcquisitionDateTime", "ContentDate",
    "ContentTime", "AccessionNumber", "StudyID", "StudyDescription", "SeriesDescription", "ReferringPhysicianName",
    "PerformingPhysicianName", "OperatorsName", "NameOfPhysiciansReadingStudy", "PhysiciansOfRecord",
    "RequestingPhysician", "InstitutionName", "InstitutionAddress", "InstitutionalDepartmentName", "StationName",
    "DeviceSerialNumber", "ProtocolName", "RequestedProcedureDescription", "PerformedProcedureStepDescription",
    "ImageComments", "AdmittingDiagnosesDescription",
)  # fmt: skip
DROPPED = (
    "OtherPatientIDsSequence", "RequestAttributesSequence", "ReferencedStudySequence", "ReferencedPatientSequence",
    "IssuerOfPatientIDQualifiersSequence", "IssuerOfPatientID", "ReferringPhysicianIdentificationSequence",
    "ContributingEquipmentSequence", "OriginalAttributesSequence", "IssuerOfAccessionNumberSequence",
)  # fmt: skip
UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID")
TOLD = {"study_uid", "series_uid", "instance_uid", "frame_of_reference_uid"}


@dataclass(frozen=True)
class Pseudonyms:
    """Replaces identities by others that nobody can trace back without the key; the same one always by the same.

    profile: a key of PROFILES. key: secret.
    """

    profile: str
    key: bytes

    def name(self, text: str, prefix: str = "case") -> str:
        """Return the pseudonym of a patient or of an image."""
        return f"{prefix}-{self._digest(text)[:12]}"

    def uid(self, uid: str) -> str:
        """Return another UID, below DICOM's root for those made of random numbers."""
        return f"2.25.{int(self._digest(uid)[:32], 16)}" if self.profile == BASIC and uid else uid

    def dataset(self, data: Dataset) -> Dataset:
        """Return the tags of an image without those that say who it shows."""
        for tag in EMPTIED:
            if tag in data:
                data[tag].value = ""
        for tag in DROPPED:
            if tag in data:
                del data[tag]
        patient = self.name(str(data.get("PatientID") or data.get("PatientName") or ""), "patient")
        data.PatientID = data.PatientName = patient
        for tag in UIDS:
            if data.get(tag):
                data[tag].value = self.uid(str(data[tag].value))
        return data

    def origin(self, told: Mapping[str, str]) -> dict[str, str]:
        """Return what an answer may tell of where its image belongs."""
        kept = {name: self.uid(uid) for name, uid in told.items() if name in TOLD}
        patient = {"patient_id": self.name(told["patient_id"], "patient")} if "patient_id" in told else {}
        return {
            **patient,
            **kept,
            **{name: told[name] for name in ("modality", "series_number", "window_hu") if name in told},
        }

    def _digest(self, text: str) -> str:
        return hmac.new(self.key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
