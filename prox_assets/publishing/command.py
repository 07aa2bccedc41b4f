"""What `prox publish` does."""

from pathlib import Path

from prox_assets.config.loading import load_catalogue
from prox_assets.documents.store import open_store
from prox_assets.errors import CatalogueError
from prox_assets.publishing.corpus import Corpus
from prox_assets.publishing.files import verify


def publish(
    domain: str | None, catalogue: Path | None, output: Path | None, verified: Path | None, partial: bool
) -> int:
    """Verify a published corpus, or publish a domain into a new folder."""
    if verified is not None:
        print(f"{verified}: {verify(verified)} files are as they were published.")
        return 0
    if domain is None or output is None:
        raise CatalogueError("give a DOMAIN and --output FOLDER, or --verify FOLDER.")
    settings = load_catalogue(catalogue)
    corpus = Corpus.of(open_store(settings.storage), domain, settings.domain(domain), partial)
    corpus.publish_to(output)
    print(f"{output}: {verify(output)} files of {len(corpus.shards)} shards. {corpus.completeness}")
    return 0
