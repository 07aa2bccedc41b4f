"""The catalogue as a resource, and partitions: domains from it, shards as they are found."""

import warnings
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._utils.warnings import PreviewWarning

from prox_assets.config import Catalogue, Domain, Input
from prox_assets.config.loading import load_catalogue, require_paths
from prox_assets.documents.remote import ATTEMPTS
from prox_assets.documents.sources import Listing, ShardSource, is_unchanged, known_shards, list_shards
from prox_assets.documents.store import Store, open_store
from prox_assets.errors import InputError


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


SHARDS = "shard"

domains = dg.StaticPartitionsDefinition(list(load_catalogue().domains))
shards = dg.DynamicPartitionsDefinition(name=SHARDS)
domain_shards = dg.MultiPartitionsDefinition({"domain": domains, "shard": shards})


def partitioned_check(
    name: str,
    asset: str,
    description: str,
    partitions_def: dg.PartitionsDefinition[Any],
    blocking: bool = False,
) -> dg.AssetCheckSpec:
    """Declare a check that has a result for each partition of its asset.

    That is in preview in Dagster 1.13, and pinned with it.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PreviewWarning)
        return dg.AssetCheckSpec(
            name, asset=asset, description=description, blocking=blocking, partitions_def=partitions_def
        )


def partition_key(domain: str, shard: str) -> dg.MultiPartitionKey:
    """The key of one shard of one domain."""
    return dg.MultiPartitionKey({"domain": domain, "shard": shard})


def found_shards(catalogue: Catalogue) -> dict[str, tuple[ShardSource, ...]]:
    """List the shards of every domain, as they are now; groups that are not full are closed.

    Raises:
        InputError: a file cannot be read, or two shards of a domain have one name.
    """
    store = store_of(catalogue)
    return {
        name: list_shards(domain.inputs, store.group_log(name)) for name, domain in catalogue.domains.items()
    }


def shard_names(catalogue: Catalogue, domain: str) -> frozenset[str]:
    """The names of a domain's shards; files that are none hide no others."""
    return frozenset(source.name for source in _listing(catalogue, domain).shards)


def source_of(catalogue: Catalogue, domain: str, shard: str) -> ShardSource:
    """The input of one shard.

    Raises:
        InputError: the domain has no such shard; says why, or names those it has.
    """
    remembered = _remembered(catalogue, domain).get(shard)
    if remembered is not None and is_unchanged(remembered):
        return remembered
    _LISTED.pop((catalogue.storage, domain), None)
    listing = _listing(catalogue, domain)
    for source in listing.shards:
        if source.name == shard:
            return source
    for skipped in listing.skipped:
        if skipped.shard == shard:
            raise InputError(f"{skipped.place}: {skipped.detail}")
    raise InputError(f"domain {domain} has no shard {shard!r}; {_those_with(catalogue, domain, shard)}")


_LISTED: dict[tuple[Any, str], tuple[tuple[Input, ...], dict[str, ShardSource]]] = {}


def _remembered(catalogue: Catalogue, domain: str) -> dict[str, ShardSource]:
    """The sources of a domain as this process last listed them: a range of shards is one listing."""
    inputs = catalogue.domain(domain).inputs
    key = (catalogue.storage, domain)
    if key not in _LISTED or _LISTED[key][0] != inputs:
        _LISTED[key] = inputs, {source.name: source for source in _listing(catalogue, domain).shards}
    return _LISTED[key][1]


def _listing(catalogue: Catalogue, domain: str) -> Listing:
    return known_shards(catalogue.domain(domain).inputs, store_of(catalogue).group_log(domain))


def _those_with(catalogue: Catalogue, domain: str, shard: str) -> str:
    """Shard names are one dimension for all domains, so the UI offers pairs that are no shards."""
    others = [name for name in catalogue.domains if name != domain and shard in shard_names(catalogue, name)]
    if others:
        return f"that is a shard of {', '.join(others)}. Choose the partition {others[0]}|{shard} instead."
    names = sorted(shard_names(catalogue, domain))
    return f"it has {', '.join(names[:10])}{'…' if len(names) > 10 else ''}."


def register_shards(instance: dg.DagsterInstance, catalogue: Catalogue) -> list[str]:
    """Make every shard on disk a partition; returns the new ones."""
    names = {source.name for sources in found_shards(catalogue).values() for source in sources}
    new = sorted(names - set(instance.get_dynamic_partitions(SHARDS)))
    if new:
        instance.add_dynamic_partitions(SHARDS, new)
    return new
