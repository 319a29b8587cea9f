"""The browser, for the tests of this folder."""

from tests.browser.chromium import chromium

__all__ = ["chromium"]
