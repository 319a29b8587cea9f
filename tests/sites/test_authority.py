"""The lab's CA: made once whoever starts first, its key kept from clients, a good certificate for every name."""

import ssl
import stat
import threading
from pathlib import Path

import pytest

from services.sites.authority import CA_FILE, KEY_FILE, Authority


def directories(tmp_path: Path) -> tuple[Path, Path]:
    """Return a directory for the key and one for the certificate."""
    key, public = tmp_path / "key", tmp_path / "public"
    key.mkdir()
    public.mkdir()
    return key, public


def test_whoever_starts_first_makes_the_ca_and_the_others_find_it(tmp_path: Path) -> None:
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
    """Of two authorities that share their directories, each vouches for the other's certificates."""
    key, public = directories(tmp_path)
    one, other = Authority(key, public), Authority(key, public)
    client = ssl.create_default_context(cadata=one.certificate().decode())
    for name in ("www.163.com", "a-very.long.name.test"):
        assert shake_hands(other.context(name), client, name).version() == "TLSv1.3"


FAULTS = {"tls_expired": 10, "tls_wrong_name": 62, "tls_self_signed": 18}


@pytest.mark.parametrize(("fault", "code"), FAULTS.items(), ids=FAULTS)
def test_a_faulty_certificate_is_faulty_in_one_way(fault: str, code: int) -> None:
    """OpenSSL's own word for it."""
    authority = Authority()
    client = ssl.create_default_context(cadata=authority.certificate().decode())
    with pytest.raises(ssl.SSLCertVerificationError) as caught:
        shake_hands(authority.context("a.test", fault), client, "a.test")
    assert caught.value.verify_code == code


def test_contexts_are_made_once() -> None:
    """A certificate costs a key."""
    authority = Authority()
    assert authority.context("a.test") is authority.context("a.test")
    assert authority.context("a.test") is not authority.context("a.test", "tls_expired")
