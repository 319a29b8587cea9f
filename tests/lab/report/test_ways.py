"""In which lab each run of the story goes, and what a person types for it."""

from pathlib import Path

import pytest

from lab.compose.containers import Container
from lab.compose.errors import ComposeRefused
from lab.compose.stack import Stack
from lab.report.recording import command_line, recorded
from lab.report.scenes import LAB_WITHOUT_BROKER, TARGETS, Plan, Run
from lab.report.ways import Labs, Way, is_in_containers, labs_at
from services.client.report.words import LANGUAGES
from services.runtime.errors import BadSetting

JOBS = Run(("pipeline", "--edition", "jetstream"), "jetstream", needs="broker")
SITES = Run(("compare",), "compare")
ALONE = Run(("trace", "a program.py"), "alone", needs_lab=False)
PORT = 3128
URL = f"http://127.0.0.1:{PORT}"
NONE, STANDING = Labs(), Labs(URL)
CONTAINED, NAMED = Labs(URL, in_containers=True), Labs(URL, names_broker=True)
JOIN = ".venv/bin/python -m services.client"
JETSTREAM = "pipeline --report jetstream.html --edition jetstream"


@pytest.mark.parametrize(
    ("run", "labs", "way", "line"),
    [
        (SITES, NONE, Way.EMBEDDED, ".venv/bin/lab embedded compare --report compare.html"),
        (SITES, STANDING, Way.JOINED, f"{JOIN} compare --report compare.html --lab {URL}"),
        (SITES, CONTAINED, Way.JOINED, f"{JOIN} compare --report compare.html --lab {URL}"),
        (ALONE, CONTAINED, Way.EMBEDDED, ".venv/bin/lab embedded trace --report alone.html 'a program.py'"),
        (JOBS, NONE, Way.EMBEDDED, f".venv/bin/lab embedded {JETSTREAM}"),
        (JOBS, STANDING, Way.EMBEDDED, f".venv/bin/lab embedded {JETSTREAM}"),
        (JOBS, CONTAINED, Way.IN_CONTAINER, f".venv/bin/lab run {JETSTREAM}"),
        (JOBS, NAMED, Way.JOINED, f"{JOIN} {JETSTREAM} --lab {URL}"),
    ],
    ids=[
        "embedded",
        "a lab",
        "containers",
        "no lab",
        "jobs",
        "jobs, a lab without a broker",
        "jobs, containers",
        "jobs, a lab and a broker",
    ],
)
def test_a_command_is_that_of_the_lab(run: Run, labs: Labs, way: Way, line: str) -> None:
    """The pipeline over a broker goes where the broker is; the page in Chinese names the report in Chinese."""
    assert labs.way(run) is way
    assert labs.typed(run) == line
    assert labs.typed(run, "zh") == line.replace(".html", ".zh.html")
    assert labs.lacks_broker(run) == (run is JOBS and labs is STANDING)


def test_a_client_in_its_container_finds_the_targets_beside_its_trace(tmp_path: Path) -> None:
    """It has no files but those of the directory that it is given."""
    run = Run(("pipeline", "--input", TARGETS), "x", needs="broker")
    words = command_line(run, CONTAINED, tmp_path)
    assert words[1:] == ["-m", "lab", "run", "pipeline", "--trace", "trace.json", "--input", TARGETS]
    assert (tmp_path / TARGETS).read_text().split()


def container(service: str, *, status: str = "running", ports: frozenset[int] = frozenset()) -> Container:
    """Return a container of a service."""
    return Container(service, service, "", status, 0, 0, "", (), ports, one_off=False)


GATEWAY = container("gateway", ports=frozenset({8000, PORT}))
BROKER, WORKER = container("broker"), container("worker")


@pytest.mark.parametrize(
    ("running", "expected"),
    [
        ([GATEWAY, BROKER, WORKER], True),
        ([container("gateway", ports=frozenset({8000, 9})), BROKER, WORKER], False),
        ([GATEWAY, container("broker", status="exited"), WORKER], False),
        ([GATEWAY, BROKER], False),
        ([], False),
    ],
    ids=["whole", "another lab", "no broker", "no workers", "nothing"],
)
def test_the_lab_in_containers_is_the_one_at_the_url(
    running: list[Container], expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A URL of another lab says nothing of the containers that are here, too."""
    monkeypatch.setattr(Stack, "services", lambda _: running)
    assert is_in_containers(PORT) == expected


def test_without_an_engine_no_lab_is_in_containers(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no error: the lab at the URL is another one."""

    def refuse(_: Stack) -> list[Container]:
        raise ComposeRefused("looking at the containers", reason="there is no docker")

    monkeypatch.setattr(Stack, "services", refuse)
    assert not is_in_containers(PORT)


@pytest.mark.parametrize(
    ("url", "broker", "expected"),
    [
        ("", "", NONE),
        (URL, "", CONTAINED),
        ("http://localhost:3128", "", Labs("http://localhost:3128", in_containers=True)),
        ("http://192.0.2.1:3128", "", Labs("http://192.0.2.1:3128")),
        (URL, "nats://broker:4222", NAMED),
    ],
    ids=["none", "loopback", "localhost", "another machine", "a broker that is named"],
)
def test_what_stands_is_found_once(url: str, broker: str, expected: Labs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Containers of this machine publish on loopback; a broker that is named is the one that is meant."""
    monkeypatch.setenv("BROKER_URL", broker)
    monkeypatch.setattr("lab.report.ways.is_in_containers", lambda port: port == PORT)
    assert labs_at("--lab", url) == expected


def test_a_text_that_is_no_url_is_refused() -> None:
    """With the name of the option that it came from."""
    with pytest.raises(BadSetting, match="--lab"):
        labs_at("--lab", "nowhere")


def plan_of(run: Run) -> Plan:
    """Return a scene of one run, of which nothing is said."""
    return Plan({"en": "x", "zh": "x"}, (run,), dict.fromkeys(LANGUAGES, ()))


def test_a_run_of_which_some_failed_is_drawn_and_said() -> None:
    """A site that is at fault is what a picture is good for."""
    said: list[str] = []
    scene = recorded(plan_of(Run(("wget", "www.sohu.com", "no.such.host"), "wget")), labs=NONE, say=said.append)
    assert not scene.ok
    assert {task.ok for trace in scene.scene.traces for task in trace.tasks} >= {True}
    assert "some of that failed" in said[-1]


def test_a_lab_without_a_broker_is_said_in_the_scene() -> None:
    """The run has an embedded lab then, which has one."""
    run = Run(("pipeline", "--edition", "jetstream", "-n", "3"), "jetstream", title="jetstream", needs="broker")
    said: list[str] = []
    found = recorded(plan_of(run), labs=STANDING, say=said.append)
    assert found.ok
    assert said == ["report: .venv/bin/lab embedded pipeline --report jetstream.html --edition jetstream -n 3"]
    assert found.scene.sentences == {language: (LAB_WITHOUT_BROKER[language],) for language in LANGUAGES}
