"""The pytest plugin, in separate test runs: what the fixtures leave, what a report shows, and what is refused."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from asynclab import Lab
from lab import ROOT

STRICT = ("-p", "no:cacheprovider", "--strict-markers", "--strict-config", "-W", "error")
HELPER = Path(__file__).with_name("client.py").read_text("utf-8")


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """An empty project, with the small client of these tests, outside the repository."""
    monkeypatch.delenv("ASYNCLAB_URL", raising=False)
    pytester.makepyfile(client=HELPER)
    return pytester


def run(project: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """Run the project's tests in a process of their own."""
    return project.runpytest_subprocess(*STRICT, *arguments, timeout=50)


def test_each_test_finds_the_lab_as_the_session_has_it(project: pytest.Pytester) -> None:
    """Whatever the test before it did, and where it failed too; what the session set stays."""
    project.makepyfile(
        """
        import pytest
        from client import fetch

        OK = b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok"

        @pytest.fixture(scope="session")
        def api(lab_session):
            site = lab_session.play("api.example", OK)
            site.fault("status", status=503, first=1)
            return site

        @pytest.mark.parametrize("number", range(3))
        def test_it(api, lab, number):
            assert lab.hosts == ["api.example", "www.163.com", "www.sina.com.cn", "www.sohu.com"]
            site, own = lab.site("www.163.com"), lab.site("api.example")
            assert site.faults() == [] and site.journal() == [] and site.plays() == []
            assert fetch(own.url, host="api.example").startswith(b"HTTP/1.1 503")
            assert fetch(own.url, host="api.example") == OK
            own.verify(count=2)
            site.fault("drip")
            own.play(b"HTTP/1.1 204 \\r\\n\\r\\n", path="/x")
            lab.play("other.example", OK)
            api.plays()[-1].remove()
            assert number != 1

        def test_last(api, lab_session):
            assert len(lab_session.site("api.example").journal()) == 6
            assert [each.fired for each in api.faults()] == [0]
        """
    )
    result = run(project)
    result.assert_outcomes(passed=3, failed=1)


def test_a_failing_test_shows_its_part_of_the_journal(project: pytest.Pytester) -> None:
    """Of that test alone; a test that passes, or that has no lab, shows nothing."""
    project.makepyfile(
        """
        from client import fetch

        def test_passes(lab):
            fetch(lab.site("www.163.com").url, host="www.163.com", target="/before")

        def test_fails(lab):
            site = lab.site("www.163.com")
            site.fault("rst_at", bytes=40)
            fetch(site.url, host=site.host, target="/shown")
            site.verify(count=2, timeout_s=0)

        def test_asks_nothing(lab):
            assert not lab.hosts

        def test_has_no_lab():
            assert False
        """
    )
    result = run(project)
    result.assert_outcomes(passed=1, failed=3)
    result.stdout.fnmatch_lines(
        [
            "*AssertionError: www.163.com: expected exactly 2, found 1",
            "*asynclab: the journal of this test*",
            "#* http www.163.com GET /shown: 302, 40 bytes, rst by rst_at",
            "*asynclab: the journal of this test*",
            "no request reached the lab",
        ]
    )
    text = str(result.stdout)
    assert "/before" not in text
    assert text.count("the journal of this test") == 2


def test_the_marker_puts_faults_in_force(project: pytest.Pytester) -> None:
    """With or without the fixture's name; that of a test comes before that of its class, host by host."""
    project.makepyfile(
        """
        import pytest
        from client import fetch

        @pytest.mark.lab(faults={"www.163.com": {"fault": "rst_at", "bytes": 40}, "www.sohu.com": []})
        class TestMarked:
            @pytest.mark.lab(faults={"www.sohu.com": [{"fault": "status", "status": 500}, {"fault": "drip"}]})
            def test_both(self, lab):
                assert [each.fault for each in lab.site("www.163.com").faults()] == ["rst_at"]
                assert [each.fault for each in lab.site("www.sohu.com").faults()] == ["status", "drip"]

            def test_one(self, lab):
                assert lab.site("www.sohu.com").faults() == []

        @pytest.mark.lab(faults={"www.163.com": {"fault": "fin_at", "bytes": 7}})
        def test_without_its_name(lab_session):
            site = lab_session.site("www.163.com")
            assert len(fetch(site.url, host="www.163.com")) == 7

        @pytest.mark.parametrize("marked", [False, pytest.param(True, marks=pytest.mark.lab()), False])
        def test_parameters(request, marked):
            assert ("lab" in request.fixturenames) is marked
        """
    )
    run(project).assert_outcomes(passed=6)


