"""The `prox` command, for those who want no orchestrator: the same functions as the assets."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from prox_assets.config.locations import location
from prox_assets.errors import ProxError, UntrustedResultError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Exit status 0: all well. 1: an error, as one line on stderr that says what to do. 2: the command ran, and
    its results should not be used as they are; one line on stderr says why.
    """
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
    except UntrustedResultError as error:
        print(f"prox: do not use this result as it is: {error}", file=sys.stderr)
        return 2
    except ProxError as error:
        print(f"prox: {error}", file=sys.stderr)
        return 1
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="prox", description="Refine pre-training corpora by small programs."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_refine(commands.add_parser("refine", help="refine files, without an orchestrator"))
    _add_teach(commands.add_parser("teach", help="annotate seeds, or say what it would cost"))
    _add_estimate(commands.add_parser("estimate", help="what refining a domain will cost, from a sample"))
    _add_evaluate(commands.add_parser("evaluate", help="score a chunk refiner against line labels"))
    _add_show(commands.add_parser("show", help="show a document before and after"))
    _add_labels(commands.add_parser("labels", help="labels that people make in the report"))
    _add_compare(commands.add_parser("compare", help="what one way of refining removes and another keeps"))
    _add_publish(commands.add_parser("publish", help="a refined corpus as a dataset, or verify one"))
    _add_status(commands.add_parser("status", help="which shards are done, missing or stale"))
    _add_backfill(commands.add_parser("backfill", help="have Dagster refine shards of a domain"))
    _add_sample(commands.add_parser("sample", help="write the embedded corpus"))
    return parser


def _add_refine(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "input",
        type=location,
        metavar="INPUT",
        help="a file, a folder or a glob of Parquet or JSONL, here or at s3://bucket/…",
    )
    parser.add_argument("--output", type=Path, required=True, help="a folder for all stages")
    parser.add_argument("--catalogue", type=Path, help="a catalogue (default: PROX_CATALOGUE or the demo)")
    parser.add_argument("--domain", help="the catalogue's domain whose columns, refiners and limits are used")
    parser.add_argument("--doc-refiner", type=Path, help="a checkpoint folder, instead of the domain's")
    parser.add_argument("--chunk-refiner", type=Path, help="a checkpoint folder, instead of the domain's")
    parser.add_argument("--id-column", default="id", help="where no --domain says it")
    parser.add_argument("--text-column", default="text", help="where no --domain says it")
    parser.set_defaults(run=_refine)


def _add_teach(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("domain", metavar="DOMAIN", help="the domain whose teacher and seeds are used")
    parser.add_argument("--catalogue", type=Path, help="a catalogue (default: PROX_CATALOGUE or the demo)")
    parser.add_argument("--input", type=Path, help="Parquet with doc_id and text, instead of the seeds")
    parser.add_argument("--output", type=Path, help="a folder for the annotations")
    parser.add_argument("--dry-run", action="store_true", help="print calls, tokens and money; ask nobody")
    parser.set_defaults(run=_teach)


def _add_estimate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "domain", metavar="DOMAIN", help="a domain whose raw documents and refiners are there"
    )
    parser.add_argument("--catalogue", type=Path, help="a catalogue (default: PROX_CATALOGUE or the demo)")
    parser.add_argument("--sample", type=int, default=64, help="documents to time (64)")
    parser.set_defaults(run=_estimate)


def _add_evaluate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--labels", type=Path, required=True, help="Parquet: id, lines, is_noise[, ambiguous]"
    )
    parser.add_argument("--chunk-refiner", type=Path, required=True, help="a checkpoint folder")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=_evaluate)


