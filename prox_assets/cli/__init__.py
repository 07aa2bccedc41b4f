"""The `prox` command, for those who want no orchestrator: the same functions as the assets."""

import argparse
import io
import math
import os
import select
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from prox_assets.config.inputs import local_path, location
from prox_assets.config.yaml_tree import CATALOGUE_VARIABLE
from prox_assets.errors import ProxError, UntrustedResultError, described, explanation, one_line, redact
from prox_assets.terminal import quiet_libraries

_DEBUG_HELP = "print the traceback of an error"
_LONGEST_REASON = 600
_INTERRUPTED, _CLOSED_PIPE = 130, 141  # 128 + SIGINT, 128 + SIGPIPE, as shells have it


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Exit status 0: all well. 1: an error, as one line on stderr that says what to do. 2: the command ran, and
    its results should not be used as they are; one line on stderr says why. 130: interrupted from the
    keyboard. `--debug`, or `PROX_DEBUG=1` in the environment, prints the traceback above that line.
    """
    quiet_libraries()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # names of files need not be UTF-8
    debug = os.environ.get("PROX_DEBUG", "") not in ("", "0")
    try:
        options = _parser().parse_args(arguments)
        debug = debug or options.debug
        status: int = options.run(options)
        sys.stdout.flush()
        return status
    except UntrustedResultError as error:
        return _fail(f"do not use this result as it is: {error}", debug, 2)
    except KeyboardInterrupt:
        return _fail(
            "interrupted; what is committed stays, and the same command goes on from there.",
            debug,
            _INTERRUPTED,
        )
    except BrokenPipeError as error:
        if _stdout_is_closed():
            return _CLOSED_PIPE
        return _fail(described(error), debug, 1)
    except Exception as error:  # noqa: BLE001 -- the boundary: whatever nobody expected is one line, too
        explained = explanation(error)
        if explained is None:
            reason = one_line(described(error), _LONGEST_REASON)
            explained = (
                f"unexpected error ({reason}); run again with --debug for the traceback, and report it."
            )
        return _fail(explained, debug, 1)


def _fail(message: str, debug: bool, status: int) -> int:
    """Print why a command failed, on one line; the traceback before it, where it is wanted."""
    if debug:
        print(redact(traceback.format_exc()), file=sys.stderr)
    print(f"prox: {one_line(message)}", file=sys.stderr)
    return status


def _stdout_is_closed() -> bool:
    """Tell whether the reader of stdout has gone, as `head` does; Python's last flush then goes nowhere."""
    try:
        descriptor = sys.stdout.fileno()
    except (OSError, ValueError):
        return False
    poll = select.poll()
    poll.register(descriptor, 0)
    if not any(event & select.POLLERR for _, event in poll.poll(0)):
        return False
    os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
    return True


class _Parser(argparse.ArgumentParser):
    """A parser whose usage errors are errors like all others: one line, exit status 1."""

    def error(self, message: str) -> NoReturn:
        raise ProxError(f"{message}; see {self.prog} --help.")


def _positive(text: str) -> int:
    """Parse a number of things: a whole number from 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return int(text)


def _finite(text: str) -> float:
    """Parse a number, which "nan" and "inf" are not."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise argparse.ArgumentTypeError(f"{text!r} is not a finite number")
    return number


def _column(text: str) -> str:
    """Parse the name of a column, which an unset variable of a shell is not."""
    if not text:
        raise argparse.ArgumentTypeError("write the name of a column")
    return text


