"""What all tests share: the flag that rewrites the expected files of the rules' cases."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-cases",
        action="store_true",
        help="rewrite expect.json and after/ of every case with what the rules say now",
    )
