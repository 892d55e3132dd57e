"""
Opens one file in a real browser, once for each width and colour scheme, and prints as JSON what came of it

Run by the interpreter that has Playwright (beside `playwright` on PATH): browse.py PROGRAM FILE FOLDER WIDTH...
It prints a list of looks: {scheme, width, asked (every address requested), complaints (console, page errors, refusals), scrolls
(pixels that the page is too wide), ink and paper (computed colours), text (what is visible), shot (path of a picture)}.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from playwright.sync_api import Browser, Request, Route, sync_playwright

# Nothing that a browser does by itself may reach a network either.
QUIET = ("--disable-quic", "--disable-background-networking", "--disable-component-update", "--disable-sync")
TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
COLOURS = "[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]"


def look(browser: Browser, page_at: str, scheme: str, width: int, shot: Path) -> dict[str, object]:
    """One visit with everything but the file itself cut off."""
    asked: list[str] = []
    complaints: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url)

    def gate(route: Route) -> None:
        if route.request.url == page_at:
            route.continue_()
        else:
            route.abort()

    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    context.route("**/*", gate)
    page = context.new_page()
    page.on("request", note)
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(page_at)
    ink, paper = page.evaluate(COLOURS)
    found = {
        "scheme": scheme,
        "width": width,
        "asked": asked,
        "complaints": complaints,
        "scrolls": page.evaluate(TOO_WIDE),
        "ink": ink,
        "paper": paper,
        "text": page.inner_text("body"),
        "shot": str(shot),
    }
    page.screenshot(path=shot, full_page=True)
    context.close()
    return found


def main(program: str, file: str, folder: str, *widths: str) -> None:
    with sync_playwright() as playwright:
        # A container's root may not have the sandbox; the page is our own.
        browser = playwright.chromium.launch(executable_path=program, args=[*QUIET, "--no-sandbox"])
        looks = [
            look(browser, Path(file).as_uri(), scheme, int(width), Path(folder) / f"{scheme}-{width}.png")
            for scheme in ("light", "dark")
            for width in widths
        ]
        browser.close()
    json.dump(looks, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
