"""The client in its container reads and writes the files of a person's current directory, as that person."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import ROOT
from lab.compose.stack import Stack
from tests.stacks import reread, stack_of
from tests.trees import copied_tree

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
HOSTS = ("www.163.com", "www.sohu.com", "www.sina.com.cn")
OWNERS = [pytest.param(0, id="root"), pytest.param(1000, id="ordinary user")]


@pytest.fixture(scope="module", params=OWNERS)
def stack_of_owner(
    request: pytest.FixtureRequest, engine: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """Have a lab whose checkout belongs to one user: root's is this one; no other may read the ordinary user's."""
    if os.geteuid() != 0:
        pytest.skip("only root can give a checkout to another user")
    owner = request.param
    if owner == ROOT.stat().st_uid:
        yield request.getfixturevalue("stack")
        return
    tree = copied_tree(tmp_path_factory.mktemp("checkout"))
    for path in (tree, *tree.rglob("*")):
        path.chmod(0o700 if path.is_dir() else 0o600)
        os.chown(path, owner, owner)
    stack = stack_of(f"asynclab-test-files-{owner}", tree)
    try:
        reread(stack).up(print)
        yield stack
    finally:
        stack.down()


@pytest.fixture
def place(stack_of_owner: Stack, tmp_path: Path) -> Path:
    """Have a directory that belongs to the checkout's owner, and that the container may reach."""
    owner = stack_of_owner.root.stat()
    for directory in (tmp_path, *list(tmp_path.parents)[:3]):
        directory.chmod(0o755)
    os.chown(tmp_path, owner.st_uid, owner.st_gid)
    return tmp_path


def client(stack: Stack, place: Path, *words: str, code: int = 0) -> str:
    """Run the client as from a shell in `place`, and return what it printed."""
    command = stack.command("run", "--rm", "-T", "client", *words)
    done = subprocess.run(
        command,
        cwd=place,
        env=os.environ | {"PWD": str(place)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return done.stdout


def records(file: Path) -> list[str]:
    """Return the targets that a file of records has, in order."""
    return sorted(json.loads(line)["target"] for line in file.read_text("utf-8").splitlines())


@pytest.mark.parametrize("stack_of_owner", OWNERS[1:], indirect=True)
def test_a_clone_that_no_other_user_may_read_makes_a_lab_that_runs(stack_of_owner: Stack) -> None:
    """As umask 077 makes it: modes are set in the images, not copied into them."""
    done = stack_of_owner.run_client([])
    assert done.returncode == 0, done.stderr


def test_a_survey_reads_its_list_and_writes_records_that_belong_to_the_person(
    stack_of_owner: Stack, place: Path
) -> None:
    """`client wget -i hosts.txt -o heads.jsonl`, as the README has it."""
    (place / "hosts.txt").write_text("\n".join(HOSTS))
    client(stack_of_owner, place, "wget", "-i", "hosts.txt", "--format", "jsonl", "-o", "heads.jsonl")
    written = place / "heads.jsonl"
    assert records(written) == sorted(HOSTS)
    owner = stack_of_owner.root.stat()
    assert (written.stat().st_uid, written.stat().st_gid) == (owner.st_uid, owner.st_gid)


def test_a_survey_whose_container_was_killed_goes_on(stack_of_owner: Stack, place: Path) -> None:
    """After `docker kill`, --resume fetches the rest: no target is lost or fetched twice."""
    targets = [f"http://www.163.com/{index}" for index in range(2000)]
    (place / "hosts.txt").write_text("\n".join(targets))
    words = ("wget", "-i", "hosts.txt", "--format", "jsonl", "-o", "heads.jsonl")
    survey = subprocess.Popen(
        stack_of_owner.command(
            "run", "--rm", "-T", "--name", "asynclab-test-killed", "client", *words, "--rate", "200"
        ),
        cwd=place,
        env=os.environ | {"PWD": str(place)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    with survey:
        part = place / "heads.jsonl"
        while not part.exists() or part.stat().st_size == 0:
            assert survey.poll() is None, "the survey ended before it wrote"
        subprocess.run(["docker", "kill", "asynclab-test-killed"], check=True, stdout=subprocess.DEVNULL)
    assert part.stat().st_size > 0
    client(stack_of_owner, place, *words, "--resume")
    assert records(part) == sorted(targets)


def test_a_head_in_a_file_is_parsed(stack_of_owner: Stack, place: Path) -> None:
    """`client parse FILE`."""
    (place / "head.bin").write_bytes(HEAD)
    assert json.loads(client(stack_of_owner, place, "parse", "head.bin"))["status"] == 200


def test_a_plan_is_read_from_a_file(stack_of_owner: Stack, place: Path) -> None:
    """`client faults set SITE --plan FILE`."""
    (place / "plan.json").write_text(json.dumps({"faults": [{"fault": "fin_at", "bytes": 5}]}))
    shown = client(stack_of_owner, place, "faults", "set", "www.sohu.com", "--plan", "plan.json", "--format", "json")
    assert [rule["fault"] for rule in json.loads(shown)["faults"]] == ["fin_at"]
    client(stack_of_owner, place, "faults", "clear", "www.sohu.com")


def test_a_recording_is_written_into_the_current_directory(stack_of_owner: Stack, place: Path) -> None:
    """`client record URL` keeps the bytes of a site of the lab, in files of the person."""
    client(stack_of_owner, place, "record", "http://www.163.com/")
    written = place / "recordings/www.163.com.http"
    assert written.read_bytes().startswith(b"HTTP/1.0 302 Moved Temporarily\r\n")
    assert written.stat().st_uid == stack_of_owner.root.stat().st_uid


def test_the_client_runs_its_own_code_where_a_person_has_packages_of_the_same_names(
    stack_of_owner: Stack, place: Path
) -> None:
    """Python does not look for modules in the current directory."""
    for name in ("services", "json"):
        (place / name).mkdir()
        (place / name / "__init__.py").write_text("raise SystemExit('not yours')\n")
    (place / "head.bin").write_bytes(HEAD)
    client(stack_of_owner, place, "parse", "head.bin")


def test_the_client_is_root_only_where_the_person_is(stack_of_owner: Stack, place: Path) -> None:
    """Without a capability, on a read-only file system, as the owner of the checkout."""
    seen = "import os; print(os.getuid(), open('/proc/self/status').read())"
    command = stack_of_owner.command("run", "--rm", "-T", "--entrypoint", "python3", "client", "-c", seen)
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=60, check=True)
    assert int(done.stdout.split()[0]) == stack_of_owner.root.stat().st_uid
    assert "CapBnd:\t0000000000000000" in done.stdout
    assert "NoNewPrivs:\t1" in done.stdout
