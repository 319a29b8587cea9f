"""The lab's CA: the first site makes it, clients never see its key, and every name gets a valid certificate."""

import re
import ssl
import stat
import threading
from pathlib import Path

import anyio.to_thread
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.runtime.http import HOST_NAME
from services.sites.tls.authority import CA_FILE, KEY_FILE, Authority, AuthorityUnusable
from tests.sites.target import KEEP, one_site, sites, target_of


def directories(tmp_path: Path) -> tuple[Path, Path]:
    """Return a directory for the key and one for the certificate."""
    key, public = tmp_path / "key", tmp_path / "public"
    key.mkdir()
    public.mkdir()
    return key, public


def test_the_first_to_start_makes_the_ca_and_the_others_find_it(tmp_path: Path) -> None:
    """Five at once agree on one certificate."""
    key, public = directories(tmp_path)
    found: list[bytes] = []
    threads = [threading.Thread(target=lambda: found.append(Authority(key, public).certificate())) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 5
    assert set(found) == {(public / CA_FILE).read_bytes()}


def test_a_ca_that_was_given_is_only_read(tmp_path: Path) -> None:
    """As from a Swarm's secret: its directory gets no file, which it could not take."""
    key, public = directories(tmp_path)
    made = Authority(key, public).certificate()
    (key / "lock").unlink()
    (public / CA_FILE).unlink()
    assert Authority(key, public).certificate() == made
    assert {file.name for file in key.iterdir()} == {KEY_FILE, CA_FILE}
    assert (public / CA_FILE).read_bytes() == made


def test_clients_see_the_certificate_and_not_the_key(tmp_path: Path) -> None:
    """The key is in its own directory, readable by its owner alone; the certificate's directory holds nothing else."""
    key, public = directories(tmp_path)
    Authority(key, public).certificate()
    assert stat.S_IMODE((key / KEY_FILE).stat().st_mode) == 0o600
    assert stat.S_IMODE((public / CA_FILE).stat().st_mode) == 0o644
    assert [file.name for file in public.iterdir()] == [CA_FILE]
    assert b"PRIVATE" not in (public / CA_FILE).read_bytes()


def shake_hands(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> ssl.SSLObject:
    """Agree on TLS in memory, and return the client's side. Raises ssl.SSLError."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    here = client.wrap_bio(to_client, to_server, server_hostname=name)
    there = server.wrap_bio(to_server, to_client, server_side=True)
    sides = [here, there]
    for _ in range(10):
        for side in list(sides):
            try:
                side.do_handshake()
                sides.remove(side)
            except ssl.SSLWantReadError:
                continue
    assert not sides
    return here


def test_a_client_that_trusts_the_ca_accepts_every_name(tmp_path: Path) -> None:
    """Two authorities that share their directories make certificates of the same CA."""
    key, public = directories(tmp_path)
    one, other = Authority(key, public), Authority(key, public)
    client = ssl.create_default_context(cadata=one.certificate().decode())
    for name in ("www.163.com", "a-very.long.name.test"):
        assert shake_hands(other.context(name), client, name).version() == "TLSv1.3"


FAULTS = {"tls_expired": 10, "tls_wrong_name": 62, "tls_self_signed": 18}
AUTHORITY = Authority()
NAMES = {
    "a letter": "a",
    "a number": "10",
    "an underscore": "a_b.test",
    "hyphens third and fourth": "r3---sn-abc.test",
    "a hyphen at a label's end": "x-.test",
    "a hyphen at a label's begin": "a.-x.test",
    "an A-label": "xn--caf-dma.test",
    "an A-label that is none": "xn--a.test",
    "an address": "127.0.0.1",
    "nearly an address": "127.0.0.256",
    "the longest label": "a" * 63 + ".test",
    "the longest name": ".".join(["a" * 63] * 3 + ["b" * 61]),
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_client_accepts_the_certificate_of_every_recordable_name(name: str) -> None:
    """IDNA has no label for half of these, and they are hosts all the same."""
    assert HOST_NAME.fullmatch(name)
    authority = Authority()
    client = ssl.create_default_context(cadata=authority.certificate().decode())
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    assert shake_hands(authority.context(name), client, name).version() == "TLSv1.3"


@settings(deadline=None)  # a busy machine is not a slow authority
@given(name=st.from_regex(HOST_NAME, fullmatch=True), fault=st.sampled_from(["", *FAULTS]))
def test_every_host_name_gets_every_certificate(name: str, fault: str) -> None:
    """Each host that a recording may have, and each fault of a certificate."""
    assert AUTHORITY.context(name, fault)


@pytest.mark.parametrize("what", ["missing", "a file", "no CA"])
def test_directories_that_cannot_be_used_are_one_line(tmp_path: Path, what: str) -> None:
    """It says which directory, and why; the exit code is that of files."""
    key = tmp_path / "key"
    if what == "a file":
        key.touch()
    elif what == "no CA":
        key.mkdir()
        for name in (KEY_FILE, CA_FILE):
            (key / name).write_text("nonsense")
    with pytest.raises(AuthorityUnusable, match=re.escape(f"cannot keep the lab's CA in {key} (")) as caught:
        Authority(key).certificate()
    assert caught.value.exit_code == 3
    assert "\n" not in str(caught.value)


@pytest.mark.anyio
async def test_a_recorded_name_that_idna_refuses_is_played_over_tls(tmp_path: Path) -> None:
    """Without that, the handshake would hang."""
    async with sites({"a_b.test.http": KEEP}, tmp_path) as running:
        target = await target_of(running, "a_b.test", secure=True)
        assert (await anyio.to_thread.run_sync(lambda: target.peer.ask(most=len(KEEP)))).data == KEEP


@pytest.mark.anyio
async def test_without_a_certificate_the_peer_is_told_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """By an alert that does not blame it, and the journal and the log do not either."""

    def fail(*_: object) -> ssl.SSLContext:
        raise OSError("no room for a file")

    async with one_site(tmp_path, secure=True) as target:
        monkeypatch.setattr(Authority, "context", fail)
        with pytest.raises(ssl.SSLError, match="alert internal error"):
            await anyio.to_thread.run_sync(target.peer.ask)
        entry = (await target.ended())[0]
        assert (entry["ended"], entry["tls"], entry["exchange"]) == ("site_error", True, 0)
        assert "no room for a file" in caplog.text


@pytest.mark.parametrize(("fault", "code"), FAULTS.items(), ids=FAULTS)
def test_a_faulty_certificate_is_faulty_in_one_way(fault: str, code: int) -> None:
    """OpenSSL names that one fault."""
    authority = Authority()
    client = ssl.create_default_context(cadata=authority.certificate().decode())
    with pytest.raises(ssl.SSLCertVerificationError) as caught:
        shake_hands(authority.context("a.test", fault), client, "a.test")
    assert caught.value.verify_code == code


def test_contexts_are_made_once() -> None:
    """Each certificate costs a new key."""
    authority = Authority()
    assert authority.context("a.test") is authority.context("a.test")
    assert authority.context("a.test") is not authority.context("a.test", "tls_expired")
