"""What is said of a corpus when it is published."""

from prox_assets.config.section import Section


class Publishing(Section):
    """Where the documents come from and under which licence the corpus may go on.

    `licence` is an identifier that dataset hubs know (`odc-by`, `cc-by-4.0`, `other`); `origin` and `notes`
    are sentences for the card. Without `dropped_text`, the dropped documents go without their text. `partial`
    publishes a domain of which some shards are not refined; the card names them.
    """

    title: str | None = None
    licence: str | None = None
    origin: str | None = None
    notes: str | None = None
    dropped_text: bool = True
    partial: bool = False
