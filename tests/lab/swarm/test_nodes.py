"""Which Swarm is meant, and why a start on it could not succeed: one line for each, with what to do."""

import json
from collections.abc import Mapping, Sequence

import pytest

from lab.errors import LabError
from lab.subprocesses import TIMED_OUT, Outcome
from lab.swarm.endpoints import Endpoint, endpoint
from lab.swarm.errors import (
    EndpointBad,
    EngineTooOld,
    HomeUnfit,
    NodeDown,
    NodeForeign,
    NodeSilent,
    NoManager,
    NoNode,
    NoSwarm,
    NoWayToNode,
    OtherPlatform,
    SwarmUnready,
)
from lab.swarm.nodes import Swarm, find
from tests.lab.answers import Programs

ONE, TWO = "unix:///one.sock", "ssh://two"
SILENT = Outcome(TIMED_OUT)
SSH_REFUSED = Outcome(
    1,
    "{}",
    'error during connect: Get "http://docker.example.com/v1.50/info": command [ssh -o ConnectTimeout=30 -T -l root '
    "-p 2298 -- two docker system dial-stdio] has exited with exit status 255, make sure the URL is valid, and Docker "
    "18.09 or later is installed on the remote host: stderr=ssh: connect to host two port 2298: refused\r\n\n",
)
REFUSED = Outcome(1, '{"ServerErrors": ["Cannot connect to the Docker daemon at ssh://two."]}\n')


def info(node: str = "", *, manager: bool = False, state: str = "", error: str = "") -> Outcome:
    """Return what `docker info` says of an engine and its part in a Swarm."""
    swarm = {"NodeID": node, "LocalNodeState": state or ("active" if node else "inactive")}
    more = {"ControlAvailable": manager, "Error": error}
    facts = {"ServerVersion": "26.1.5", "OSType": "linux", "Architecture": "x86_64", "Swarm": swarm | more}
    return Outcome(0, json.dumps(facts))


def node(number: int, **changed: str) -> Mapping[str, object]:
    """Return what `docker node inspect` says of a node."""
    given = {"status": "ready", "availability": "active", "engine": "26.1.5+dfsg1", "arch": "x86_64"} | changed
    return {
        "ID": f"id{number}",
        "Spec": {"Availability": given["availability"], "Role": "manager" if number == 1 else "worker"},
        "Description": {
            "Hostname": f"host{number}",
            "Platform": {"OS": "linux", "Architecture": given["arch"]},
            "Engine": {"EngineVersion": given["engine"]},
        },
        "Status": {"State": given["status"]},
    }


def programs(
    *nodes: Mapping[str, object], own: Outcome | None = None, one: Outcome | None = None, two: Outcome | None = None
) -> Programs:
    """Return a machine whose Docker client asks three engines."""
    return Programs(
        {
            "docker info": own or info(),
            f"docker --host {ONE} info": one or info("id1", manager=True),
            f"docker --host {TWO} info": two or info("id2"),
            f"docker --host {ONE} node ls": Outcome(0, "id1\nid2\n"),
            f"docker --host {ONE} node inspect": Outcome(0, json.dumps(nodes or [node(2), node(1)])),
        }
    )


def found(run: Programs, *urls: str, all_answer: bool = True) -> Swarm:
    """Return the Swarm of these engines."""
    return find([Endpoint(url, run) for url in urls], Endpoint(run=run), all_answer=all_answer)


def test_the_first_manager_that_was_named_deploys_and_keeps_data() -> None:
    """Nodes are sorted by name, and each has its engine."""
    swarm = found(programs(), TWO, ONE)
    assert (swarm.manager.url, swarm.home.name, swarm.local) == (ONE, "host1", "linux/x86_64")
    assert [(each.name, str(each.endpoint)) for each in swarm.nodes] == [("host1", ONE), ("host2", TWO)]
    swarm.check(has_registry=False)


