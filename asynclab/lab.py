"""A lab to test against: `Lab` starts one, `Lab.join` joins one that stands already.

    with Lab() as lab:                              # or Lab.join("http://127.0.0.1:3128")
        site = lab.site("www.163.com")
        api = lab.play("api.example", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

A client reaches the hosts of a lab by their names through its proxy, or without it at the URL of each site. `site` is
to be read next.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Unpack

from asynclab import checks
from asynclab.connection.admin import Admin
from asynclab.connection.checkpoint import take_checkpoint
from asynclab.connection.description import SiteUrls
from asynclab.connection.running import RunningLab, join_lab, start_lab
from asynclab.criteria import LabCriteria, checked
from asynclab.errors import BadParameter, LabError, Refused, UnknownHost
from asynclab.exchange import Exchange
from asynclab.play import NewPlay, PlayOptions, new_play
from asynclab.site import MAX_ENTRIES, Site, read_journal

__tracebackhide__ = True

TIMEOUT_S = 10.0
LOOPBACK = "localhost,127.0.0.1,::1"
PROXY_VARIABLES = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")
CA_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")


class Lab:
    """A lab, which runs while the `with` block does. It can be used from `async` code and from threads.

    `port`: that of its gateway, 0 for a free one. `timeout_s`: how long a call may take before the lab counts as gone.
    Entering raises LabNotStarted or PortTaken.
    """

    def __init__(self, *, port: int = 0, timeout_s: float = TIMEOUT_S) -> None:
        checks.number("port", port)
        checks.seconds("timeout_s", timeout_s)
        self._open: Callable[[], RunningLab] | None = lambda: start_lab(port=port, timeout_s=timeout_s)
        self._running: RunningLab | None = None
        self._marks: dict[str, int] = {}  # the last entry before this view, by host

    @classmethod
    def join(cls, url: str, *, timeout_s: float = TIMEOUT_S) -> "Lab":
        """Return the lab whose gateway is at a URL; it goes on when the block ends. Entering raises NotALab."""
        lab = cls(timeout_s=timeout_s)
        checks.text("url", url)
        lab._open = lambda: join_lab(url, timeout_s=timeout_s)
        return lab

    def __enter__(self) -> "Lab":
        if self._open is None or self._running is not None:
            raise LabError("this lab is entered already: use it as it is, or make another Lab()")
        self._running = self._open()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        running, self._running = self._running, None
        if running:
            running.close()

    # How a client reaches it

    @property
    def proxy_url(self) -> str:
        """The URL of its gateway: an HTTP proxy that knows the lab's hosts, and leads nowhere else."""
        return self._admin.gateway.url

    @property
    def ca_file(self) -> Path:
        """The file with the certificate of the lab's CA, in PEM."""
        return self._lab.ca_file()

    @property
    def hello_url(self) -> str:
        """The URL of the hello server."""
        return self._admin.description.hello

    @property
    def environ(self) -> dict[str, str]:
        """The environment variables that send a program through the gateway: `env=os.environ | lab.environ`."""
        return {
            **dict.fromkeys(PROXY_VARIABLES, self.proxy_url),
            **dict.fromkeys(("no_proxy", "NO_PROXY"), LOOPBACK),
            **dict.fromkeys(CA_VARIABLES, str(self.ca_file)),
            "NODE_USE_ENV_PROXY": "1",  # Node.js reads the proxy variables only then
            "HELLO_URL": self.hello_url,
            "ASYNCLAB_URL": self.proxy_url,
        }

    # Its hosts

    @property
    def is_direct(self) -> bool:
        """Whether the URLs of its sites can be reached from here. Those of a lab in containers cannot."""
        return self._admin.description.direct

    @property
    def urls(self) -> Mapping[str, SiteUrls]:
        """Where each host is without the gateway, as this process knows it now."""
        return self._admin.description.sites

    @property
    def hosts(self) -> list[str]:
        """The names of its hosts, in order."""
        return sorted(self._admin.refresh().sites)

    def site(self, host: str) -> Site:
        """Return a host. Raises UnknownHost."""
        name = self._admin.know(checks.text("host", host))
        return Site(name, self._admin, since=self._since(name))

    def play(self, host: str, response: bytes, **options: Unpack[PlayOptions]) -> Site:
        """Let a host answer with these bytes, and return it; `Site.play` says when. A host need not be recorded.

        Raises NoHead, PlayConflict or BadParameter; Refused where the lab takes no host that is not recorded.
        """
        name = host_name(host)
        play = new_play(name, response, options)
        try:
            play.add(self._admin, self._admin.know(name), through=name)
        except UnknownHost:
            self._add_host(name, play)
        return Site(name, self._admin, since=self._since(name))

    def _add_host(self, name: str, new: NewPlay) -> None:
        """Let a site play a host that is not there.

        In containers, one site alone takes hosts that are not recorded; the others say that they have no such host.
        """
        asked: set[str] = set()
        for through, urls in self._admin.description.sites_for_new_hosts.items():
            if urls.admin in asked:
                continue
            try:
                play = new.add(self._admin, name, through=through)
            except UnknownHost as error:
                if error.host == name:  # the site refuses it; else the host that was asked has gone meanwhile
                    asked.add(urls.admin)
                continue
            self._marks[name] = self._since(through)
            if name in self._admin.refresh().sites:
                return
            self._admin.call("DELETE", f"/plays/{name}/{play.id}", host=through)
            break
        raise Refused(
            f"{name} cannot be added, since this lab takes no new hosts: use a lab of `lab serve`, or record it"
        )

    def _since(self, host: str) -> int:
        """Return the last entry before this view, in the journal of the site that plays a host."""
        marks, urls = self._marks.copy(), self.urls
        if host not in marks and host in urls:  # it came after the view began: its journal is that of others
            beside = (mark for other, mark in marks.items() if other in urls and urls[other].admin == urls[host].admin)
            return next(beside, marks.get(self._admin.description.takes_hosts, 0))
        return marks.get(host, 0)

    # Its state

    def journal(self, *, limit: int = MAX_ENTRIES, **criteria: Unpack[LabCriteria]) -> list[Exchange]:
        """Return the newest exchanges of all hosts that meet the criteria, the oldest first; see `Site.journal`.

        Those that no host answered are among them, such as a request for a host that is not there.
        """
        asked = checked(criteria)
        found: dict[Exchange, None] = {}  # hosts in containers may share a process, and then its journal
        sites: dict[str, list[str]] = {}
        for host, urls in self.urls.items():
            sites.setdefault(urls.admin, []).append(host)
        for hosts in sites.values():
            found |= dict.fromkeys(self._journal_of(hosts, asked, limit=limit))
        return sorted(found, key=lambda each: each.received_at)[-limit:]

    def _journal_of(self, hosts: Sequence[str], criteria: Mapping[str, object], *, limit: int) -> list[Exchange]:
        """Return the journal of the site that plays these hosts, of which some may have gone meanwhile."""
        for host in hosts:
            since = self._since(host)
            try:
                return read_journal(self._admin, criteria, since=since, limit=limit, through=host)
            except UnknownHost:
                continue
        return []

    @contextmanager
    def view(self) -> "Iterator[Lab]":
        """Yield the lab as it is now, with an empty journal; afterwards, put its faults and plays back as they were.

        The fixture `lab` of the pytest plugin is such a view, one for each test.
        """
        running = self._lab
        checkpoint = take_checkpoint(running.admin)
        view = Lab()
        view._open, view._running, view._marks = None, running, dict(checkpoint.marks)
        try:
            yield view
        finally:
            view._running = None
            checkpoint.restore(running.admin)

    @property
    def _lab(self) -> RunningLab:
        if self._running is None:
            raise LabError("this lab does not run: use it inside `with Lab() as lab:`")
        return self._running

    @property
    def _admin(self) -> Admin:
        return self._lab.admin


def host_name(host: object) -> str:
    """Return the name of a host that a site can play, in lower case. Raises BadParameter."""
    given = checks.text("host", host)
    name = given.lower().removesuffix(".")
    if not checks.is_host_name(name):
        rule = "letters, digits, dots and hyphens, 63 between two dots and 253 in all"
        ascii_name = checks.in_ascii(given).removesuffix(".")
        hint = f": clients ask for {ascii_name!r}" if not given.isascii() and checks.is_host_name(ascii_name) else ""
        raise BadParameter(f"{checks.shown(given)} is not a host name{hint or f': {rule}'}")
    return name
