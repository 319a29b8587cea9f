"""What a recording has to be so that a site can play it: for those who make one, and for those who play it."""

import re

MAX_RECORDING_BYTES = 8 * 1024 * 1024  # also of a body that a site makes, where none was recorded
MAX_HEAD_BYTES = 256 * 1024

STATUS_LINE = re.compile(rb"HTTP/(\d)\.(\d) (\d{3})(?: [^\r\n]*)?\r?\n")


def is_recording(name: str) -> bool:
    """Return whether a file's name is that of a recording; those of editors and file managers begin with a dot."""
    return name.endswith(".http") and not name.startswith(".")
