"""Tests that look at pages in a browser: the distribution's Chromium, driven by Playwright, and axe-core's rules.

`chromium` has the browser; `axe` checks a page that is open in it. A file's tests take the browser by
`pytest_plugins`, or by an import of the fixture in their `conftest.py`.
"""
