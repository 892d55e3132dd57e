"""The HTML report in a real browser: light and dark, on a phone and on a desk, asking nobody for anything."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from screens import hostile_overview, overview
from trimtab.report import html
from trimtab.report.values import Overview

pytestmark = pytest.mark.real("playwright", "chromium")
WIDTHS = (360, 820, 1440)  # a phone, a tablet upright, a desk


def looks(folder: Path, shown: Overview) -> list[dict[str, Any]]:
    """What the browser says of the page, for each colour scheme and width."""
    file = folder / "report.html"
    file.write_text(html.page(shown), encoding="utf-8")
    playwright, chromium = shutil.which("playwright"), shutil.which("chromium")
    assert playwright and chromium
    python = Path(playwright).resolve().parent / "python"
    script = Path(__file__).parent / "browse.py"
    argv = [str(python), str(script), chromium, str(file), str(folder), *map(str, WIDTHS)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module", params=[overview, hostile_overview], ids=["friendly", "hostile"])
def seen(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    return looks(tmp_path_factory.mktemp("browser"), request.param())


def test_it_asks_nobody_and_nothing_goes_wrong(seen: list[dict[str, Any]]) -> None:
    assert len(seen) == 2 * len(WIDTHS)
    for look in seen:
        assert [Path(address).name for address in look["asked"]] == ["report.html"]
        assert look["complaints"] == []


def test_nothing_has_to_be_scrolled_sideways(seen: list[dict[str, Any]]) -> None:
    assert {(look["scheme"], look["width"]): look["scrolls"] for look in seen} == {
        (scheme, width): 0 for scheme in ("light", "dark") for width in WIDTHS
    }


def test_ink_and_paper_change_places_in_the_dark(seen: list[dict[str, Any]]) -> None:
    for look in seen:
        ink, paper = brightness(look["ink"]), brightness(look["paper"])
        assert (ink < 0.2 and paper > 0.8) if look["scheme"] == "light" else (ink > 0.8 and paper < 0.2)


def test_every_width_and_scheme_shows_the_same_words(seen: list[dict[str, Any]]) -> None:
    for one, two in pairwise(words(look["text"]) for look in seen):
        assert one == two
    assert {"predicted", "observed"} <= set(words(seen[0]["text"]))


def words(text: str) -> list[str]:
    return sorted(text.split())


def brightness(colour: str) -> float:
    """0 (black) to 1 (white) of "rgb(r, g, b)"."""
    red, green, blue = (int(part) / 255 for part in re.findall(r"\d+", colour)[:3])
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
