"""The page's bundle of d3 is what its lock makes, and has the licences of all that is in it."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from lab import ROOT

SCRIPT = ROOT / "lab/page/bundle.sh"
VENDOR = ROOT / "services/watch/page/vendor"


@pytest.mark.browser
@pytest.mark.timeout(180)
def test_the_bundle_is_what_the_lock_makes(tmp_path: Path) -> None:
    """Nothing is vendored by hand: the command that makes the bundle makes this one, byte for byte."""
    if shutil.which("npm") is None:
        if os.environ.get("CI"):
            pytest.fail("CI needs npm")
        pytest.skip("npm is not here, which makes the bundle")
    subprocess.run(["sh", SCRIPT, tmp_path], check=True, capture_output=True)
    for file in ("d3.js", "LICENSES.txt"):
        assert (tmp_path / file).read_bytes() == (VENDOR / file).read_bytes(), f"{file}: run `make page`"


def test_the_page_never_reads_a_string_as_html() -> None:
    """Names, errors and heads are anyone's data: on this page they are text alone."""
    own = [each for each in (ROOT / "services/watch/page").rglob("*.js") if VENDOR not in each.parents]
    assert len(own) > 20
    for file in own:
        found = re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|\beval\(",
            file.read_text(),
        )
        assert found is None, f"{file.name}: {found}"
