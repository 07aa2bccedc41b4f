"""What a person does in the Dagster UI, by clicks in a headless Chromium."""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from playwright.sync_api import Locator, Page, expect, sync_playwright

_PATIENCE_MS = 240_000
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
_RESULT = re.compile("^(Passed|Failed|Warning)$")
SCREENSHOTS = "PROX_SCREENSHOTS"


@dataclass(frozen=True, slots=True)
class Person:
    """Someone at a browser; where PROX_SCREENSHOTS names a folder, what they see is saved there."""

    page: Page
    url: str

    def look(self, name: str) -> None:
        """Save what is seen."""
        folder = os.environ.get(SCREENSHOTS)
        if folder:
            self.page.wait_for_timeout(2000)
            self.page.screenshot(path=Path(folder) / f"{name}.png")

    def open(self, path: str) -> None:
        """Go to a page of the UI."""
        self.page.goto(self.url + path, wait_until="domcontentloaded")

    def open_partition(self, asset: str, partition: str) -> None:
        """Go to one partition of an asset."""
        self.open(f"/assets/{asset}?view=partitions&partition={quote(partition, safe='')}")
        expect(self.page.get_by_text(partition, exact=True).first).to_be_visible()

    def materialize(
        self, asset: str, partition: str, more_shards: Sequence[str] = (), seen: str = ""
    ) -> None:
        """Click Materialize on a partition's page, tick further shards in the dialogue, and launch."""
        self.open_partition(asset, partition)
        self.page.get_by_role("button", name="Materialize").first.click()
        expect(self._launch_button()).to_be_enabled()
        if more_shards:
            self.page.get_by_label("expand_more").last.click()
            for shard in more_shards:
                self.page.locator("label").filter(has_text=shard).last.click()
            self.page.get_by_text("Partition selection").click()
            total = f"{1 + len(more_shards)} partitions"
            expect(self.page.get_by_text(total, exact=True)).to_be_visible()
        if seen:
            self.look(seen)
        self._launch_button().click()
        expect(self._launch_button()).to_have_count(0)

    def open_check(self, asset: str, check: str) -> str:
        """Go to a check of an asset; its latest result there, once it has one."""
        self.open(f"/assets/{asset}?view=checks&checkDetail={check}")
        result = self.page.get_by_text(_RESULT)
        expect(result.first).to_be_visible()
        return result.first.inner_text()

    def _launch_button(self) -> Locator:
        return self.page.get_by_role("button", name=re.compile("^Launch (backfill|[0-9]+)"))


@contextmanager
def person_at(url: str, chromium: str) -> Iterator[Person]:
    """Someone who opens a browser and closes it in the end."""
    with sync_playwright() as player:
        browser = player.chromium.launch(executable_path=chromium, args=_FLAGS)
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.set_default_timeout(_PATIENCE_MS)
        expect.set_options(timeout=_PATIENCE_MS)
        try:
            yield Person(page, url)
        finally:
            browser.close()