def _add_show(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", help="a document's id")
    parser.add_argument("--catalogue", type=Path, help="a catalogue (default: PROX_CATALOGUE or the demo)")
    parser.add_argument(
        "--output", type=Path, help="the folder of `prox refine`, instead of the catalogue's storage"
    )
    parser.set_defaults(run=_show)


def _add_labels(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    imported = commands.add_parser("import", help="make labels of verdicts exported from a report")
    imported.add_argument("file", type=Path, metavar="FILE", help="the exported JSON lines")
    imported.add_argument("--catalogue", type=Path, help="a catalogue (default: PROX_CATALOGUE or the demo)")
    imported.add_argument(
        "--output", type=Path, help="a folder (default: labels, in the domain's part of the storage)"
    )
    imported.set_defaults(run=_import_labels)


def _add_compare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("domain", metavar="DOMAIN")
    parser.add_argument("shard", metavar="SHARD")
    for side in ("left", "right"):
        parser.add_argument(
            side,
            metavar=side.upper(),
            help="current, a run's fingerprint, another storage, or thresholds such as keep=0.5,line=0.4",
        )
    parser.add_argument("--catalogue", type=Path, help="a catalogue (default: PROX_CATALOGUE or the demo)")
    parser.add_argument(
        "--output", type=Path, required=True, help="a folder for the page and the DuckDB file"
    )
    parser.set_defaults(run=_compare)


def _add_publish(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("domain", metavar="DOMAIN", nargs="?")
    parser.add_argument("--catalogue", type=Path, help="a catalogue (default: PROX_CATALOGUE or the demo)")
    parser.add_argument("--output", type=Path, help="a new folder")
    parser.add_argument(
        "--verify", type=Path, metavar="FOLDER", help="hold a published folder to its manifest"
    )
    parser.add_argument(
        "--partial", action="store_true", help="publish even if shards of the domain are not refined"
    )
    parser.set_defaults(run=_publish)


def _add_status(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--catalogue", type=Path, help="a catalogue (default: PROX_CATALOGUE or the demo)")
    parser.set_defaults(run=_status)


def _add_backfill(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("domain", metavar="DOMAIN")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--missing", action="store_true", help="shards read and not refined (default)")
    which.add_argument(
        "--stale", action="store_true", help="shards refined with other refiners or thresholds"
    )
    which.add_argument("--shards", metavar="A,B", help="these")
    which.add_argument("--all", action="store_true", help="all; what is up to date costs only its checks")
    parser.add_argument("--max-shards", type=int, help="at most so many, newest first")
    parser.add_argument("--dry-run", action="store_true", help="say what would be asked for")
    parser.add_argument("--catalogue", type=Path, help="a catalogue (default: PROX_CATALOGUE or the demo)")
    parser.set_defaults(run=_backfill)


def _add_sample(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="where to write inputs and truth")
    parser.add_argument("--pages-per-shard", type=int, default=600)
    parser.set_defaults(run=_sample)


def _refine(options: argparse.Namespace) -> int:
    from prox_assets.refining.command import refine_files

    return refine_files(options)


def _teach(options: argparse.Namespace) -> int:
    from prox_assets.teacher.command import teach

    return teach(options)


def _estimate(options: argparse.Namespace) -> int:
    from prox_assets.refining.command import print_estimate

    return print_estimate(options.catalogue, options.domain, options.sample)


def _evaluate(options: argparse.Namespace) -> int:
    from prox_assets.refining.command import evaluate_labels

    return evaluate_labels(options.labels, options.chunk_refiner, options.json)


def _show(options: argparse.Namespace) -> int:
    from prox_assets.refining.command import show_document_of

    return show_document_of(options.id, options.catalogue, options.output)


def _import_labels(options: argparse.Namespace) -> int:
    from prox_assets.review.command import import_labels

    return import_labels(options.file, options.catalogue, options.output)


def _compare(options: argparse.Namespace) -> int:
    from prox_assets.review.command import compare_sides

    return compare_sides(options)


def _publish(options: argparse.Namespace) -> int:
    from prox_assets.publishing.command import publish

    return publish(options.domain, options.catalogue, options.output, options.verify, options.partial)


def _status(options: argparse.Namespace) -> int:
    from prox_assets.defs.command import print_status

    return print_status(options)


def _backfill(options: argparse.Namespace) -> int:
    from prox_assets.defs.command import backfill

    return backfill(options)


def _sample(options: argparse.Namespace) -> int:
    from prox_assets.sample import write_sample

    files = write_sample(options.folder, pages_per_shard=options.pages_per_shard)
    for shard in files.shards:
        print(f"{shard.path}: {shard.rows} rows")
    return 0


if __name__ == "__main__":
    sys.exit(main())
