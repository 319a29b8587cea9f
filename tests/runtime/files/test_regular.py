"""Files of fixed names: a FIFO, a socket or a device with such a name does not block the reader."""

import os
import re
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from services.runtime.files.regular import NotRegular, open_regular, read_regular


def make_special(file: Path, kind: str) -> None:
    """Make a file that is not regular."""
    match kind:
        case "fifo":
            os.mkfifo(file)
        case "device":
            file.symlink_to("/dev/zero")
        case "socket":
            with socket.socket(socket.AF_UNIX) as bound:
                bound.bind(str(file))


@pytest.mark.parametrize("kind", ["fifo", "device", "socket"])
def test_a_file_that_is_not_regular_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    """Opened as usual, a FIFO without a writer blocks for ever."""
    make_special(tmp_path / "file", kind)
    with pytest.raises(NotRegular, match="is not a regular file"):
        read_regular(tmp_path / "file", most=10)


def test_a_fifo_that_is_written_to_is_refused_too(tmp_path: Path) -> None:
    """Its writer may never end."""
    make_special(tmp_path / "file", "fifo")
    writer = os.open(tmp_path / "file", os.O_RDWR)
    with pytest.raises(NotRegular):
        open_regular(tmp_path / "file")
    os.close(writer)


def test_a_file_is_read_to_one_byte_more_than_it_may_have(tmp_path: Path) -> None:
    """So the caller sees that it is too large. A link is followed, unless that is forbidden."""
    file, link = tmp_path / "file", tmp_path / "link"
    file.write_bytes(b"0123456789")
    link.symlink_to(file)
    assert read_regular(file, most=10) == b"0123456789"
    assert read_regular(link, most=4) == b"01234"
    with pytest.raises(OSError, match="symbolic links"):
        open_regular(link, follow=False)


def test_a_missing_file_or_a_directory_is_the_usual_error(tmp_path: Path) -> None:
    """Callers tell a missing file from one that is not regular."""
    with pytest.raises(FileNotFoundError):
        read_regular(tmp_path / "none", most=1)
    with pytest.raises(IsADirectoryError):
        read_regular(tmp_path, most=1)


def env_file(file: Path) -> object:
    """Read it as a `.env`."""
    from lab import env_file

    return env_file.read(file)


def sidecar(file: Path) -> object:
    """Read it as the sidecar of a recording that is replaced."""
    from services.client.record.files import tables_of

    return tables_of(file)


def generated(file: Path) -> object:
    """Read it as the Compose file that the lab generates."""
    from lab.compose import override

    place = file.parent / override.GENERATED
    place.parent.mkdir(exist_ok=True)
    place.symlink_to(file)
    return override.read(file.parent)


def plans(file: Path) -> object:
    """Read it as the file of plans of a site."""
    from services.sites.saved_plans import read_file

    return read_file(file)


def key(file: Path) -> object:
    """Read it as the key of the lab's CA."""
    from services.sites.tls.authority import CA_FILE, KEY_FILE, shared_ca

    (file.parent / KEY_FILE).symlink_to(file)
    (file.parent / CA_FILE).write_text("")
    return shared_ca(file.parent, file.parent)


READERS = [env_file, sidecar, generated, plans, key]


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("kind", ["fifo", "socket"])
def test_every_reader_of_a_fixed_name_refuses_it(tmp_path: Path, read: Callable[[Path], object], kind: str) -> None:
    """Each with its own text, in one line, with the reason."""
    file = tmp_path / "file"
    make_special(file, kind)
    with pytest.raises(Exception, match=re.escape("is not a regular file")) as caught:
        read(file)
    assert "\n" not in str(caught.value)


def test_a_mark_that_is_a_fifo_names_no_process(tmp_path: Path) -> None:
    """It blocks neither `engine` nor `down`."""
    from lab.docker import daemon

    make_special(tmp_path / "mark.pid", "fifo")
    assert daemon.running(tmp_path / "mark.pid") is None


def test_a_lock_of_the_ca_that_is_a_fifo_is_refused(tmp_path: Path) -> None:
    """Opened for writing as usual, it would block until there is a reader."""
    from services.sites.tls.authority import shared_ca

    make_special(tmp_path / "lock", "fifo")
    with pytest.raises(OSError, match="No such device or address"):
        shared_ca(tmp_path, tmp_path)
