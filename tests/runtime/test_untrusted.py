"""JSON of outside: what Python itself says of it is advice for programmers."""

import pytest

from services.runtime.untrusted import parse_json


def test_a_number_of_too_many_digits_is_told_in_plain_words() -> None:
    """Python's own text names a function to call."""
    with pytest.raises(ValueError, match=r"^a number of more than 4,300 digits$"):
        parse_json(b'{"bytes": ' + b"9" * 5_000 + b"}")
