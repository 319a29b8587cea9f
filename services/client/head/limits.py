"""How much a server may make the reader hold. Without these, a server that never stops fills the memory."""

from dataclasses import dataclass

from services.client.defaults import MAX_HEAD_BYTES, MAX_HEAD_FIELDS


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one response head; a head that is exactly as large as a bound is read.

    Arguments:
        max_head: bytes of one head, from its first byte to the end of its blank line; also the bytes of all
            interim heads together, so that no more than twice this is ever held.
        max_fields: field lines of one head (a folded line counts once).
        max_interim: interim (1xx) heads before the final one.
    """

    max_head: int = MAX_HEAD_BYTES
    max_fields: int = MAX_HEAD_FIELDS
    max_interim: int = 16


DEFAULT_LIMITS = Limits()