def _path(text: str) -> Path:
    """Parse a path of this machine: neither empty, as an unset variable of a shell is, nor a URL."""
    try:
        return local_path(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _input_location(text: str) -> Path | str:
    try:
        return location(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="prox", description="Refine pre-training corpora by small programs.")
    parser.add_argument("--debug", action="store_true", help=_DEBUG_HELP)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_refine(_command(commands, "refine", "refine files, without an orchestrator"))
    _add_teach(_command(commands, "teach", "annotate seeds, or say what it would cost"))
    _add_estimate(_command(commands, "estimate", "what refining a domain will cost, from a sample"))
    _add_evaluate(_command(commands, "evaluate", "score refiners against labels"))
    _add_show(_command(commands, "show", "show a document before and after"))
    _add_labels(commands.add_parser("labels", help="labels that people make in the report"))
    _add_compare(_command(commands, "compare", "what one way of refining removes and another keeps"))
    _add_publish(_command(commands, "publish", "a refined corpus as a dataset, or verify one"))
    _add_status(_command(commands, "status", "which shards are done, missing or stale"))
    _add_backfill(_command(commands, "backfill", "have Dagster refine shards of a domain"))
    _add_sample(_command(commands, "sample", "write the embedded corpus"))
    return parser


def _command(commands: "argparse._SubParsersAction[Any]", name: str, text: str) -> argparse.ArgumentParser:
    """Add a command, which takes `--debug` after its name, too."""
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text)
    parser.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help=_DEBUG_HELP)
    return parser


def _add_refine(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "input",
        type=_input_location,
        metavar="INPUT",
        help="a file, a folder or a glob of Parquet or JSONL, here or at s3://bucket/…",
    )
    parser.add_argument("--output", type=_path, required=True, help="a folder for all stages")
    parser.add_argument("--catalogue", type=_path, help="a catalogue (default: PROX_CATALOGUE or the demo)")
    parser.add_argument("--domain", help="the catalogue's domain whose columns, refiners and limits are used")
    parser.add_argument("--doc-refiner", type=_path, help="a checkpoint folder, instead of the domain's")
    parser.add_argument("--chunk-refiner", type=_path, help="a checkpoint folder, instead of the domain's")
    parser.add_argument("--id-column", type=_column, default="id", help="where no --domain says it")
    parser.add_argument("--text-column", type=_column, default="text", help="where no --domain says it")
    parser.add_argument(
        "--when-unreliable",
        choices=("refuse", "keep_all", "use"),
        help="what to do with a refiner that is no better than keeping everything (default: the catalogue's)",
    )
    parser.set_defaults(run=_refine)


def _add_teach(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("domain", metavar="DOMAIN", help="the domain whose teacher and seeds are used")
    parser.add_argument("--catalogue", type=_path, help="a catalogue (default: PROX_CATALOGUE or the demo)")
    parser.add_argument("--input", type=_path, help="Parquet with doc_id and text, instead of the seeds")
    parser.add_argument("--output", type=_path, help="a folder for the annotations")
    parser.add_argument("--dry-run", action="store_true", help="print calls, tokens and money; ask nobody")
    parser.set_defaults(run=_teach)


def _add_estimate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "domain", metavar="DOMAIN", help="a domain whose raw documents and refiners are there"
    )
    parser.add_argument("--catalogue", type=_path, help="a catalogue (default: PROX_CATALOGUE or the demo)")
    parser.add_argument("--sample", type=_positive, default=64, help="documents to time (64)")
    parser.set_defaults(run=_estimate)


