"""`examples/testing/`: the same three tests with each client pass, embedded and through the gateway of Compose."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lab import ROOT
from lab.compose.stack import Stack
from tests.stacks import image_of

FOLDER = "examples/testing"
FILES = sorted(file.name for file in (ROOT / FOLDER).glob("test_*.py"))
STANDARD_LIBRARY = f"{FOLDER}/standard_library.py"
THREE = {"test_a_reset_is_tried_again", "test_retry_after_is_honoured", "test_a_redirect_loop_is_refused"}
GATEWAY_PORT = "3128"


def run_tests(*words: str) -> tuple[int, int]:
    """Run pytest in the checkout, as a person would, and return how many tests passed, and how many were skipped."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *words]
    done = subprocess.run(command, cwd=ROOT, env=without_lab(), capture_output=True, text=True, timeout=58, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return counted("passed", done.stdout), counted("skipped", done.stdout)


def counted(word: str, printed: str) -> int:
    """Return the number before a word of pytest's last line."""
    found = re.search(rf"(\d+) {word}", printed.splitlines()[-1])
    return int(found[1]) if found else 0


def without_lab() -> dict[str, str]:
    """Return the environment without a lab that a person has."""
    return {name: value for name, value in os.environ.items() if name != "ASYNCLAB_URL"}


@pytest.mark.parametrize("file", [*FILES, "standard_library.py"])
def test_each_file_has_the_same_three_tests(file: str) -> None:
    """What a client does with each is compared line by line."""
    text = (ROOT / FOLDER / file).read_text("utf-8")
    assert set(re.findall(r"def (test_\w+)", text)) == THREE
    assert len(text.splitlines()) < 100


def test_the_tests_of_each_client_pass_in_the_embedded_lab() -> None:
    """Only a program that is not Python's may be missing, and its tests then skip; in CI, curl is there."""
    passed, skipped = run_tests(FOLDER)
    assert passed + skipped == 3 * len(FILES)
    assert skipped <= (3 if os.environ.get("CI") else 6)


def test_the_tests_of_the_standard_library_pass_inside_a_lab() -> None:
    """They are told nothing of it but by their environment."""
    lab = Path(sys.executable).parent / "lab"
    command = [str(lab), "serve", "--", sys.executable, "-W", "error", "-m", "unittest", STANDARD_LIBRARY]
    done = subprocess.run(command, cwd=ROOT, env=without_lab(), capture_output=True, text=True, timeout=50, check=False)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (0, "OK"), done.stderr
    assert "Ran 3 tests" in done.stderr


@pytest.mark.docker
@pytest.mark.parametrize("published", [True, False], ids=["the published port", "the gateway's own address"])
def test_the_same_tests_pass_through_the_gateway_of_compose(stack: Stack, *, published: bool) -> None:
    """From the host, by the sites' names; an old Node, which has no proxy, is left out.

    At the published port, Docker's userland proxy makes a FIN of a RST; asynclab goes on at the gateway's own address.
    """
    port = stack.run_compose("port", "gateway", GATEWAY_PORT).stdout.strip()
    at = port if published else f"{address_on_edge(stack)}:{GATEWAY_PORT}"
    passed, skipped = run_tests(FOLDER, "--lab", f"http://{at}")
    assert passed + skipped == 3 * len(FILES)
    assert skipped <= 3


def address_on_edge(stack: Stack) -> str:
    """Return the address of the gateway in the network that the host is in too."""
    form = '{{(index .NetworkSettings.Networks "%s_edge").IPAddress}}' % stack.project  # noqa: UP031 - braces
    container = stack.run_compose("ps", "--quiet", "gateway").stdout.strip()
    command = ["docker", "inspect", "--format", form, container]
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout.strip()


@pytest.mark.docker
def test_a_service_of_your_own_joins_the_network_with_the_ca(stack: Stack) -> None:
    """examples/testing/compose.yaml, with an image that is here."""
    variables = {"LAB_PROJECT": stack.project, "TESTS_IMAGE": image_of(stack, "client")}
    done = subprocess.run(
        ["docker", "compose", "-f", f"{FOLDER}/compose.yaml", "run", "--rm", "-T", "tests"],
        cwd=ROOT,
        env={**without_lab(), **variables, "COMPOSE_PROJECT_NAME": f"{stack.project}-own"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=58,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Ran 3 tests" in done.stderr


@pytest.mark.docker
def test_the_image_of_the_client_runs_a_program_of_yours(stack: Stack) -> None:
    """docker compose run --entrypoint: files of the directory that a person stands in, on the lab's own network."""
    variables = (f"ASYNCLAB_URL=http://gateway:{GATEWAY_PORT}", "SSL_CERT_FILE=/lab-ca/ca.pem", "PYTHONPATH=/work")
    settings = [word for variable in variables for word in ("-e", variable)]
    program = ("--entrypoint", "python3", "client", "-m", "unittest", STANDARD_LIBRARY)
    done = stack.run_compose("run", "--rm", "-T", *settings, *program)
    assert done.returncode == 0, done.stderr
    assert "Ran 3 tests" in done.stderr
