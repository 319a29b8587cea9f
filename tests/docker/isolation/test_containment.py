"""What a container may do, which is little: seen from inside, in the kernel's own tables; no packet is sent."""

import json
from collections.abc import Callable
from functools import lru_cache

import pytest
from python_on_whales import Container

from lab.compose.stack import Stack, owner_of
from lab.docker import engine

LOOK = """
import json, os, pathlib
lines = pathlib.Path("/proc/self/status").read_text().splitlines()
status = dict(line.split(":\\t", 1) for line in lines if ":\\t" in line)
def writable(place):
    try:
        (pathlib.Path(place) / "x").write_text("x")
    except OSError as error:
        return error.strerror
    return "writable"
print(json.dumps({
    "uid": os.getuid(), "gid": os.getgid(), "groups": os.getgroups(),
    "capabilities": {name: int(status[name], 16) for name in ("CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb")},
    "no_new_privileges": status["NoNewPrivs"], "root": writable("/"), "app": writable("/app"), "tmp": writable("/tmp"),
    "routes": [line.split()[1:3] for line in pathlib.Path("/proc/net/route").read_text().splitlines()[1:]],
    "packages": sorted(each.name for each in pathlib.Path("/app/services").iterdir() if each.is_dir()),
    "ca_key": pathlib.Path("/lab-ca-key").exists(),
    "secrets": [each.name for each in pathlib.Path("/run/secrets").glob("*")],
    "forwards": pathlib.Path("/proc/sys/net/ipv4/ip_forward").read_text().strip(),
    "third_party": [str(each) for each in pathlib.Path("/opt/venv/lib").glob("*/site-packages/*")],
}))
"""
SEARCH = """
import importlib.util, json, os, re, ssl, stat, sys
INSTALLER = re.compile(r"pip([0-9.-].*)?|.*[.]whl|apt([.-].*)?|dpkg([.-].*)?|ensurepip|setuptools([.-].*)?"
                       r"|wheel([.-].*)?|apk|rpm|dnf|yum|pacman|conda|uv|easy_install.*|perl[0-9.]*", re.ASCII)
found, raised = [], []
device = os.stat("/").st_dev
for top, directories, files in os.walk("/"):
    directories[:] = [each for each in directories if os.lstat(os.path.join(top, each)).st_dev == device]
    if top.startswith("/usr/share/doc"):
        continue
    for name in (*directories, *files):
        path = os.path.join(top, name)
        if INSTALLER.fullmatch(name):
            found.append(path)
        if os.lstat(path).st_mode & (stat.S_ISUID | stat.S_ISGID):
            raised.append(path)
if importlib.util.find_spec("uvloop"):  # gateway and broker have no package
    import aiohttp, uvloop
    uvloop.new_event_loop().close()
readable = [os.access(os.path.join(top, each), os.R_OK) for top, _, files in os.walk("/app") for each in files]
print(json.dumps({"installers": found, "raised": raised, "readable": all(readable) and len(readable) > 20,
                  "authorities": len(ssl.create_default_context().get_ca_certs())}))
"""
NO_CAPABILITY = dict.fromkeys(("CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb"), 0)


Seen = dict[str, object]
Look = Callable[[str], Seen]


def look_inside(stack: Stack, service: str, program: str) -> Seen:
    """Return what a process in a service's container sees."""
    if service == "client":
        done = stack.run_compose("run", "--rm", "-T", "--entrypoint", "python3", "client", "-c", program)
    else:
        done = stack.run_compose("exec", "-T", service, "python3", "-c", program)
    assert done.returncode == 0, done.stderr
    seen: Seen = json.loads(done.stdout)
    return seen


@pytest.fixture(scope="module")
def look(stack: Stack) -> Look:
    """Return a function that looks into the container of a service once, and remembers what is there."""
    return lru_cache(maxsize=None)(lambda service: look_inside(stack, service, LOOK))


SITES = ("netease", "recorded", "sina", "sohu")
SERVICES = ("broker", "client", "gateway", "hello", *SITES, "watch", "worker")


