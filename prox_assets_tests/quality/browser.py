"""A headless Chromium, where the machine has one."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")

_FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run")
_QUIET = ("--disable-background-networking", "--disable-component-update", "--disable-sync")


def dom_of(page: Path, *more: str) -> str:
    """The page's elements after its script ran."""
    assert CHROMIUM is not None
    profile = f"--user-data-dir={page.parent / 'profile'}"
    command = [CHROMIUM, *_FLAGS, *_QUIET, profile, *more, "--dump-dom", page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout


def probed(page: str, script: str) -> str:
    """The page with a script of the test after its own, allowed to run."""
    page = page.replace("</script>", f"{script}</script>")
    return re.sub(r"script-src 'sha256-[^']*'", "script-src 'unsafe-inline'", page)
