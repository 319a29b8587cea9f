"""What a browser writes into a HAR file."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from services.client.record.options import Options
from tests.client.record.web import A, options


def entry(url: str = f"{A}/", *, method: str = "GET", **changes: Any) -> dict[str, Any]:
    """Return an entry as a browser writes it; `changes` are of its response."""
    response: dict[str, Any] = {
        "status": 200,
        "statusText": "OK",
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": [{"name": "Content-Type", "value": "text/plain"}],
        "content": {"size": 2, "mimeType": "text/plain", "text": "ok"},
        "redirectURL": "",
        "headersSize": -1,
        "bodySize": -1,
    }
    return {
        "startedDateTime": "2026-11-26T05:00:00.000Z",
        "time": 1.5,
        "request": {"method": method, "url": url, "httpVersion": "HTTP/1.1", "headers": [], "queryString": []},
        "response": response | changes,
    }


def headers(*pairs: tuple[object, object]) -> list[dict[str, object]]:
    """Return fields as a HAR file has them."""
    return [{"name": name, "value": value} for name, value in pairs]


def har(*entries: object) -> dict[str, Any]:
    """Return the content of a file."""
    return {"log": {"version": "1.2", "creator": {"name": "x", "version": "1"}, "pages": [], "entries": [*entries]}}


def har_options(tmp_path: Path, **changes: Any) -> Options:
    """Return what `client record --har FILE` asks for, with changes."""
    return replace(options(tmp_path / "out", [], har=str(tmp_path / "saved.har")), **changes)
