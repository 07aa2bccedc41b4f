"""Partitions: domains from the catalogue, shards as they are found."""

import dagster as dg

from prox_assets.catalogue import load_catalogue
from prox_assets.config import Catalogue
from prox_assets.documents.sources import ShardSource, list_shards
from prox_assets.errors import InputError

SHARDS = "shard"

domains = dg.StaticPartitionsDefinition(list(load_catalogue().domains))
shards = dg.DynamicPartitionsDefinition(name=SHARDS)
domain_shards = dg.MultiPartitionsDefinition({"domain": domains, "shard": shards})


def partition_key(domain: str, shard: str) -> dg.MultiPartitionKey:
    """The key of one shard of one domain."""
    return dg.MultiPartitionKey({"domain": domain, "shard": shard})


def found_shards(catalogue: Catalogue) -> dict[str, tuple[ShardSource, ...]]:
    """List the shards of every domain, as they are on disk now."""
    return {name: list_shards(domain.inputs) for name, domain in catalogue.domains.items()}


def source_of(catalogue: Catalogue, domain: str, shard: str) -> ShardSource:
    """The input of one shard.

    Raises:
        InputError: the domain has no such shard; names those it has.
    """
    sources = list_shards(catalogue.domain(domain).inputs)
    for source in sources:
        if source.name == shard:
            return source
    names = ", ".join(source.name for source in sources[:10])
    raise InputError(
        f"domain {domain} has no shard {shard!r}; it has {names}{'…' if len(sources) > 10 else ''}."
    )


def register_shards(instance: dg.DagsterInstance, catalogue: Catalogue) -> list[str]:
    """Make every shard on disk a partition; returns the new ones."""
    names = {source.name for sources in found_shards(catalogue).values() for source in sources}
    new = sorted(names - set(instance.get_dynamic_partitions(SHARDS)))
    if new:
        instance.add_dynamic_partitions(SHARDS, new)
    return new