BAD_MARKERS: Mapping[str, tuple[str, str]] = {
    "no mapping": ("faults='rst_at'", "*a marker `lab` has faults={HOST: FAULT, ...} and nothing else"),
    "another argument": ("'www.163.com'", "*a marker `lab` has faults={HOST: FAULT, ...} and nothing else"),
    "no fault": ("faults={'www.163.com': {'fault': 'rst'}}", "*UnknownFault: www.163.com: 'rst' is not a fault*"),
    "a number": ("faults={'www.163.com': 3}", "*BadParameter: 3 is not a fault: give its name*"),
    "nothing": ("faults={'www.163.com': None}", "*BadParameter: None is not a fault: give its name*"),
    "no host": ("faults={'www.163.co': {'fault': 'drip'}}", "*UnknownHost: 'www.163.co' is not in this lab*"),
}


def test_a_marker_that_cannot_be_is_an_error_of_its_test(project: pytest.Pytester) -> None:
    """One line that says what is wrong; the tests after it are as ever."""
    project.makepyfile(
        "import pytest\n"
        + "".join(
            f"@pytest.mark.lab({arguments})\ndef test_{number}(): pass\n"
            for number, (arguments, _line) in enumerate(BAD_MARKERS.values())
        )
        + "def test_last(lab): assert all(not lab.site(host).faults() for host in lab.hosts)\n"
    )
    result = run(project)
    result.assert_outcomes(passed=1, errors=len(BAD_MARKERS))
    for _arguments, line in BAD_MARKERS.values():
        result.stdout.fnmatch_lines([line])
    result.stdout.no_fnmatch_line("*Error: *object is not iterable*")


