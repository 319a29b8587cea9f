"""Errors that are found before any change: settings are read by the services' own classes, ports are tried."""

import socket
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from lab.compose import validation
from lab.compose.errors import PortTaken
from lab.errors import RecordingsUnusable
from lab.subprocesses import Outcome
from services.runtime.errors import BadSetting, TooLittleMemory
from tests.lab.answers import Programs

HERE = Programs({"docker context inspect": Outcome(0, "unix:///var/run/docker.sock\n")})
ELSEWHERE = Programs({"docker context inspect": Outcome(0, "tcp://far.example:2375\n")})


def config(environment: Mapping[str, str | None] = {}, published: str = "", replicas: int = 1) -> validation.Config:
    """Return what Compose says of one service."""
    ports = [{"host_ip": "127.0.0.1", "published": published, "target": 8000, "protocol": "tcp"}] if published else []
    return {
        "services": {
            "hello": {
                "image": "asynclab/hello:any",
                "environment": environment,
                "ports": ports,
                "deploy": {"replicas": replicas},
            },
            "other": {"image": "other/image", "environment": {"LAB_LOOP": "trio"}},
        }
    }


@pytest.fixture
def taken() -> Iterator[int]:
    """Return a port that another program has."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield int(server.getsockname()[1])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HELLO_DELAY_S", "soon"),
        ("HELLO_DELAY_S", "-1"),
        ("HELLO_WORKERS", "0"),
        ("HELLO_WORKERS", "many"),
        ("LAB_LOOP", "foo"),
        ("LAB_LOG", "xml"),
    ],
)
def test_a_setting_that_a_service_would_refuse_is_refused_by_its_name(name: str, value: str) -> None:
    """In the service's own words; exit code 2."""
    with pytest.raises(BadSetting, match=f"^{name}='{value}' is not"):
        validation.check_settings(config({name: value}))


def hosts_of(*recorded: str) -> validation.Config:
    """Return what Compose says of services and their names, where these hosts are recorded."""
    return {
        "services": {
            "hello": {"networks": {"lab": None}},
            "broker": {"networks": {"jobs": {}}},
            "watch": {"networks": {"lab": {"aliases": ["page"]}, "jobs": {}}},
            "netease": {"networks": {"lab": {"aliases": ["www.163.com"]}}},
            "recorded": {"networks": {"lab": {"aliases": [*recorded]}}},
        }
    }


@pytest.mark.parametrize("host", ["hello", "broker", "page", "recorded"])
def test_a_recorded_host_that_has_the_name_of_a_service_is_refused(host: str) -> None:
    """A name in the network would lead to two containers, to one or the other by chance. Exit code 3."""
    with pytest.raises(RecordingsUnusable, match=f"^/mine holds recordings of {host}, which is the name") as refused:
        validation.check_hosts(hosts_of("a.example", host), Path("/mine"))
    assert refused.value.exit_code == 3


def test_other_recorded_hosts_pass() -> None:
    """Also one of a single word, and no host at all."""
    validation.check_hosts(hosts_of("a.example", "hello.example", "intranet"), Path("/mine"))
    validation.check_hosts({"services": {"hello": {}, "recorded": {"networks": {"lab": None}}}}, Path("/mine"))


def test_a_service_is_judged_by_the_memory_of_its_container() -> None:
    """This machine has more memory: a setting that the container would refuse is refused here."""
    limits = {"resources": {"limits": {"memory": str(512 * 1024 * 1024)}}}
    hello = {"image": "asynclab/hello:latest", "environment": {"HELLO_WORKERS": "32"}, "deploy": limits}
    with pytest.raises(TooLittleMemory, match="there are 512 MiB"):
        validation.check_settings({"services": {"hello": hello}})


def test_settings_that_services_take_pass() -> None:
    """Unset ones get the services' defaults, and other images are not checked."""
    validation.check_settings(
        config({"HELLO_DELAY_S": "0.5", "HELLO_WORKERS": "2", "LAB_LOOP": "uvloop", "LAB_LOG": None})
    )


def test_the_real_settings_pass_for_every_image() -> None:
    """Each image of the lab has its reader."""
    assert set(validation.SETTINGS) >= {
        f"asynclab/{target}" for target in ("broker", "gateway", "hello", "sites", "client")
    }


@pytest.mark.parametrize("value", ["-1", "257", "2.5", "many", "1e9"])
def test_a_number_of_workers_that_cannot_be_is_refused(value: str) -> None:
    """By its name, before Compose sees it."""
    with pytest.raises(BadSetting, match=r"^WORKERS="):
        validation.check_workers({"WORKERS": value})


@pytest.mark.parametrize("values", [{}, {"WORKERS": ""}, {"WORKERS": "0"}, {"WORKERS": "256"}], ids=str)
def test_a_number_of_workers_that_can_be_passes(values: Mapping[str, str]) -> None:
    """None at all, too."""
    validation.check_workers(values)


def test_a_port_that_another_program_has_is_refused(taken: int) -> None:
    """Before anything is touched."""
    with pytest.raises(PortTaken, match=f"127.0.0.1:{taken} is in use"):
        validation.check_ports(config(published=str(taken)), (), run=HERE)


@pytest.mark.parametrize(
    ("target", "setting"), [(8000, "HELLO_PORT"), (8080, "WATCH_PORT"), (3128, "GATEWAY_PORT"), (9, "another port")]
)
def test_a_port_that_is_taken_has_its_setting(taken: int, target: int, setting: str) -> None:
    """The line says what to set."""
    asked = config(published=str(taken))
    asked["services"]["hello"]["ports"][0]["target"] = target
    with pytest.raises(PortTaken, match=f"set {setting} in .env to a free port$"):
        validation.check_ports(asked, (), run=HERE)


def test_a_port_that_passes(taken: int) -> None:
    """The lab's own, one of a range, one that the engine chooses, another machine's, one that nothing publishes."""
    validation.check_ports(config(published=str(taken)), {taken}, run=HERE)
    validation.check_ports(config(published=f"{taken}-{taken + 1 if taken < 65535 else taken}"), {taken + 1}, run=HERE)
    validation.check_ports(config(published="0"), (), run=HERE)
    validation.check_ports(config(published=str(taken)), (), run=ELSEWHERE)
    validation.check_ports(config(published=str(taken), replicas=0), (), run=HERE)
    validation.check_ports(config(published="99999"), (), run=HERE)
    validation.check_ports(config(), (), run=Programs({}))


def test_a_port_that_cannot_be_tried_is_left_to_the_engine() -> None:
    """An address of another machine, or of IPv6 where there is no IPv6."""
    assert validation.is_free("203.0.113.1", 8000)
    assert validation.is_free("::1", 0)
