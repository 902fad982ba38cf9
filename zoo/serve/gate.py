"""What stands before every route: who may ask, from where, and what each answer tells a browser."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from zoo.serve.settings import Settings

OPEN = ("/", "/health", "/docs", "/favicon.ico")  # routes that need no token: they tell nothing
OPEN_BELOW = "/page/"
POLICY = (
    "default-src 'self'; img-src 'self' blob: data:; style-src 'self'; script-src 'self'; connect-src 'self' blob:; "
    "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
GUARDS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}


class Gate:
    """Refuses requests without the token, of other sites, and to other names than the server's own."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app, self.settings = app, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer why not."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in GUARDS.items():
                    headers.setdefault(name, value)
                headers.setdefault("cache-control", "no-store")
            await send(message)

        refusal = self._refusal(Headers(scope=scope), scope["path"])
        await (refusal or self.app)(scope, receive, guarded)

    def _refusal(self, headers: Headers, path: str) -> JSONResponse | None:
        host = headers.get("host", "")
        if self.settings.hosts and _name_of(f"//{host}") not in self.settings.hosts:
            return _answer(421, f"{host[:80] or 'no host'} asked for; expected {' or '.join(self.settings.hosts)}")
        origin = headers.get("origin", "")
        if origin and urlsplit(origin).netloc != host:  # another site's page, whoever has it open
            return _answer(403, "requests of other sites are refused")
        is_open = path in OPEN or path.startswith(OPEN_BELOW)
        if not is_open and not self.settings.accepts(headers.get("authorization", "")):
            answer = _answer(401, "no valid token; send it as `Authorization: Bearer TOKEN`")
            answer.headers["www-authenticate"] = "Bearer"
            return answer
        return None


def _name_of(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def _answer(status: int, detail: str) -> JSONResponse:
    return JSONResponse({"kind": "RefusedError", "detail": detail}, status)
