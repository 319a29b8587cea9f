"""Tests against a lab in containers of which a part dies: errors of one line, in time, and the rest goes on."""

import contextlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from time import monotonic

import pytest

from asynclab import Lab, LabError, LabGone, NotALab, Refused, UnknownHost
from lab import ROOT
from lab.compose.stack import Stack
from tests.contract.conftest import published_url
from tests.stacks import stack_of

pytestmark = [pytest.mark.docker, pytest.mark.timeout(300)]

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
TIMEOUT_S = 10.0  # the gateway itself waits 5 s for a connection
ROOM = 4  # a call waits for one deadline, and perhaps for a second one in the gateway


@pytest.fixture(scope="module")
def breaking(engine: None) -> Iterator[Stack]:
    """Have a lab in containers of which parts may be killed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HELLO_PORT", "0")
        patch.setenv("GATEWAY_PORT", "0")
        patch.setenv("WATCH_PORT", "0")
        stack = stack_of("asynclab-test-breaking")
        try:
            stack.up(print)
            yield stack
        finally:
            stack.down()


def joined(stack: Stack) -> Lab:
    """Return the lab, which a test is to enter."""
    return Lab.join(published_url(stack), timeout_s=TIMEOUT_S)


def compose(stack: Stack, *words: str) -> None:
    """Run a command of Compose that has to succeed."""
    done = stack.run_compose(*words, timeout_s=100)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def killed(breaking: Stack) -> Iterator[Callable[..., None]]:
    """Return what kills services (or stops them otherwise), and have them healthy again after the test."""
    names: list[str] = []

    def kill(service: str, how: str = "kill") -> None:
        names.append(service)
        compose(breaking, how, service)

    yield kill
    for name in dict.fromkeys(names):  # also one that was paused, and so is not healthy
        breaking.run_compose("unpause", name)
        compose(breaking, "restart", name)
    compose(breaking, "up", "--detach", "--no-build", "--wait", "--no-deps", *names)


def refused_in_time(error: type[LabError], text: str, call: Callable[[], object]) -> None:
    """Check that a call raises an error with one line, and does not hang."""
    begun_s = monotonic()
    with pytest.raises(error, match=text) as caught:
        call()
    assert monotonic() - begun_s < ROOM * TIMEOUT_S
    assert "\n" not in str(caught.value)


def test_a_site_that_is_killed_is_named_and_the_others_go_on(breaking: Stack, killed: Callable[..., None]) -> None:
    """The fault of another host is put back all the same when the view ends, which says what could not be."""
    with joined(breaking) as lab:
        view = lab.view()
        inner = view.__enter__()
        site, other = inner.site("www.163.com"), inner.site("www.sohu.com")
        site.fault("drip")
        killed("netease")
        refused_in_time(Refused, r"^www\.163\.com cannot be asked: ", site.faults)
        other.fault("status", status=500)
        inner.play("api.example", OK)
        refused_in_time(Refused, r"^www\.163\.com cannot be asked", lambda: view.__exit__(None, None, None))
        assert other.faults() == []
        assert "api.example" not in lab.hosts
        killed("netease", "start")
        compose(breaking, "up", "--detach", "--no-build", "--wait", "--no-deps", "netease")
        lab.site("www.163.com").clear()
        with lab.view() as again:
            again.site("www.163.com").fault("drip")


def test_a_site_that_hangs_ends_a_call_at_its_deadline(breaking: Stack, killed: Callable[..., None]) -> None:
    """The connection is made, and no answer comes."""
    with joined(breaking) as lab:
        site = lab.site("www.163.com")
        killed("netease", "pause")
        refused_in_time(LabGone, r"no whole answer within 10 s", site.faults)
        assert lab.site("www.sohu.com").faults() == []


def test_without_the_site_that_takes_hosts_a_new_one_is_refused(breaking: Stack, killed: Callable[..., None]) -> None:
    """The line says what is down; the lab's own hosts are reached. A host that was there is gone with its plays."""
    with joined(breaking) as lab:
        api = lab.play("api.example", OK)
        killed("recorded")
        refused_in_time(Refused, r"^recorded cannot be asked: .*recorded", lambda: lab.play("new.example", OK))
        refused_in_time(UnknownHost, r"'api\.example' is not in this lab", api.faults)
        assert lab.site("www.sohu.com").faults() == []
        compose(breaking, "up", "--detach", "--no-build", "--wait", "--no-deps", "recorded")
        assert "api.example" not in lab.hosts
        assert lab.play("back.example", OK).plays()


def test_a_gateway_that_is_killed_is_a_lab_that_is_gone_until_it_is_joined_again(
    breaking: Stack, killed: Callable[..., None]
) -> None:
    """Plans and plays are at the sites: what was set before is there after it."""
    with joined(breaking) as lab:
        url = published_url(breaking)
        site = lab.play("kept.example", OK)
        site.fault("drip")
        killed("gateway")
        for call in (site.faults, site.journal, lambda: lab.hosts, lambda: lab.play("new.example", OK), site.verify):
            refused_in_time(LabGone, r"^the lab at http://\S+ is gone \(.*\): start it again, and join it again$", call)
        refused_in_time(NotALab, r"^http://\S+ is no lab", Lab.join(url, timeout_s=TIMEOUT_S).__enter__)
        command = [sys.executable, "-m", "services.client", "wget", "www.163.com", "--lab", url]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=50, check=False)
        assert (done.returncode, done.stdout, done.stderr.count("no lab answers at")) == (4, "", 1)
        compose(breaking, "up", "--detach", "--no-build", "--wait", "--no-deps", "gateway")
    with joined(breaking) as again:
        assert [each.fault for each in again.site("kept.example").faults()] == ["drip"]
        for play in again.site("kept.example").plays():
            play.remove()


def test_a_gateway_that_starts_again_is_the_same_lab(breaking: Stack) -> None:
    """Where it has the same address; else the error says to join again. Nothing hangs."""
    with joined(breaking) as lab:
        lab.site("www.163.com").fault("drip")
        compose(breaking, "restart", "gateway")
        compose(breaking, "up", "--detach", "--no-build", "--wait", "--no-deps", "gateway")
        with contextlib.suppress(LabGone):
            assert lab.site("www.163.com").faults()
    with joined(breaking) as again:
        assert [each.fault for each in again.site("www.163.com").faults()] == ["drip"]
        again.site("www.163.com").clear()


def test_a_lab_that_is_taken_down_in_a_test_is_gone(breaking: Stack) -> None:
    """A view that ends then says so too; also where another server answers at the address, as behind some networks.

    (The last test: the lab is down after it.)
    """
    with joined(breaking) as lab:
        view = lab.view()
        inner = view.__enter__()
        site = inner.play("last.example", OK)
        breaking.down()
        gone = r"^the lab at http://\S+ is gone|^http://\S+ is no lab"
        refused_in_time(LabError, gone, site.faults)
        refused_in_time(LabError, gone, lambda: view.__exit__(None, None, None))
