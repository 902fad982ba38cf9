"""A model hub on 127.0.0.1 that speaks enough of the protocol for the real client, and breaks it on request."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit


@dataclass(frozen=True)
class Reply:
    """What the server is about to send."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    announced: int | None = None  # Content-Length, where it lies
    cut_at: int | None = None  # bytes after which the connection breaks
    pause_s: float = 0.0  # before every block
    block: int = 1 << 20


Fault = Callable[[Reply, int], Reply]  # (the honest reply, the number of this request from 1) -> what is sent


def flip(offset: int, bit: int = 0) -> Fault:
    """Change one byte of the body."""

    def damage(reply: Reply, _: int) -> Reply:
        body = bytearray(reply.body)
        body[offset] ^= 1 << bit
        return replace(reply, body=bytes(body))

    return damage


def cut(length: int) -> Fault:
    """Break the connection after `length` bytes of the body."""
    return lambda reply, _: replace(reply, cut_at=length)


def status(code: int) -> Fault:
    """Answer with an error."""
    return lambda reply, _: Reply(code, {}, b"no")


def html() -> Fault:
    """Answer like the login page of a hotel."""
    return lambda reply, _: Reply(200, {"Content-Type": "text/html"}, b"<html>Please log in</html>")


def wrong_length(length: int) -> Fault:
    """Send and announce another number of bytes."""
    return lambda reply, _: replace(reply, body=(reply.body * 2)[:length])


def slow(pause_s: float, block: int) -> Fault:
    """Send in blocks with pauses."""
    return lambda reply, _: replace(reply, pause_s=pause_s, block=block)


def redirect(to: str) -> Fault:
    """Send the client elsewhere, keeping the headers that describe the file."""
    return lambda reply, _: replace(reply, status=302, headers={**reply.headers, "Location": to}, body=b"")


def only_first(fault: Fault) -> Fault:
    """Apply a fault to the first request only."""
    return lambda reply, number: fault(reply, number) if number == 1 else reply


@dataclass
class Hub:
    """The state of the server: repositories, faults, and what was asked."""

    address: str = ""
    repositories: dict[str, dict[str, bytes]] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)  # uploaded large files by SHA-256
    on_head: Fault | None = None
    on_get: Fault | None = None
    on_sent: Callable[[int], None] | None = None  # told the bytes of a body sent so far
    requests: list[tuple[str, str, str]] = field(default_factory=list)  # method, path, Range

    def count(self, method: str, part: str = "/resolve/") -> int:
        return sum(m == method and part in path for m, path, _ in self.requests)

    def reset(self) -> None:
        self.on_head = self.on_get = self.on_sent = None
        self.requests.clear()


