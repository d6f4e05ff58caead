"""Lays a page out in a real browser, and asks it for what it shows."""

import json
import re
import subprocess
import tempfile
from html import unescape
from pathlib import Path
from typing import Any

from support.needs import need


def asked(body: str, question: str, directory: Path) -> Any:  # noqa: ANN401 - what JSON has
    """Show the HTML in Chromium, and return the value of an expression of JavaScript there.

    The page lies in the directory, with all that it needs, and is asked when it has been loaded.
    Others may ask there at the same time.
    """
    need("chromium")
    # Root has no sandbox, and the page is our own, like those that it frames.
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files"]
    with (
        tempfile.NamedTemporaryFile("w", suffix=".html", dir=directory, encoding="utf-8") as page,
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as user,  # processes may linger
    ):
        page.write(
            "<!DOCTYPE html><meta charset=utf-8>"
            f"<body>{body}<script type=answer id=answer></script>"
            f"<script>onload = () => answer.textContent = JSON.stringify({question})</script>"
        )
        page.flush()
        shown = subprocess.run(
            [
                "chromium",
                *options,
                f"--user-data-dir={user}",
                "--dump-dom",
                Path(page.name).as_uri(),
            ],
            capture_output=True,
            check=True,
            encoding="utf-8",
        ).stdout
    found = re.search('id="answer">(.*)</script><script>', shown, re.DOTALL)
    assert found is not None, shown
    return json.loads(unescape(found[1]))
