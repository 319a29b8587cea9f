"""axe-core's rules of accessibility, on a page that is open. The rules are from npm: `npm ci --prefix lab/page`."""

import os

import pytest
from playwright.sync_api import Page

from lab import ROOT

AXE = ROOT / "lab/page/node_modules/axe-core/axe.min.js"
MISSING = "axe-core is not here: npm ci --prefix lab/page"
STANDARDS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")


def violations(page: Page) -> list[str]:
    """Return what violates a rule, a line each: the rule, the element, and what is wrong with it. May skip the test."""
    if not AXE.is_file():
        if os.environ.get("CI"):
            pytest.fail(f"CI needs the rules: {MISSING}")
        pytest.skip(MISSING)
    page.evaluate(AXE.read_text())
    result = page.evaluate("tags => axe.run(document, {runOnly: tags})", [*STANDARDS])
    return [
        f"{rule['id']}: {node['target']}: {node['failureSummary']}"
        for rule in result["violations"]
        for node in rule["nodes"]
    ]
