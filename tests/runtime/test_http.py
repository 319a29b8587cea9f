"""Terms of HTTP that all programs share: which texts are names of hosts."""

import pytest

from asynclab.checks import HOST_NAME as ASYNCLABS
from services.runtime.http import HOST_NAME

LABEL = "a" * 63
NAMES = {
    "a name": ("www.163.com", True),
    "one label": ("hello", True),
    "a long label": (f"{LABEL}.example", True),
    "a label that is too long": (f"{LABEL}a.example", False),
    "the last label": (f"www.{LABEL}a", False),
    "a long name": (".".join([LABEL] * 3 + ["a" * 61]), True),
    "a name that is too long": (".".join([LABEL] * 3 + ["a" * 62]), False),
    "two dots": ("a..example", False),
    "a dot at the end": ("a.example.", False),
    "capitals": ("A.example", False),
    "an underscore within": ("a_b.example", True),
    "another alphabet": ("bücher.example", False),
    "its form in ASCII": ("xn--bcher-kva.example", True),
    "nothing": ("", False),
}


@pytest.mark.parametrize(("name", "is_name"), NAMES.values(), ids=NAMES)
def test_a_name_is_what_a_certificate_and_a_file_can_be_named_after(name: str, is_name: bool) -> None:
    """RFC 1035, section 2.3.4; the package for tests, which imports no service, has the same rule."""
    assert (HOST_NAME.fullmatch(name) is not None) is is_name
    assert HOST_NAME.pattern == ASYNCLABS.pattern
