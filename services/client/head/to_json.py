"""A head as JSON has it, in `client parse` and in the survey's records: Latin-1 text, in wire order and case.

Latin-1 maps each byte to one character and back, so nothing is lost and nothing is guessed. Of an anomaly, only its
name is in the JSON; its offset and its clause are in the `Head`.
"""

from typing import TypedDict

from services.client.head.head import Head, ResponseHead


class ResponseHeadJson(TypedDict):
    """One head; each of `interim` is one."""

    http_version: str
    status: int
    reason: str
    headers: list[list[str]]


class HeadJson(ResponseHeadJson):
    """The final head; `head_bytes` counts its own bytes, without those of the interim heads."""

    interim: list[ResponseHeadJson]
    anomalies: list[str]
    head_bytes: int


def head_to_json(head: Head) -> HeadJson:
    """The head as an object that `json.dumps` takes, keys in the order in which they are read best."""
    return {
        **_response_head_to_json(head),
        "interim": [_response_head_to_json(interim) for interim in head.interim],
        "anomalies": [anomaly.name.value for anomaly in head.anomalies],
        "head_bytes": head.head_bytes,
    }


def _response_head_to_json(head: ResponseHead) -> ResponseHeadJson:
    return {
        "http_version": head.http_version,
        "status": head.status,
        "reason": head.reason.decode("latin-1"),
        "headers": [[name.decode("latin-1"), value.decode("latin-1")] for name, value in head.headers],
    }
