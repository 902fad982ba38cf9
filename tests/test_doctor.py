"""`zoo doctor` finds what is broken, says what to do, and survives it."""

from __future__ import annotations

import pytest

from zoo import doctor
from zoo.doctor import frameworks as doctor_frameworks
from zoo.registry import find, load_registry
from zoo.weights.places import Finding

ENTRY = find("EllipseNet")


def states(checks: list[doctor.Check]) -> dict[str, str]:
    return {check.name: check.state for check in checks}


def test_everything_that_is_not_ok_has_a_remedy(monkeypatch):
    monkeypatch.setattr(doctor_frameworks, "installed", lambda: [])

    assert [check.name for check in doctor.diagnose() if check.state != "ok" and not check.remedy] == []


def test_no_framework_at_all_fails_with_the_way_to_install_one(monkeypatch):
    monkeypatch.setattr(doctor_frameworks, "installed", lambda: [])
    checks = doctor.diagnose()

    assert not doctor.is_healthy(checks)
    assert "openmedia-zoo[torch]" in next(c.remedy for c in checks if c.name == "PyTorch")


def test_one_absent_framework_is_a_warning():
    assert doctor_frameworks.absent_check("mindspore", is_only_lack=True).state == "warn"


@pytest.mark.parametrize(("library", "version"), [("numpy", "2.4.6"), ("ml_dtypes", "0.6.0")])
def test_mindspore_with_a_library_that_breaks_it_fails(monkeypatch, library, version):
    versions = {"numpy": "1.26.4", "ml_dtypes": "0.5.4", "mindspore": "2.10.0", library: version}
    monkeypatch.setattr(doctor_frameworks, "installed_version", versions.get)
    (check,) = doctor_frameworks.present_checks("mindspore", [ENTRY])

    assert (check.state, library in check.what, "numpy>=1.26,<2" in check.remedy) == ("fail", True, True)


def test_a_framework_that_crashes_is_a_failure_not_a_crash(monkeypatch, tmp_path):
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho 'cannot open libcudart.so' >&2\nexit 139\n")
    broken.chmod(0o755)
    monkeypatch.setattr(doctor_frameworks.sys, "executable", str(broken))
    (check,) = doctor_frameworks.present_checks("torch", [ENTRY])

    assert check.state == "fail"
    assert "cannot open libcudart.so" in check.what


@pytest.mark.parametrize(("found", "expected"), [("right", "ok"), ("absent", "warn"), ("wrong", "fail")])
def test_weights_are_reported_as_they_are(monkeypatch, tmp_path, found, expected):
    finding = Finding("some", tmp_path / "some.safetensors", found, "detail")
    monkeypatch.setattr(doctor, "verify", lambda entry: [finding])
    checks = list(doctor.weight_checks(replace_checkpoints(ENTRY)))

    assert [check.state for check in checks] == [expected]


def replace_checkpoints(entry):
    return entry.model_copy(update={"checkpoints": {"some": None}})


@pytest.mark.parametrize(("free_gib", "expected"), [(50, "ok"), (1, "warn"), (0.1, "fail")])
def test_a_filling_disk_is_noticed(monkeypatch, tmp_path, free_gib, expected):
    usage = doctor.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: usage._replace(free=int(free_gib * 2**30)))

    assert doctor.disk_check(tmp_path).state == expected


def test_offline_is_said(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    assert "HF_HUB_OFFLINE" in doctor.hub_check().remedy


def test_a_broken_registry_does_not_stop_the_doctor(monkeypatch):
    def refuse():
        raise doctor.RegistryError("registry.yaml: wrong")

    monkeypatch.setattr(doctor, "load_registry", refuse)
    entries, check = doctor.read_entries()

    assert (entries, check.state) == ([], "fail")


@pytest.mark.slow
@pytest.mark.parametrize("framework", ["torch", "mindspore"])
def test_every_algorithm_answers_in_each_framework(framework):
    pytest.importorskip(framework)
    checks = list(doctor_frameworks.present_checks(framework, list(load_registry().values())))

    assert set(states(checks).values()) == {"ok"}, checks
