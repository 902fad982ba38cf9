"""`zoo serve` from the shell: what it needs, what it refuses before it listens."""

from __future__ import annotations

import importlib.util
import io
import logging
import re
import shlex
import socket
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from zoo.cli import app
from zoo.cli import serve as command

ROOT = Path(__file__).resolve().parents[2]


def said(*words: str) -> str:
    done = CliRunner().invoke(app, ["serve", *words])
    assert done.exit_code in (1, 2), done.output
    return " ".join(done.output.split())


def test_without_the_extra_the_command_says_what_to_install(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "fastapi" else find(name))

    assert "pip install 'openmedia-zoo[serve]'" in said()


def test_unknown_algorithm_is_told_before_the_port_is_taken():
    pytest.importorskip("fastapi")

    assert "no algorithm is called 'Nothing'" in said("Nothing")


def test_port_that_is_taken_is_told():
    pytest.importorskip("fastapi")
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        assert "cannot be listened at" in said("--port", str(port))


def test_the_service_leaves_the_logging_of_the_program_alone():
    pytest.importorskip("fastapi")
    handler = logging.StreamHandler(io.StringIO())
    handler.close = lambda: handler.stream.close()  # type: ignore[method-assign]  # as some libraries' handlers do
    with socket.create_server(("127.0.0.1", 0)) as other:
        said("--port", str(other.getsockname()[1]))

    assert not handler.stream.closed


@pytest.mark.parametrize(
    ("host", "is_near"), [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False)]
)
def test_only_loopback_addresses_are_of_this_machine(host, is_near):
    assert command.is_loopback(host) is is_near


def test_options_in_the_document_exist():
    text = (ROOT / "docs" / "serve.md").read_text()
    commands = get_command(app).commands  # type: ignore[attr-defined]
    known = {name for word in ("serve", "train") for parameter in commands[word].params for name in parameter.opts}
    lines = [shlex.split(line, comments=True) for line in re.findall(r"^zoo serve.*$", text, re.M)]
    used = {word for line in lines for word in line if word.startswith("--")} | set(re.findall(r"`(--[\w-]+)", text))

    assert used - known - {"--build-arg"} == set()