@pytest.mark.parametrize("service", SERVICES)
def test_a_container_holds_only_what_its_service_needs(stack: Stack, look: Look, service: str) -> None:
    """No root unless the person is root, no capability, one writable directory, one service, no installer."""
    seen = look(service)
    user = owner_of(stack.root) if service == "client" else "65532:65532"  # the client writes a person's files
    assert f"{seen['uid']}:{seen['gid']}" == user
    assert seen["groups"] in ([], [seen["gid"]])
    assert seen["capabilities"] == NO_CAPABILITY
    assert seen["no_new_privileges"] == "1"
    assert (seen["root"], seen["app"], seen["tmp"]) == ("Read-only file system", "Read-only file system", "writable")
    own = dict.fromkeys(SITES, "sites").get(service, "client" if service == "worker" else service)
    packages = {own, "runtime", *(["client"] if service == "watch" else [])}  # watch runs the client
    assert [each for each in seen["packages"] if each != "__pycache__"] == sorted(packages)  # type: ignore[attr-defined]
    assert bool(seen["third_party"]) is (service not in {"broker", "gateway"})
    assert seen["ca_key"] is (own == "sites")
    assert seen["secrets"] == (["broker_password"] if own in {"broker", "client", "watch"} else [])


@pytest.mark.parametrize("service", ["client", "gateway", "watch", "worker"])
def test_a_container_in_two_networks_passes_no_packet_on_between_them(look: Look, service: str) -> None:
    """The engine lets every container forward, unless it is told otherwise."""
    assert look(service)["forwards"] == "0"


@pytest.mark.parametrize("service", ["broker", "client", "gateway", "hello", "sina", "watch"])
def test_an_image_holds_no_installer_and_no_setuid_file_and_python_works(stack: Stack, service: str) -> None:
    """Neither pip nor a package manager, no setuid file; TLS and uvloop work."""
    seen = look_inside(stack, service, SEARCH)
    assert seen["installers"] == []
    assert seen["raised"] == []
    assert int(str(seen["authorities"])) > 50
    assert seen["readable"]


def test_a_service_that_ends_starts_again_and_a_client_does_not(stack: Stack) -> None:
    """Unless a person stopped it; also after a restart of the engine."""
    policies = {
        container.config.labels["com.docker.compose.service"]: container.host_config.restart_policy
        for container in stack.client().compose.ps()
        if container.config.labels
    }
    assert len(policies) >= 7
    assert all(policy and policy.name == "unless-stopped" for policy in policies.values()), policies
    config = stack.config()
    assert config["services"]["client"]["restart"] == "no"
    assert "restart_policy" not in config["services"]["client"]["deploy"]


@pytest.mark.parametrize("service", [service for service in SERVICES if service != "gateway"])
def test_nothing_leaves_the_lab(stack: Stack, look: Look, service: str) -> None:
    """The routing table has no default route (destination 0.0.0.0), and no gateway at all."""
    version = engine.probe(stack.settings).engine
    if version and not engine.at_least(version, engine.ROUTELESS_SINCE):
        pytest.skip(f"engine {version} gives an internal network a default route into nothing (moby#46603)")
    routes = look(service)["routes"]
    assert isinstance(routes, list)
    assert routes
    assert all(destination != "00000000" and gateway == "00000000" for destination, gateway in routes)


def test_only_the_gateway_is_published_and_only_on_loopback(stack: Stack) -> None:
    """Other machines reach nothing of the lab, and this machine no admin port."""
    published = {
        container.config.labels["com.docker.compose.service"]: [
            (port, binding["HostIp"])
            for port, bindings in (container.network_settings.ports or {}).items()
            for binding in bindings or []
        ]
        for container in stack.client().compose.ps()
        if container.config.labels
    }
    closed = [service for service in SERVICES if service not in ("client", "gateway")]
    nothing: dict[str, list[tuple[str, str]]] = {service: [] for service in closed}
    assert {service: sorted(ports) for service, ports in published.items()} == nothing | {
        "gateway": [("3128/tcp", "127.0.0.1"), ("8000/tcp", "127.0.0.1"), ("8080/tcp", "127.0.0.1")]
    }


def test_no_dns_query_leaves_the_machine(stack: Stack) -> None:
    """Docker's resolver forwards unknown names to an address where no server is."""
    for container in stack.client().compose.ps():
        assert container.host_config.dns == ["127.0.0.1"]


def service_of(container: Container) -> str:
    """Return the service that a container is of."""
    return str((container.config.labels or {})["com.docker.compose.service"])


def test_containers_are_limited(stack: Stack) -> None:
    """Memory and processes are bounded, logs rotate. In a worker, a look-up that hangs keeps a thread."""
    for container in stack.client().compose.ps():
        limits = container.host_config
        assert limits.memory == (1024 if service_of(container) in {"broker", "watch"} else 512) * 1024 * 1024
        assert limits.pids_limit == (1280 if service_of(container) in {"watch", "worker"} else 256)
        assert limits.log_config
        assert limits.log_config.config == {"max-file": "3", "max-size": "5m"}
        assert limits.init