@pytest.mark.parametrize(
    ("run", "urls", "error", "said"),
    [
        pytest.param(programs(), [], NoSwarm, "no Swarm is here", id="no swarm here"),
        pytest.param(programs(one=info()), [ONE], NoSwarm, "no Swarm is here", id="no swarm there"),
        pytest.param(programs(), [TWO], NoManager, "are workers of a Swarm", id="workers alone"),
        pytest.param(programs(two=info()), [ONE, TWO], NodeForeign, "ssh://two is no node of this", id="in none"),
        pytest.param(programs(two=info("id9")), [ONE, TWO], NodeForeign, "ssh://two is no node", id="in another"),
        pytest.param(programs(two=SILENT), [ONE, TWO], NodeSilent, "no answer in 30 s", id="silent"),
        pytest.param(
            programs(two=SSH_REFUSED), [ONE, TWO], NodeSilent, "(ssh: connect to host two port 2298", id="ssh refused"
        ),
        pytest.param(programs(two=REFUSED), [ONE, TWO], NodeSilent, "Cannot connect to", id="refused"),
        pytest.param(
            programs(one=info("id1", state="locked")), [ONE], SwarmUnready, "is in a Swarm that is locked", id="locked"
        ),
        pytest.param(
            programs(one=info("", state="error", error="no route")), [ONE], SwarmUnready, "(no route)", id="error"
        ),
    ],
)
def test_no_swarm_that_can_be_used(run: Programs, urls: Sequence[str], error: type[LabError], said: str) -> None:
    """Wrong usage, with what to do."""
    with pytest.raises(error) as raised:
        found(run, *urls)
    assert raised.value.exit_code == 2
    assert said in str(raised.value)


def test_an_engine_that_gives_no_answer_does_not_stop_a_look() -> None:
    """Nor taking the lab down: its host may be gone for good. Where none answers, that is the error."""
    assert [each.endpoint is None for each in found(programs(two=SILENT), ONE, TWO, all_answer=False).nodes] == [
        False,
        True,
    ]
    with pytest.raises(NodeSilent):
        found(programs(two=SILENT), TWO, all_answer=False)


@pytest.mark.parametrize(
    ("nodes", "error", "said"),
    [
        pytest.param([node(1), node(2, status="down")], NodeDown, "the node host2 is down", id="down"),
        pytest.param([node(1), node(2, engine="19.03.15")], EngineTooOld, "20.10 is needed", id="old"),
        pytest.param([node(1), node(2, arch="aarch64")], OtherPlatform, "host2 is linux/aarch64", id="platform"),
        pytest.param([node(1, availability="drain"), node(2)], HomeUnfit, "the manager host1 takes no", id="home"),
        pytest.param(
            [node(1, availability="drain"), node(2, availability="pause")], NoNode, "no node takes", id="no node"
        ),
        pytest.param([node(1), node(2), node(3)], NoWayToNode, "no image can be brought to host3", id="unnamed"),
    ],
)
def test_a_start_that_could_not_succeed(
    nodes: Sequence[Mapping[str, object]], error: type[LabError], said: str
) -> None:
    """It is refused before anything is built or deployed."""
    with pytest.raises(error) as raised:
        found(programs(*nodes), ONE, TWO).check(has_registry=False)
    assert raised.value.exit_code == 2
    assert said in str(raised.value)


@pytest.mark.parametrize(
    "nodes",
    [
        pytest.param([node(1), node(2, status="down", availability="drain")], id="down and drained"),
        pytest.param([node(1), node(2, engine="20.10.24+dfsg1")], id="20.10"),
    ],
)
def test_a_start_that_can_succeed(nodes: Sequence[Mapping[str, object]]) -> None:
    """A node that takes no containers needs nothing."""
    found(programs(*nodes), ONE, TWO).check(has_registry=False)


def test_with_a_registry_engines_need_no_name() -> None:
    """The nodes get images by themselves."""
    found(programs(node(1), node(2), node(3)), ONE).check(has_registry=True)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("ssh://user@host", "ssh://user@host"),
        ("tcp://10.0.0.1:2376", "tcp://10.0.0.1:2376"),
        ("unix:///run/docker.sock", "unix:///run/docker.sock"),
        ("/run/docker.sock", "unix:///run/docker.sock"),
    ],
)
def test_an_engine_is_named_as_in_docker_host(text: str, url: str) -> None:
    """Or by the path of its socket."""
    assert endpoint(text).url == url


@pytest.mark.parametrize("text", ["", "host", "http://host", "ssh://", "ssh://a b", "unix://x", "--help", "ssh://a'b"])
def test_what_names_no_engine_is_refused(text: str) -> None:
    """Before Docker's client gets it."""
    with pytest.raises(EndpointBad):
        endpoint(text)
