"""The wheel in an empty virtual environment, used from a project that has packages `lab` and `services` of its own."""

import json
from pathlib import Path

import pytest

from tests.packaging.environments import Environment, make_environment, newest, oldest, targets

HOSTS = ["www.163.com", "www.sina.com.cn", "www.sohu.com"]
FETCH = "import urllib.request as r; print(r.urlopen('https://www.sohu.com/', timeout=10).status); raise SystemExit(7)"


@pytest.fixture(scope="module", params=[oldest, newest], ids=["oldest", "newest"])
def environment(
    request: pytest.FixtureRequest, distributions: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory
) -> Environment:
    """Have the oldest Python with the oldest packages that the project names, and the newest with those of the lock."""
    python, options = request.param()
    return make_environment(distributions[1], tmp_path_factory.mktemp("installed"), python, options)


@pytest.mark.parametrize("program", ["asynclab", "lab"])
def test_a_program_tells_its_version(environment: Environment, program: str) -> None:
    done = environment.run(program, "--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, "asynclab 0.1.0\n", "")


def test_the_embedded_lab_has_its_recordings_over_http_and_tls(environment: Environment) -> None:
    """The project's `.env` is not read: it is another program's."""
    urls = (f"{scheme}://{host}/" for scheme in ("http", "https") for host in HOSTS)
    done = environment.run("lab", "embedded", "wget", *urls, "--ca", "lab", "--format", "jsonl", "--quiet")
    assert (done.returncode, done.stderr) == (0, "")
    assert [json.loads(line)["status"] for line in done.stdout.splitlines()].count(302) == 2
    assert len(done.stdout.splitlines()) == 6


def test_worker_processes_are_of_the_lab(environment: Environment) -> None:
    """They are started as modules of `services`, in a directory that has another package of that name."""
    (environment.project / "hosts.txt").write_text("".join(targets(3000)))
    words = ("wget", "-i", "hosts.txt", "--processes", "2", "--format", "jsonl", "--quiet")
    done = environment.run("lab", "embedded", *words, PYTHONPATH=str(environment.project))
    assert (done.returncode, done.stderr, len(done.stdout.splitlines())) == (0, "", 3000)


@pytest.mark.parametrize("program", ["asynclab", "lab"])
def test_a_command_runs_inside_the_lab(environment: Environment, program: str) -> None:
    """It is led to the sites by their names, and its exit code is the program's."""
    done = environment.run(program, "serve", "--", "python", "-c", FETCH)
    assert (done.returncode, done.stdout) == (7, "200\n"), done.stderr


def test_the_client_has_a_program(environment: Environment) -> None:
    """In a lab that stands, `asynclab wget` reaches the sites by their names."""
    words = ("asynclab", "wget", "www.163.com", "--format", "csv", "--columns", "target,status", "--quiet")
    done = environment.run("lab", "serve", "--", *words)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "www.163.com,302"), done.stderr


def test_without_a_command_there_is_help(environment: Environment) -> None:
    """The client alone would go on to sites of the Internet."""
    done = environment.run("asynclab")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: asynclab COMMAND [OPTIONS]\n")
    assert "\n  serve " in done.stdout
    assert "\n  wget " in done.stdout
    assert environment.run("asynclab", "embed").returncode == 2


@pytest.mark.parametrize("path", ["", "the project"])
def test_the_plugin_works_beside_packages_of_the_same_names(environment: Environment, path: str) -> None:
    """The tests import the project's own `lab` and `services`; the lab runs with its own."""
    variables = {"PYTHONPATH": str(environment.project)} if path else {}
    done = environment.run("python", "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", **variables)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout


def test_uvloop_is_an_extra(environment: Environment) -> None:
    """Without it the lab runs on asyncio, and says so where uvloop is asked for."""
    done = environment.run("lab", "embedded", "wget", "--loop", "uvloop")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "lab: the uvloop loop is not installed here: install it, or use --loop asyncio\n"


def test_jetstream_is_an_extra(environment: Environment) -> None:
    """It has the library and the broker's program. Without it, one line says so, and the other editions run."""
    words = ("embedded", "pipeline", "-n", "50", "--format", "json", "--quiet", "--edition")
    done = environment.run("lab", *words, "jetstream")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert done.stderr.endswith("is not installed here: install asynclab[jetstream]\n")
    worker = environment.run("asynclab", "worker", BROKER_URL="nats://127.0.0.1:1")
    assert (worker.returncode, "asynclab[jetstream]" in worker.stderr) == (2, True), worker.stderr
    assert "Traceback" not in worker.stderr
    assert environment.run("lab", *words, "queue").returncode == 0
    environment.install("jetstream")
    done = environment.run("lab", *words, "jetstream")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout.splitlines()[-1])["recorded"] == 50


@pytest.mark.parametrize("command", ["up", "bench"])
def test_what_needs_the_checkout_says_so_in_one_line(environment: Environment, command: str) -> None:
    done = environment.run("lab", command)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"lab {command}: this is the installed package, and the command needs")
    assert done.stderr.count("\n") == 1


def test_examples_in_the_help_are_as_typed_here(environment: Environment) -> None:
    """No path into a checkout is in them."""
    for program, words in (
        ("lab", ["embedded", "wget", "--help"]),
        ("lab", ["record", "--help"]),
        ("asynclab", ["wget", "--help"]),
    ):
        text = environment.run(program, *words).stdout
        assert "checkout" not in text
        assert ".venv" not in text
