"""Recordings and sidecars: no byte is changed, and a bad one is refused with file, field and reason."""

import os
import re
from pathlib import Path

import pytest

from services.runtime.playable import BodySource
from services.sites.faults.script import Ending
from services.sites.http.headers import set_fields
from services.sites.replay.directory import RecordingDirectory, load_recording
from services.sites.replay.files import BadRecording
from services.sites.replay.recording import read_recording
from services.sites.replay.sidecar import BodyMode, read_sidecar
from services.sites.settings import RECORDINGS

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"

ENDINGS = {
    "framed by length": (HEAD + b"abc", Ending.KEEP),
    "shorter than it says": (HEAD + b"ab", Ending.CLOSE),
    "longer than it says": (HEAD + b"abcd", Ending.CLOSE),
    "made to fit": (HEAD, Ending.KEEP),
    "says close": (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", Ending.CLOSE),
    "no length": (b"HTTP/1.1 200 OK\r\n\r\n", Ending.CLOSE),
    "chunked": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", Ending.KEEP),
    "chunked, and cut": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", Ending.CLOSE),
    "1.0": (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", Ending.CLOSE),
    "1.0 that keeps alive": (b"HTTP/1.0 200 OK\nConnection: Keep-Alive\nContent-Length: 0\n\n", Ending.KEEP),
    "two lengths": (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", Ending.CLOSE),
    "204": (b"HTTP/1.1 204 No Content\r\n\r\n", Ending.KEEP),
    "304 with a length": (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", Ending.KEEP),
    "interim first": (b"HTTP/1.1 100 Continue\r\n\r\n" + HEAD + b"abc", Ending.KEEP),
    "interim first, with fields of its own": (
        b"HTTP/1.1 103 Early Hints\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" + HEAD + b"abc",
        Ending.KEEP,
    ),
    "switching protocols": (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", Ending.CLOSE),
}


@pytest.mark.parametrize(("raw", "ending"), ENDINGS.values(), ids=ENDINGS)
def test_a_connection_is_kept_only_where_the_client_can_tell_the_end(raw: bytes, ending: Ending) -> None:
    """RFC 9112, section 6.3 and 9.3."""
    recording = read_recording("a.test", raw)
    assert recording.ending is ending
    assert (recording.head + recording.body).startswith(raw)


REFUSED = {
    "empty": (b"", "is empty"),
    "no status line": (b"hello\r\n\r\n", "has no status line at byte 0"),
    "no blank line": (b"HTTP/1.1 200 OK\r\nA: b\r\n", "no blank line ends its head"),
    "an interim head alone": (b"HTTP/1.1 103 Early\r\n\r\n", "has no status line at byte 22"),
    "a length that is none": (b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "Content-Length 'x' is not one number"),
    "an enormous length": (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n", "is over the 8,388,608 bytes"),
    "an unknown coding": (b"HTTP/1.1 200 OK\r\nContent-Encoding: sdch\r\n\r\n", "Content-Encoding 'sdch'"),
    "a body that fits none": (
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\n",
        "no gzip body has 3 bytes",
    ),
    "too large": (HEAD + bytes(8 * 1024 * 1024), "is larger than 8,388,608 bytes"),
}


@pytest.mark.parametrize(("raw", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_played_is_refused_with_file_and_reason(tmp_path: Path, raw: bytes, reason: str) -> None:
    """When it is read, not at the first request for it."""
    file = tmp_path / "a.test.http"
    file.write_bytes(raw)
    with pytest.raises(BadRecording) as caught:
        load_recording(file)
    assert caught.value.file == file
    assert str(caught.value).startswith("a.test.http: ")
    assert reason in caught.value.reason


@pytest.mark.parametrize("name", ["UPPER..http", "a b.http", "-a.http", "a..b.http", "é.http", ".http"])
def test_a_name_that_is_no_host_is_refused(tmp_path: Path, name: str) -> None:
    """It would be a name in the lab's network."""
    (tmp_path / name).write_bytes(HEAD)
    with pytest.raises(BadRecording):
        load_recording(tmp_path / name)


def test_a_sidecar_may_have_every_key() -> None:
    """All keys at once."""
    said = read_sidecar(
        b'after = "idle"\nbody = "recorded"\n[fields]\nDate = "now"\nX-Made = "b\xc3\xa9"\n'
        b'[[faults]]\nfault = "rst_at"\nbytes = 4\nfirst = 3\n[provenance]\nurl = "http://a.test/"\nbytes = 4\n'
    )
    assert (said.after, said.body) == (BodyMode.IDLE, BodySource.RECORDED)
    assert said.fields == {b"Date": b"now", b"X-Made": b"b\xe9"}
    assert [(rule.fault.name, rule.parameters, rule.first) for rule in said.plan] == [("rst_at", {"bytes": 4}, 3)]


SIDECARS = {
    "not TOML": (b"after =", "is not TOML"),
    "not UTF-8": (b"a = '\xff'", "is not UTF-8 at byte 5"),
    "an unknown key": (b"afther = 'close'", "'afther' is not a key: there are after, "),
    "after what": (b"after = 'soon'", "after: 'soon' is not one of body, close, idle"),
    "which body": (b"body = 'kept'", "body: 'kept' is not one of recorded, made"),
    "a body that is no text": (b"body = ['made']", " is not one of recorded, made"),
    "after a number": (b"after = 3", "after: '3' is not one of"),
    "provenance": (b"provenance = 3", "provenance: is not a table"),
    "a field's name": (b"[fields]\n'a b' = 'c'", "fields.'a b': is not a field name"),
    "a field's value": (b'[fields]\nA = "b\\r\\nC: d"', "fields.A: is not a field value"),
    "a fault": (b"[[faults]]\nfault = 'typo'", "faults[0].fault: 'typo' is not a fault: there are delay, "),
    "a parameter": (b"[[faults]]\nfault = 'drip'\nbytez = 1", "faults[0].bytez: is unknown: drip has bytes, "),
    "nested too deeply": (b"after = " + b"[" * 20_000, "is nested too deeply"),
    "a table nested too deeply": (b"after" + b".a" * 100_000 + b" = 1", "has a key of more than 100 parts"),
    "a long number": (
        b"[[faults]]\nfault = 'drip'\nbytes = " + b"9" * 6000,
        "bytes (line 3): is a number of more than 4,300 digits",
    ),
    "a long number in a list": (b"after = [\n" + b"9" * 6000 + b"]", "line 2: is a number of more than 4,300 digits"),
    "a number that cannot be shown": (
        b"[[faults]]\nfault = 'drip'\nbytes = 0x" + b"f" * 6000,
        "faults[0].bytes: this is not a whole number from 1 to 65,536",
    ),
    "an end that cannot be shown": (b"after = 0x" + b"f" * 6000, "after: this is not one of body, close, idle"),
    "a fault that cannot be shown": (b"[[faults]]\nfault = 0x" + b"f" * 6000, "faults[0].fault: this is not a fault"),
    "an offset beyond the head": (
        b"[[faults]]\nfault = 'rst_at'\nbytes = 40",
        "faults[0].bytes: 40 is beyond the head",
    ),
}


@pytest.mark.parametrize(("said", "reason"), SIDECARS.values(), ids=SIDECARS)
def test_a_sidecar_that_cannot_be_is_refused_with_file_field_and_reason(
    tmp_path: Path, said: bytes, reason: str
) -> None:
    """Unknown keys too: a misspelt one would else be silently without effect."""
    (tmp_path / "a.test.http").write_bytes(HEAD)
    (tmp_path / "a.test.toml").write_bytes(said)
    with pytest.raises(BadRecording) as caught:
        load_recording(tmp_path / "a.test.http")
    assert str(caught.value).startswith("a.test.toml: ")
    assert reason in caught.value.reason


FRAMED_BY_SIDECAR = {
    "says close": (b"Connection = 'close'", HEAD + b"abc", b"abc", Ending.CLOSE),
    "another length": (b"Content-Length = '2'", HEAD + b"abc", b"abc", Ending.CLOSE),
    "the right length": (b"Content-Length = '5'", HEAD + b"hello", b"hello", Ending.KEEP),
    "a body that fits it": (b"Content-Length = '8'", HEAD, b"<!doctyp", Ending.KEEP),
    "chunked": (b"Transfer-Encoding = 'chunked'", b"HTTP/1.1 200 OK\r\n\r\n0\r\n\r\n", b"0\r\n\r\n", Ending.KEEP),
}


@pytest.mark.parametrize(("said", "raw", "body", "ending"), FRAMED_BY_SIDECAR.values(), ids=FRAMED_BY_SIDECAR)
def test_fields_that_are_set_count_for_the_framing(said: bytes, raw: bytes, body: bytes, ending: Ending) -> None:
    """A client reads the head that is sent, and knows no other."""
    recording = read_recording("a.test", raw, read_sidecar(b"[fields]\n" + said))
    assert (recording.body, recording.ending) == (body, ending)


MADE = b"<!doctype html><title>asynclab</title>"
BODIES = {
    "nothing said, nothing kept": (b"", b"HTTP/1.1 301 Moved\r\n\r\n", MADE),
    "nothing said, something kept": (b"", b"HTTP/1.1 301 Moved\r\n\r\nabc", b"abc"),
    "recorded, and empty": (b"body = 'recorded'", b"HTTP/1.1 301 Moved\r\n\r\n", b""),
    "recorded, and cut short before its first byte": (b"body = 'recorded'", HEAD, b""),
    "recorded": (b"body = 'recorded'", HEAD + b"abc", b"abc"),
    "made": (b"body = 'made'", b"HTTP/1.1 200 OK\r\nContent-Length: 38\r\n\r\n", MADE),
    "made, although one is recorded": (b"body = 'made'", b"HTTP/1.1 200 OK\r\nContent-Length: 38\r\n\r\nabc", MADE),
    "recorded, and not sent": (b"body = 'recorded'\nafter = 'close'", HEAD + b"abc", b""),
}


@pytest.mark.parametrize(("said", "raw", "body"), BODIES.values(), ids=BODIES)
def test_a_body_is_made_only_where_none_was_kept(said: bytes, raw: bytes, body: bytes) -> None:
    """ "Empty" and "not recorded" are two states, and the sidecar tells them apart."""
    recording = read_recording("a.test", raw, read_sidecar(said))
    assert recording.body[: len(MADE)] == body


def test_an_offset_counts_in_the_head_with_its_date(tmp_path: Path) -> None:
    """The head that a plan is held against has as many bytes as the one that is sent."""
    (tmp_path / "a.test.http").write_bytes(HEAD)
    sidecar = tmp_path / "a.test.toml"
    plan = "[fields]\nDate = 'now'\n[[faults]]\nfault = 'fin_at'\nbytes = {}\n"
    sent_bytes = len(HEAD) + len("Date: Sun, 04 Dec 2016 14:31:37 GMT\r\n")
    sidecar.write_text(plan.format(sent_bytes))
    assert len(load_recording(tmp_path / "a.test.http").response().head) == sent_bytes
    sidecar.write_text(plan.format(sent_bytes + 1))
    with pytest.raises(BadRecording, match=f"beyond the head, which has {sent_bytes} bytes"):
        load_recording(tmp_path / "a.test.http")


FIELDS = {
    "in place, in its case": (b"A: 1\r\nserver:x\r\nB: 2\r\n", b"A: 1\r\nserver:y\r\nB: 2\r\n"),
    "the first of two": (b"Server: 1\r\nServer: 2\r\n", b"Server: y\r\nServer: 2\r\n"),
    "at the end": (b"A: 1\r\n", b"A: 1\r\nServer: y\r\n"),
}


@pytest.mark.parametrize(("before", "after"), FIELDS.values(), ids=FIELDS)
def test_a_field_is_set_where_it_stands(before: bytes, after: bytes) -> None:
    """The rest of the head keeps its bytes."""
    line, blank = b"HTTP/1.1 200 OK\r\n", b"\r\n"
    assert set_fields(line + before + blank, {b"Server": b"y"}) == line + after + blank


def test_a_field_is_set_in_the_final_head() -> None:
    """A client does not use interim heads, which have a Date of their own."""
    interim = b"HTTP/1.1 103 Early Hints\r\nDate: then\r\nServer: x\r\n\r\n"
    said = read_sidecar(b"[fields]\nServer = 'y'\nDate = 'now'\n")
    head = read_recording("a.test", interim + HEAD, said).response().head
    assert re.fullmatch(re.escape(interim + HEAD[:-2] + b"Server: y\r\nDate: ") + rb"[^\r]+ GMT\r\n\r\n", head)


def test_the_tutorials_recordings_are_valid() -> None:
    """The lab's own recordings can be played."""
    recordings = RecordingDirectory(RECORDINGS).load()
    assert set(recordings) == {"www.163.com", "www.sina.com.cn", "www.sohu.com"}
    assert len(recordings["www.sohu.com"].body) == 92_426


def test_only_changed_recordings_are_read_again(tmp_path: Path) -> None:
    """Not ten thousand for the change of one."""
    for name in ("a.test", "b.test"):
        (tmp_path / f"{name}.http").write_bytes(HEAD)
    catalogue = RecordingDirectory(tmp_path)
    before = catalogue.load()
    assert not catalogue.changed()
    (tmp_path / "a.test.toml").write_bytes(b"after = 'close'")
    assert catalogue.changed()
    after = catalogue.load()
    assert after["b.test"] is before["b.test"]
    assert after["a.test"].ending is Ending.CLOSE


def test_a_file_that_may_be_read_at_last_is_read(tmp_path: Path) -> None:
    """A change of permissions changes neither its time nor its size, and makes readable what was not."""
    file = tmp_path / "a.test.http"
    file.write_bytes(HEAD)
    catalogue = RecordingDirectory(tmp_path)
    catalogue.load()
    file.chmod(0)
    assert catalogue.changed()


def test_a_named_host_without_a_recording_is_refused(tmp_path: Path) -> None:
    """A container for one site plays it or says why not."""
    with pytest.raises(BadRecording, match=r"a\.test\.http: No such file"):
        RecordingDirectory(tmp_path, ("a.test",)).load()


@pytest.mark.parametrize("name", ["a.test.http", "a.test.toml"])
def test_a_fifo_is_refused_and_not_waited_for(tmp_path: Path, name: str) -> None:
    """It may never have a writer."""
    (tmp_path / "a.test.http").write_bytes(HEAD)
    (tmp_path / name).unlink(missing_ok=True)
    os.mkfifo(tmp_path / name)
    with pytest.raises(BadRecording, match=re.escape(f"{name}: is not a regular file")):
        RecordingDirectory(tmp_path).load()


def test_two_recordings_of_one_host_are_refused_by_both_their_names(tmp_path: Path) -> None:
    """Host names have no case; a person's own directory still comes before the lab's."""
    lab, own = tmp_path / "lab", tmp_path / "own"
    for directory in (lab, own):
        directory.mkdir()
    (lab / "a.test.http").write_bytes(HEAD)
    (own / "A.test.http").write_bytes(HEAD + b"abc")
    assert RecordingDirectory(lab, own=own).load()["a.test"].body == b"abc"
    (own / "a.TEST.http").write_bytes(HEAD)
    with pytest.raises(BadRecording, match=r"^a\.TEST\.http: is the same host as A\.test\.http"):
        RecordingDirectory(lab, own=own).load()


def test_an_empty_directory_is_refused(tmp_path: Path) -> None:
    """Nothing to play is a mistake in the directory's name."""
    with pytest.raises(BadRecording, match="holds no recording"):
        RecordingDirectory(tmp_path).load()


def test_ones_own_recordings_come_before_those_that_the_lab_brings(tmp_path: Path) -> None:
    """Of the same host, and beside the others; a directory that is not there is none."""
    own = tmp_path / "own"
    assert set(RecordingDirectory(RECORDINGS, own=own).load()) == {"www.163.com", "www.sina.com.cn", "www.sohu.com"}
    own.mkdir()
    for name in ("www.163.com", "a.test"):
        (own / f"{name}.http").write_bytes(HEAD + b"abc")
    recordings = RecordingDirectory(RECORDINGS, own=own).load()
    assert set(recordings) == {"a.test", "www.163.com", "www.sina.com.cn", "www.sohu.com"}
    assert recordings["www.163.com"].body == b"abc"