@contextmanager
def running() -> Iterator[Hub]:
    """Serve until the block ends."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("BoundHandler", (Handler,), {"hub": hub}))
    server.daemon_threads = True
    hub.address = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()


class Handler(BaseHTTPRequestHandler):
    """Routes of the hub."""

    hub: Hub
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_: Any) -> None:
        """Stay quiet."""

    def do_HEAD(self) -> None:
        self._note()
        self._send(self._faulty(self._file(), self.hub.on_head, "HEAD"), with_body=False)

    def do_GET(self) -> None:
        path = self._note()
        if path.startswith("/api/"):
            return self._send(self._model_info(path))
        if path.startswith("/cdn/"):
            return self._send(self._ranged(Reply(body=self.hub.objects[path.rpartition("/")[2]])))
        self._send(self._faulty(self._ranged(self._file()), self.hub.on_get, "GET"))

    def do_POST(self) -> None:
        path, body = self._note(), self._body()
        if path == "/api/repos/create":
            return self._send(self._create(json.loads(body)))
        if path == "/api/validate-yaml":
            return self._send(_json({"errors": [], "warnings": []}))
        if "/preupload/" in path:
            return self._send(self._preupload(json.loads(body)))
        if path.endswith("/objects/batch"):
            return self._send(self._batch(json.loads(body)))
        if path.startswith("/verify/"):
            return self._send(_json({}, 200 if json.loads(body)["oid"] in self.hub.objects else 404))
        if "/commit/" in path:
            return self._send(self._commit(path, body))
        self._send(Reply(404))

    def do_PUT(self) -> None:
        self._note()
        body = self._body()
        self.hub.objects[hashlib.sha256(body).hexdigest()] = body
        self._send(Reply())

    def _note(self) -> str:
        path = unquote(urlsplit(self.path).path)
        self.hub.requests.append((self.command, path, self.headers.get("Range", "")))
        return path

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _file(self) -> Reply:
        repository, _, rest = unquote(urlsplit(self.path).path)[1:].partition("/resolve/")
        files = self.hub.repositories.get(repository)
        if files is None:
            return Reply(404, {"X-Error-Code": "RepoNotFound"})
        content = files.get(rest.partition("/")[2])
        if content is None:
            return Reply(404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": _revision(files)})
        digest = hashlib.sha256(content).hexdigest()
        headers = {"X-Repo-Commit": _revision(files), "ETag": f'"{digest}"', "Accept-Ranges": "bytes"}
        linked = {"X-Linked-Etag": f'"{digest}"', "X-Linked-Size": str(len(content))}
        return Reply(headers={**headers, **linked}, body=content)

    def _ranged(self, reply: Reply) -> Reply:
        wanted = self.headers.get("Range", "")
        if reply.status != 200 or not wanted.startswith("bytes="):
            return reply
        start = int(wanted.removeprefix("bytes=").partition("-")[0])
        total = len(reply.body)
        headers = {**reply.headers, "Content-Range": f"bytes {start}-{total - 1}/{total}"}
        return replace(reply, status=206, headers=headers, body=reply.body[start:])

    def _faulty(self, reply: Reply, fault: Fault | None, method: str) -> Reply:
        return fault(reply, self.hub.count(method)) if fault is not None else reply

    def _send(self, reply: Reply, with_body: bool = True) -> None:
        self.send_response(reply.status)
        length = reply.announced if reply.announced is not None else len(reply.body)
        for name, value in {"Content-Length": str(length), **reply.headers}.items():
            self.send_header(name, value)
        try:
            self.end_headers()
            if with_body:
                self._send_body(reply)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _send_body(self, reply: Reply) -> None:
        end = len(reply.body) if reply.cut_at is None else reply.cut_at
        for start in range(0, end, reply.block):
            time.sleep(reply.pause_s)
            self.wfile.write(reply.body[start : min(start + reply.block, end)])
            if self.hub.on_sent is not None:
                self.hub.on_sent(min(start + reply.block, end))
        if reply.cut_at is not None or reply.announced is not None:
            self.close_connection = True

    def _model_info(self, path: str) -> Reply:
        repository = "/".join(path.split("/")[3:5])
        files = self.hub.repositories.get(repository)
        if files is None:
            return Reply(404, {"X-Error-Code": "RepoNotFound"})
        siblings = [{"rfilename": name} for name in files]
        sha = _revision(files)
        return _json({"_id": "0", "id": repository, "sha": sha, "private": False, "tags": [], "siblings": siblings})

    def _create(self, wanted: dict[str, Any]) -> Reply:
        repository = f"{wanted.get('organization') or 'me'}/{wanted['name']}"
        known = repository in self.hub.repositories
        self.hub.repositories.setdefault(repository, {})
        return _json({"url": f"{self.hub.address}/{repository}", "id": repository}, 409 if known else 200)

    def _preupload(self, wanted: dict[str, Any]) -> Reply:
        def mode(path: str) -> str:
            return "lfs" if path.endswith(".safetensors") else "regular"

        files = [{"path": f["path"], "uploadMode": mode(f["path"]), "shouldIgnore": False} for f in wanted["files"]]
        return _json({"files": files})

    def _batch(self, wanted: dict[str, Any]) -> Reply:
        def answer(thing: dict[str, Any]) -> dict[str, Any]:
            if thing["oid"] in self.hub.objects:
                return thing
            names = {"upload": "objects", "verify": "verify"}
            actions = {k: {"href": f"{self.hub.address}/{v}/{thing['oid']}"} for k, v in names.items()}
            return {**thing, "actions": actions}

        return _json({"transfer": "basic", "objects": [answer(o) for o in wanted["objects"]]})

    def _commit(self, path: str, body: bytes) -> Reply:
        repository = "/".join(path.split("/")[3:5])
        files = self.hub.repositories[repository]
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            if line["key"] == "lfsFile":
                files[value["path"]] = self.hub.objects[value["oid"]]
            if line["key"] == "deletedFile":
                del files[value["path"]]
        oid = _revision(files)
        return _json({"success": True, "commitOid": oid, "commitUrl": f"{self.hub.address}/{repository}/commit/{oid}"})


def _json(value: Any, code: int = 200) -> Reply:
    return Reply(code, {"Content-Type": "application/json"}, json.dumps(value).encode())


def _revision(files: dict[str, bytes]) -> str:
    names = "".join(f"{name}{len(content)}" for name, content in sorted(files.items()))
    return hashlib.sha1(names.encode(), usedforsecurity=False).hexdigest()
