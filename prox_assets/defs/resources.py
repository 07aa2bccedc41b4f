"""The catalogue and the store, as the resource that every asset asks for."""

from pathlib import Path
from typing import Any

import dagster as dg

from prox_assets.config import Catalogue, Domain
from prox_assets.config.loading import load_catalogue, require_paths
from prox_assets.documents.remote import ATTEMPTS
from prox_assets.documents.store import Store, open_store


class CatalogueResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The catalogue file of this deployment, read anew by each step so that an edit needs no restart."""

    path: str

    def load(self) -> Catalogue:
        """The validated catalogue."""
        return load_catalogue(Path(self.path))

    def domain(self, name: str) -> Domain:
        """One domain, after checking that the files it names are there."""
        catalogue = self.load()
        require_paths(catalogue, name)
        return catalogue.domain(name)

    def store(self) -> Store:
        """All files of the pipeline."""
        return store_of(self.load())


def store_of(catalogue: Catalogue) -> Store:
    """All files of a deployment's pipeline."""
    return open_store(catalogue.storage, team_client)


def team_client() -> Any:
    """A client of S3 for what a team shares; credentials and endpoint come from the environment."""
    from dagster_aws.s3 import S3Resource

    return S3Resource(max_attempts=ATTEMPTS).get_client()
