"""`python -m services.broker` becomes nats-server with the lab's configuration, or ends with one line."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lab.embedded.broker import find_program
from services.broker.configuration import configuration
from services.broker.settings import ServerSettings
from services.runtime.errors import BadSetting
from services.runtime.http import Address
from services.runtime.process import MEMORY_BYTES
from services.runtime.settings import Environment

PASSWORD = "abcdefghij-0123456789_XYZ"  # noqa: S105 - of this test


def run(tmp_path: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run the program to its end."""
    command = (sys.executable, "-m", "services.broker")
    environment = {"PATH": os.environ["PATH"], "BROKER_STORE": str(tmp_path), **variables}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.parametrize(
    ("held", "variables", "code", "line"),
    [
        (None, {}, 3, r"password is not there: `lab up` makes one"),
        ("", {}, 3, r"password is empty: `lab up`"),
        ("no password", {}, 3, r"password does not hold a password"),
        (PASSWORD, {"BROKER_STORE_MIB": "lots"}, 2, r"BROKER_STORE_MIB='lots' is not a number from 16 to 999999"),
        (PASSWORD, {"PATH": "/nowhere"}, 2, r"nats-server is not on PATH"),
    ],
)
def test_what_keeps_it_from_starting_is_one_line(
    tmp_path: Path, held: str | None, variables: dict[str, str], code: int, line: str
) -> None:
    """With its exit code, and without a traceback."""
    file = tmp_path / "password"
    if held is not None:
        file.write_text(held)
    ended = run(tmp_path, BROKER_PASSWORD_FILE=str(file), **variables)
    assert ended.returncode == code, ended.stderr
    assert line in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_the_configuration_demands_a_password_and_syncs_each_message() -> None:
    """As nats-server reads it; the numbers are bounds."""
    settings = ServerSettings(store=Path("/a store"), store_bytes=1 << 24)
    read = json.loads(configuration(settings, PASSWORD))
    assert read["authorization"]["password"] == PASSWORD
    assert read["jetstream"] == {
        "store_dir": "/a store",
        "max_memory_store": 1 << 20,
        "sync_interval": "always",
        "max_file_store": 1 << 24,
    }
    assert (read["listen"], read["http"]) == ("0.0.0.0:4222", "0.0.0.0:8222")


def test_nats_server_takes_the_configuration(tmp_path: Path) -> None:
    """Every key of it: the program refuses one that it does not know."""
    program = find_program()
    assert program
    file = tmp_path / "broker.conf"
    file.write_text(configuration(ServerSettings(Address("127.0.0.1", -1), store=tmp_path), PASSWORD))
    checked = subprocess.run([program, "-t", "--config", file], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    file.write_text(file.read_text().replace("max_payload", "max_pay"))
    assert subprocess.run([program, "-t", "--config", file], capture_output=True, check=False).returncode == 1


@pytest.mark.parametrize("value", ["15", "-1", "1000000", "1e99", "nan"])
def test_a_store_that_cannot_be_is_refused(value: str) -> None:
    """By the name of its setting."""
    with pytest.raises(BadSetting, match=r"^BROKER_STORE_MIB="):
        ServerSettings.from_environment(Environment({"BROKER_STORE_MIB": value}))


def test_it_becomes_nats_server_and_ends_well_at_sigterm(tmp_path: Path) -> None:
    """Its process is the broker itself, so that a signal reaches it. The configuration is this user's alone."""
    program = find_program()
    assert program
    stand_in = tmp_path / "nats-server"  # in place of the program: the ports of the container may be taken here
    stand_in.write_text('#!/bin/sh\nstat -c %a "$2"; cat "$2"; echo $GOMEMLIMIT; echo $$; exec sleep 30\n')
    stand_in.chmod(0o755)
    (tmp_path / "password").write_text(PASSWORD)
    environment = {
        "PATH": f"{tmp_path}:/usr/bin:/bin",
        "BROKER_PASSWORD_FILE": str(tmp_path / "password"),
        "BROKER_CONFIGURATION": str(tmp_path / "broker.conf"),
    }
    command = (sys.executable, "-m", "services.broker")
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        said = [process.stdout.readline().strip()]
        while said[-1] != str(process.pid):
            said.append(process.stdout.readline().strip())
        process.send_signal(signal.SIGTERM)
    assert said[0] == "600"
    assert json.loads("\n".join(said[1:-2]))["authorization"]["user"] == "asynclab"
    assert int(said[-2]) == MEMORY_BYTES * 80 // 100
    assert process.returncode == -signal.SIGTERM
