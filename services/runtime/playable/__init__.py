"""What a recording has to be so that a site can play it: for those who make one, and for those who play it.

Read `judge` first: it takes a response apart, and says what body a site plays. `heads` finds where the heads end,
`fields` reads them, and `made` knows which bodies a site can make where none was kept.
"""

MAX_RECORDING_BYTES = 8 * 1024 * 1024  # also of a body that a site makes, where none was recorded
MAX_HEAD_BYTES = 256 * 1024


class Unplayable(ValueError):
    """A response that no site can play; the text is the reason."""


def is_recording(name: str) -> bool:
    """Return whether a file's name is that of a recording; those of editors and file managers begin with a dot."""
    return name.endswith(".http") and not name.startswith(".")