@pytest.mark.parametrize("how", ["option", "environment"])
def test_a_lab_that_stands_is_joined(
    project: pytest.Pytester, lab: Lab, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the option, or by what `lab serve -- pytest` sets. It is left as it was."""
    project.makepyfile(
        f"""
        def test_it(lab):
            assert lab.proxy_url == {lab.proxy_url!r}
            lab.play("api.example", b"HTTP/1.1 204 No\\r\\n\\r\\n")
            lab.site("www.163.com").fault("drip")
        """
    )
    if how == "environment":
        monkeypatch.setenv("ASYNCLAB_URL", lab.proxy_url)
    run(project, *(["--lab", lab.proxy_url] if how == "option" else [])).assert_outcomes(passed=1)
    assert "api.example" not in lab.hosts
    assert lab.site("www.163.com").faults() == []


def test_workers_do_not_share_a_lab(project: pytest.Pytester, lab: Lab) -> None:
    """Each would meet the others' faults: the error says what to do."""
    project.makepyfile("def test_it(lab): pass")
    result = run(project, "-n", "2", "--lab", lab.proxy_url)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*2 workers cannot share the lab at http://*: leave out --lab*"])


FAILING = {
    "verify": (
        "lab.site('www.163.com').verify(timeout_s=0)",
        "AssertionError: www.163.com: expected at least 1, found 0",
    ),
    "unknown": ("lab.site('x.example')", "asynclab.errors.UnknownHost: 'x.example' is not in this lab*"),
    "bad": ("lab.site('www.163.com').fault('rst_at')", "asynclab.errors.BadParameter: www.163.com: bytes is missing*"),
    "type": ("lab.site('www.163.com').journal(status='200')", "asynclab.errors.BadParameter: status '200' is not *"),
    "play": ("lab.play('x.example', b'')", "asynclab.errors.NoHead: x.example: *"),
    "not_entered": ("Lab().hosts", "asynclab.errors.LabError: this lab does not run*"),
    "no_lab": ("Lab.join('http://127.0.0.1:1').__enter__()", "asynclab.errors.NotALab: http://127.0.0.1:1 is no lab*"),
    "gone": ("os.kill(lab._lab._process._process.pid, 9); lab.hosts", "asynclab.errors.LabGone: the lab has ended*"),
}


def test_a_report_shows_the_line_of_the_test_and_no_frame_of_the_package(project: pytest.Pytester) -> None:
    """Nor what an error of the lab came from: its line says that."""
    tests = (f"def test_{name}(lab):\n    {line}\n" for name, (line, _error) in FAILING.items())
    project.makepyfile("import os\nfrom asynclab import Lab\n" + "".join(tests) + "def test_after(lab): pass\n")
    result = run(project)
    result.assert_outcomes(failed=len(FAILING), errors=2)
    for line, error in FAILING.values():
        result.stdout.fnmatch_lines([f">   *{line}", f"E   *{error}"])
    result.stdout.fnmatch_lines(["LabGone: the lab has ended (signal 9 ended it*"])
    text = str(result.stdout)
    assert "asynclab/" not in text.replace("tests/asynclab/", "")
    assert "direct cause" not in text
    assert "During handling" not in text


def test_every_module_hides_its_frames() -> None:
    """But those whose frames are never between a test and an error."""
    without = {"__init__", "__main__", "aiohttp", "errors", "exchange", "pytest_plugin"}
    for file in (ROOT / "asynclab").rglob("*.py"):
        assert ("\n__tracebackhide__ = True" in file.read_text("utf-8")) is (file.stem not in without), file


def test_a_url_that_is_no_lab_is_one_error_for_each_test(project: pytest.Pytester) -> None:
    """And no hang."""
    project.makepyfile("def test_it(lab): pass\ndef test_other(): pass")
    result = run(project, "--lab", "http://127.0.0.1:1")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*NotALab: http://127.0.0.1:1 is no lab that can be joined*"])


def test_a_lab_that_dies_in_a_test_is_told(project: pytest.Pytester) -> None:
    """In that test, and in those that follow; those without a lab go on."""
    project.makepyfile(
        """
        import os, signal

        def test_dies(lab):
            os.kill(lab._lab._process._process.pid, signal.SIGKILL)
            lab.site("www.163.com").faults()

        def test_after(lab):
            pass

        def test_without():
            pass
        """
    )
    result = run(project)
    result.assert_outcomes(passed=1, failed=1, errors=2)
    result.stdout.fnmatch_lines(["*LabGone: the lab has ended (signal 9 ended it*"])


def test_packages_of_a_project_named_as_those_of_the_lab_do_not_meet_them(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the working directory and on PYTHONPATH; the tests import theirs, and the lab its own."""
    for name in ("lab", "services"):
        (project.mkpydir(name) / "mine.py").write_text(f"NAME = {name!r}\n")
        (project.path / name / "__main__.py").write_text("raise SystemExit('the lab of the project')\n")
    monkeypatch.setenv("PYTHONPATH", str(project.path))
    project.makepyfile(
        """
        import lab.mine
        import services.mine

        def test_it(lab):
            from lab import mine

            assert (mine.NAME, services.mine.NAME) == ("lab", "services")
            assert "www.163.com" in lab.hosts
        """
    )
    run(project).assert_outcomes(passed=1)


def test_a_run_without_a_lab_loads_nothing_of_it(tmp_path: Path) -> None:
    """The plugin is on wherever asynclab is installed: it costs a run without a lab two small modules."""
    (tmp_path / "test_it.py").write_text(
        "import sys\n"
        "def test_it():\n"
        "    assert {each for each in sys.modules if each.startswith('asynclab')} <= "
        "{'asynclab', 'asynclab.pytest_plugin'}\n"
    )
    command = [sys.executable, "-P", "-m", "pytest", "-q", *STRICT, str(tmp_path)]
    ran = subprocess.run(command, check=False, capture_output=True, text=True, cwd=tmp_path, timeout=50)
    assert ran.returncode == 0, ran.stdout


def test_the_tests_of_this_repository_are_collected_with_the_plugin() -> None:
    """With strict markers and warnings as errors: a marker or an option of the plugin could be in the way."""
    command = [sys.executable, "-m", "pytest", "-q", "--collect-only", "-W", "error", "tests/runtime", "tests/contract"]
    ran = subprocess.run(
        command, check=False, capture_output=True, text=True, cwd=ROOT, timeout=50, env={**os.environ, "CI": ""}
    )
    assert ran.returncode == 0, ran.stdout
