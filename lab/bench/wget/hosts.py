"""Two thousand hosts, each an address of loopback: nginx answers at most of them, plain and through TLS.

One in five is dead: nothing listens there, and a connection is refused. One in a hundred drips: it begins to answer,
and sends a byte now and then, until its client gives up. The certificates are of a CA that the clients are told.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lab.bench.errors import BenchFailed
from lab.bench.harness.load import servers
from lab.bench.harness.peers import NGINX
from lab.bench.harness.processes import free_port, serving

if TYPE_CHECKING:
    import trustme

DEAD_EVERY, DRIPPING_EVERY = 5, 100
FIRST_DEAD, FIRST_DRIPPING = 1, 0
CA_FILE = "ca.pem"
NAMES_EACH = 20  # addresses in one certificate
CONFIGURATION = """\
daemon off;
worker_processes 1;
pid nginx.pid;
error_log stderr crit;
events {{ worker_connections 16384; }}
http {{
    access_log off;
    default_type text/html;
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi; scgi_temp_path scgi;
    {fields}
    {hosts}
}}
"""
SERVER = """\
    server {{
        {listen}
        ssl_certificate {pem}; ssl_certificate_key {pem};
        location / {{ return 200 "{page}"; }}
    }}
"""


@dataclass(frozen=True, slots=True)
class Hosts:
    """The addresses of all hosts, by what they do, and the ports on which those that are there listen."""

    number: int
    port: int
    tls_port: int
    ca: Path

    def urls(self, each: int) -> list[str]:
        """Return `each` URLs of every host, half of them with TLS, the hosts in turns."""
        return [self._url(host, is_tls=turn % 2 == 1) for turn in range(each) for host in range(self.number)]

    def answering(self) -> list[int]:
        """Return the hosts that answer."""
        return [host for host in range(self.number) if not is_dead(host) and not is_dripping(host)]

    def dripping(self) -> list[int]:
        """Return the hosts that drip."""
        return [host for host in range(self.number) if is_dripping(host)]

    def _url(self, host: int, *, is_tls: bool) -> str:
        scheme, port = ("https", self.tls_port) if is_tls else ("http", self.port)
        return f"{scheme}://{address(host)}:{port}/"


def address(host: int) -> str:
    """Return a host's address."""
    return f"127.8.{host // 250}.{host % 250 + 1}"


def is_dead(host: int) -> bool:
    """Return whether nothing listens there."""
    return host % DEAD_EVERY == FIRST_DEAD


def is_dripping(host: int) -> bool:
    """Return whether a host never ends its head."""
    return host % DRIPPING_EVERY == FIRST_DRIPPING


@contextmanager
def serving_hosts(number: int, core: Sequence[str], directory: Path) -> Iterator[Hosts]:
    """Serve so many hosts. Raises BenchFailed."""
    import trustme

    path = NGINX.path()
    if not path:
        raise BenchFailed("nginx", why="it is missing", evidence=(NGINX.missing(),))
    hosts = Hosts(number, free_port(), free_port(), directory / CA_FILE)
    authority = trustme.CA()
    authority.cert_pem.write_to_path(hosts.ca)
    configuration = directory / "nginx.conf"
    configuration.write_text(configured(hosts, authority, directory), "utf-8")
    command = [*core, path, "-e", "stderr", "-p", str(directory), "-c", str(configuration)]
    first = address(hosts.answering()[0])
    dripping = [word for host in hosts.dripping() for word in ("--address", address(host))]
    pem = directory / "dripping.pem"
    certificate(authority, [address(host) for host in hosts.dripping()], pem)
    ports = (str(hosts.port), str(hosts.tls_port), str(pem))
    with (
        serving("nginx", command, port=hosts.port, address=first),
        servers.module(
            "lab.bench.baselines.dripping", core, *ports, *dripping, port=hosts.port, address=address(FIRST_DRIPPING)
        ),
    ):
        yield hosts


def configured(hosts: Hosts, authority: "trustme.CA", directory: Path) -> str:
    """Return nginx's configuration, and write the certificates that it names."""
    parts, there = [], [address(host) for host in hosts.answering()]
    for begin in range(0, len(there), NAMES_EACH):
        some, pem = there[begin : begin + NAMES_EACH], directory / f"{begin}.pem"
        certificate(authority, some, pem)
        listen = " ".join(f"listen {at}:{hosts.port}; listen {at}:{hosts.tls_port} ssl;" for at in some)
        parts.append(SERVER.format(listen=listen, pem=pem, page=servers.PAGE))
    fields = " ".join(f'add_header {name} "{value}";' for name, value in servers.FIELDS.items())
    return CONFIGURATION.format(fields=fields, hosts="".join(parts))


def certificate(authority: "trustme.CA", addresses: Sequence[str], file: Path) -> None:
    """Write a key and a certificate for addresses."""
    authority.issue_cert(*addresses).private_key_and_cert_chain_pem.write_to_path(file)