def _add_evaluate(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--labels", type=_path, metavar="FILE", help="line labels, Parquet: id, lines, is_noise[, ambiguous]")
    add(
        "--documents", type=_path, metavar="FILE", help="document labels, Parquet: id, keep and text or lines"
    )
    add("--keep-column", type=_column, default="keep", help="the column of document labels (keep)")
    add("--keep-at-least", type=_finite, help="the number from which on a document is to be kept")
    add("--chunk-refiner", type=_path, help="a checkpoint, its folder in the store, or that of the asset")
    add("--doc-refiner", type=_path, help="the same for documents")
    add("--domain", help="a domain: its current refiners, without the documents that they were trained on")
    add("--catalogue", type=_path, help="a catalogue (default: PROX_CATALOGUE or the demo)")
    add("--exclude", type=_path, metavar="FILE", help="Parquet with ids (doc_id or id) that must not count")
    add("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=_evaluate)


def _add_show(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", help="a document's id")
    parser.add_argument("--catalogue", type=_path, help="a catalogue (default: PROX_CATALOGUE or the demo)")
    parser.add_argument(
        "--output", type=_path, help="the folder of `prox refine`, instead of the catalogue's storage"
    )
    parser.set_defaults(run=_show)


def _add_labels(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    imported = _command(commands, "import", "make labels of verdicts exported from a report")
    imported.add_argument("file", type=_path, metavar="FILE", help="the exported JSON lines")
    imported.add_argument("--catalogue", type=_path, help="a catalogue (default: PROX_CATALOGUE or the demo)")
    imported.add_argument(
        "--output", type=_path, help="a folder (default: labels, in the domain's part of the storage)"
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
    parser.add_argument("--catalogue", type=_path, help="a catalogue (default: PROX_CATALOGUE or the demo)")
    parser.add_argument(
        "--output", type=_path, required=True, help="a folder for the page and the DuckDB file"
    )
    parser.set_defaults(run=_compare)


def _add_publish(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("domain", metavar="DOMAIN", nargs="?")
    parser.add_argument("--catalogue", type=_path, help="a catalogue (default: PROX_CATALOGUE or the demo)")
    parser.add_argument("--output", type=_path, help="a new folder")
    parser.add_argument(
        "--verify", type=_path, metavar="FOLDER", help="hold a published folder to its manifest"
    )
    parser.add_argument(
        "--partial", action="store_true", help="publish even if shards of the domain are not refined"
    )
    parser.set_defaults(run=_publish)


def _add_status(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--catalogue", type=_path, help="a catalogue (default: PROX_CATALOGUE or the demo)")
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
    parser.add_argument("--max-shards", type=_positive, help="at most so many, newest first")
    parser.add_argument("--dry-run", action="store_true", help="say what would be asked for")
    parser.add_argument("--catalogue", type=_path, help="a catalogue (default: PROX_CATALOGUE or the demo)")
    parser.set_defaults(run=_backfill)


def _add_sample(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=_path, metavar="FOLDER", help="where to write inputs and truth")
    parser.add_argument("--pages-per-shard", type=_positive, default=600)
    parser.set_defaults(run=_sample)


def _refine(options: argparse.Namespace) -> int:
    from prox_assets.cli.refine import refine_files

    return refine_files(options)


def _teach(options: argparse.Namespace) -> int:
    from prox_assets.cli.teach import teach
    from prox_assets.config.loading import load_catalogue
    from prox_assets.refiner.bases import require_bases

    require_bases(load_catalogue(options.catalogue).domain(options.domain).refiner)
    return teach(options)


def _estimate(options: argparse.Namespace) -> int:
    from prox_assets.cli.refine import print_estimate

    return print_estimate(options.catalogue, options.domain, options.sample)


def _evaluate(options: argparse.Namespace) -> int:
    from prox_assets.cli.evaluate import evaluate

    return evaluate(options)


def _show(options: argparse.Namespace) -> int:
    from prox_assets.cli.refine import show_document_of

    return show_document_of(options.id, options.catalogue, options.output)


def _import_labels(options: argparse.Namespace) -> int:
    from prox_assets.cli.review import import_labels

    return import_labels(options.file, options.catalogue, options.output)


def _compare(options: argparse.Namespace) -> int:
    from prox_assets.cli.review import compare_sides

    return compare_sides(options)


def _publish(options: argparse.Namespace) -> int:
    from prox_assets.cli.review import publish

    return publish(options.domain, options.catalogue, options.output, options.verify, options.partial)


def _status(options: argparse.Namespace) -> int:
    _deploy(options)
    from prox_assets.cli.deployment import print_status

    return print_status(options)


def _backfill(options: argparse.Namespace) -> int:
    _deploy(options)
    from prox_assets.cli.deployment import backfill

    return backfill(options)


def _deploy(options: argparse.Namespace) -> None:
    """Name the catalogue before the assets are imported: their partitions are the domains of it."""
    if options.catalogue:
        os.environ[CATALOGUE_VARIABLE] = str(options.catalogue)


def _sample(options: argparse.Namespace) -> int:
    from prox_assets.sample import write_sample

    files = write_sample(options.folder, pages_per_shard=options.pages_per_shard)
    for shard in files.shards:
        print(f"{shard.path}: {shard.rows} rows")
    return 0
