"""What a container may do: nearly nothing. Shown from inside, by the kernel's own tables; nothing is sent out."""

import json

import pytest

from lab import engine
from lab.stack import Stack, owner_of

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
    "pip": [str(each) for each in pathlib.Path("/opt").rglob("pip")],
}))
"""
NO_CAPABILITY = dict.fromkeys(("CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb"), 0)


def look_inside(stack: Stack, service: str) -> dict[str, object]:
    """Return what a process in a service's container sees."""
    if service == "client":
        done = stack.run_compose("run", "--rm", "-T", "--entrypoint", "python3", "client", "-c", LOOK)
    else:
        done = stack.run_compose("exec", "-T", service, "python3", "-c", LOOK)
    assert done.returncode == 0, done.stderr
    seen: dict[str, object] = json.loads(done.stdout)
    return seen


@pytest.mark.parametrize("service", ["client", "hello", "sina", "sohu", "netease"])
def test_a_container_holds_nothing_that_it_does_not_need(stack: Stack, service: str) -> None:
    """No root but where the person is, no capability, no way to it, one writable place, one service, no installer."""
    seen = look_inside(stack, service)
    user = owner_of(stack.root) if service == "client" else "65532:65532"  # the client writes a person's files
    assert f"{seen['uid']}:{seen['gid']}" == user
    assert seen["groups"] in ([], [seen["gid"]])
    assert seen["capabilities"] == NO_CAPABILITY
    assert seen["no_new_privileges"] == "1"
    assert (seen["root"], seen["app"], seen["tmp"]) == ("Read-only file system", "Read-only file system", "writable")
    own = service if service in {"client", "hello"} else "sites"
    assert [each for each in seen["packages"] if each != "__pycache__"] == sorted([own, "runtime"])  # type: ignore[attr-defined]
    assert seen["pip"] == []


@pytest.mark.parametrize("service", ["client", "sina", "sohu", "netease"])
def test_nothing_leaves_the_lab(stack: Stack, service: str) -> None:
    """The routing table has no default route (destination 0.0.0.0), and no gateway at all."""
    version = engine.probe().engine
    if version and not engine.at_least(version, engine.ROUTELESS_SINCE):
        pytest.skip(f"engine {version} gives an internal network a default route into nothing (moby#46603)")
    routes = look_inside(stack, service)["routes"]
    assert isinstance(routes, list)
    assert routes
    assert all(destination != "00000000" and gateway == "00000000" for destination, gateway in routes)


def test_only_hello_is_published_and_only_on_loopback(stack: Stack) -> None:
    """Nothing of the lab can be reached from another machine; admin ports not even from this one."""
    published = {
        container.config.labels["com.docker.compose.service"]: [
            (port, binding["HostIp"])
            for port, bindings in (container.network_settings.ports or {}).items()
            for binding in bindings or []
        ]
        for container in stack.client().compose.ps()
        if container.config.labels
    }
    assert published == {"hello": [("8000/tcp", "127.0.0.1")], "sina": [], "sohu": [], "netease": []}


def test_containers_are_limited(stack: Stack) -> None:
    """Memory and processes are bounded, logs rotate."""
    for container in stack.client().compose.ps():
        limits = container.host_config
        assert limits.memory == 512 * 1024 * 1024
        assert limits.pids_limit == 256
        assert limits.log_config
        assert limits.log_config.config == {"max-file": "3", "max-size": "5m"}
        assert limits.init
