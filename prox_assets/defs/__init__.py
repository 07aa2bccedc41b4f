"""All that imports dagster: assets, checks, partitions, automation, resources."""
