"""What a lab says of itself: the object that `lab serve` prints when it is ready, and that its gateway has at /lab."""

from collections.abc import Mapping
from dataclasses import dataclass

from asynclab.connection.json_object import JsonObject
from asynclab.errors import BadAnswer

__tracebackhide__ = True

VERSION = 1


@dataclass(frozen=True, slots=True)
class SiteUrls:
    """Where a host is reached without the gateway."""

    http: str
    tls: str
    admin: str


@dataclass(frozen=True, slots=True)
class Description:
    """`gateway`: its URL; `ca`: the file of the CA, None if this machine does not have it; `hello`: the URL of hello.

    `direct`: whether the URLs of the sites are reached from here. In containers they are names of the lab's network.
    `takes_hosts`: the name under which the one admin side answers that takes new hosts; nothing where each host's does.
    `address`: the gateway's own URL, at the address to which this request came, if it has another than the one that was
    asked; `identity`: what no other gateway says.
    """

    gateway: str
    ca: str | None
    hello: str
    sites: Mapping[str, SiteUrls]
    direct: bool
    takes_hosts: str = ""
    address: str = ""
    identity: str = ""

    @property
    def sites_for_new_hosts(self) -> Mapping[str, SiteUrls]:
        """The names that can be asked to take a new host: those of the hosts, or one that is no host."""
        return {self.takes_hosts: SiteUrls("", "", "")} if self.takes_hosts else self.sites


def read_description(raw: bytes) -> Description:
    """Return the description in these bytes. Raises BadAnswer."""
    data = JsonObject.parse(raw)
    version = data.whole("v", default=0)
    if version != VERSION:
        raise BadAnswer(f"it speaks version {version}, and this asynclab speaks version {VERSION}")
    return Description(
        gateway=data.text("gateway"),
        ca=data.text_or_none("ca"),
        hello=data.text("hello"),
        sites={
            host: SiteUrls(each.text("http"), each.text("tls"), each.text("admin"))
            for host, each in data.by_name("sites").items()
        },
        direct=data.truth("direct", default=True),
        takes_hosts=data.text_or_none("takes_hosts") or "",
        address=data.text_or_none("address") or "",
        identity=data.text_or_none("identity") or "",
    )
