"""A headless Chromium, where the machine has one."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")

_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


def dom_of(page: Path) -> str:
    """The page's elements after its script ran."""
    return _opened(page, "--dump-dom")


def downloaded_by(page: Path) -> list[Path]:
    """The files that the page's script saved."""
    _opened(page, "--headless=new", "--virtual-time-budget=2000", f"--screenshot={page.parent / 'page.png'}")
    return sorted((page.parent / "Downloads").iterdir())


def _opened(page: Path, *how: str) -> str:
    assert CHROMIUM is not None
    command = [CHROMIUM, *_FLAGS, f"--user-data-dir={page.parent / 'profile'}", *how, page.as_uri()]
    home = os.environ | {"HOME": str(page.parent)}
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120, env=home).stdout


def probed(page: str, script: str) -> str:
    """The page with a script of the test after its own, allowed to run."""
    page = page.replace("</script>", f"{script}</script>")
    return re.sub(r"script-src 'sha256-[^']*'", "script-src 'unsafe-inline'", page)
