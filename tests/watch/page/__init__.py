"""Tests of the files of the page, without a browser: its texts, its terms, its bundle."""
