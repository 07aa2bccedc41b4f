"""A catalogue is loaded, or refused with one line that says what is wrong, where, and what to write."""

import json
import re
import time
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
import yaml
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from prox_assets.config import (
    Catalogue,
    Nightly,
    RefinerOf,
    embedded_catalogue,
)
from prox_assets.config.loading import load_catalogue, require_paths
from prox_assets.config.yaml_tree import MAX_BYTES
from prox_assets.errors import CatalogueError

GOOD = """\
storage: ./store
profile: small
profiles:
  small: {batch_tokens: 1024}
  large: {batch_tokens: 65536, device: cuda}
domains:
  web:
    inputs:
      - path: pages
        columns: {doc_id: key, text: body, metadata: [site]}
    teacher: {kind: rules}
"""
CASES = Path(__file__).parents[2] / "shared" / "cases" / "odd"
SECRET = "Tr0ub4dor-and-3-planted"
OTHERS_WORDS = re.compile(
    r"[Ii]nput should|Input tag|[Ii]nvalid|Field required|[Uu]nable to|pydantic|validation error|another type"
)


def _write(folder: Path, text: str) -> Path:
    file = folder / "catalogue.yaml"
    file.write_text(text)
    return file


def _refusal(file: Path) -> str:
    with pytest.raises(CatalogueError) as raised:
        load_catalogue(file)
    message = str(raised.value)
    assert "\n" not in message
    assert raised.value.__cause__ is None and raised.value.__context__ is None
    return message.removeprefix(f"{file}, ")


def test_paths_become_absolute_beside_the_file(tmp_path: Path) -> None:
    catalogue = load_catalogue(_write(tmp_path, GOOD))
    assert catalogue.storage.local == tmp_path / "store"
    assert catalogue.domain("web").inputs[0].path == tmp_path / "pages"


def test_the_current_folder_decides_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "models" / "base").mkdir(parents=True)
    (tmp_path / "elsewhere" / "org" / "model").mkdir(parents=True)
    recipes = "refiner: {document: {base: models/base}, chunk: {base: org/model}}"
    generative = "refiner: {kind: generative, document: {base: ./absent}, chunk: {checkpoint: ../x}}"
    text = (
        GOOD
        + "    "
        + recipes
        + "\n"
        + GOOD[GOOD.index("  web:") :].replace("web", "math")
        + "    "
        + generative
    )
    file = _write(tmp_path, text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PROX_CATALOGUE", "catalogue.yaml")
    here = load_catalogue()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert load_catalogue(file) == here
    web, math = here.domain("web").refiner, here.domain("math").refiner
    assert (web.document.base, web.chunk.base) == (str(tmp_path / "models/base"), "org/model")
    assert math.kind == "generative"
    assert (math.document.base, math.chunk.checkpoint) == (str(tmp_path / "absent"), str(tmp_path / "../x"))


def test_the_home_is_beside_the_instance_wherever_a_command_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = _write(tmp_path, GOOD.replace("./store", "${PROX_HOME}/store"))
    monkeypatch.delenv("PROX_HOME")
    monkeypatch.setenv("DAGSTER_HOME", "/deployment")
    assert load_catalogue(file).storage.local == Path("/deployment/.prox/store")
    monkeypatch.delenv("DAGSTER_HOME")
    monkeypatch.chdir(tmp_path)
    assert load_catalogue(file).storage.local == tmp_path / ".prox" / "store"
    monkeypatch.setenv("PROX_HOME", "relative")
    with pytest.raises(CatalogueError, match="PROX_HOME is a relative path"):
        load_catalogue(file)


def test_the_profile_is_chosen_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = _write(tmp_path, GOOD)
    assert load_catalogue(file).inference.batch_tokens == 1024
    monkeypatch.setenv("PROX_PROFILE", "large")
    assert load_catalogue(file).inference.batch_tokens == 65536
    monkeypatch.setenv("PROX_PROFILE", "huge")
    with pytest.raises(
        CatalogueError, match=r"PROX_PROFILE is none of the catalogue's profiles: small, large\."
    ):
        load_catalogue(file)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "columns:",
            "colums:",
            "line 10, key domains.web.inputs.0.colums: unknown key; did you mean columns?",
        ),
        (
            "columns:",
            "elsewhere:",
            "line 10, key domains.web.inputs.0: an unknown key stands here; use columns, ",
        ),
        (
            "text: body",
            "text: 3",
            "line 10, key domains.web.inputs.0.columns.text: write a text; one that looks",
        ),
        (
            "text: body",
            "text: ''",
            "line 10, key domains.web.inputs.0.columns.text: write a text that is not empty.",
        ),
        ("1024", "none", "line 4, key profiles.small.batch_tokens: write a whole number."),
        ("1024", "-1", "line 4, key profiles.small.batch_tokens: write a number above 0."),
        ("1024", "1.5", "line 4, key profiles.small.batch_tokens: write a whole number."),
        ("1024", "true", "line 4, key profiles.small.batch_tokens: write a number, not true or false."),
        ("1024", "9" * 30, "line 4, key profiles.small.batch_tokens: write a number of at most 18 digits."),
        (
            "device: cuda",
            "device: cdua",
            "line 5, key profiles.large.device: did you mean cuda? write one of auto, ",
        ),
        ("device: cuda", "compile: maybe", "line 5, key profiles.large.compile: write true or false."),
        (
            "kind: rules",
            "kind: ruels",
            "line 11, key domains.web.teacher.kind: did you mean rules? write one of rules",
        ),
        ("{kind: rules}", "{}", "line 11, key domains.web.teacher.kind: this key is missing; add it."),
        (
            "{kind: rules}",
            "",
            "line 11, key domains.web.teacher: it has no value; write a mapping, its kind one of ",
        ),
        (
            "{kind: rules}",
            "{kind: llm}",
            "line 11, key domains.web.teacher.model: this key is missing; add it.",
        ),
        ("storage: ./store\n", "", "line 1, key storage: this key is missing; add it."),
        (
            "storage: ./store",
            "storage: 3",
            "line 1, key storage: write a folder, or a mapping with the keys local",
        ),
        ("profile: small", "profile: huge", "line 2, key profile: write one of profiles: small, large."),
        ("  web:", "  we|b:", "line 7, key domains: use letters, digits and _ only"),
        (
            "  web:",
            "  web: &w {inputs: [{path: x}], teacher: {kind: rules}}\n  WEB: *w\n  x:",
            "another domain differs",
        ),
        (
            "- path: pages",
            "- {}\n      - path: pages",
            "line 9, key domains.web.inputs.0: give either path or manifest.",
        ),
    ],
)
def test_a_mistake_is_answered_with_line_key_and_remedy(
    tmp_path: Path, old: str, new: str, expected: str
) -> None:
    assert expected in _refusal(_write(tmp_path, GOOD.replace(old, new, 1)))


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("thresholds: {keep: 7}", "thresholds.keep: write a number of at most 1.0."),
        ("thresholds: {line: .nan}", "thresholds.line: write a finite number."),
        ("thresholds: {span: -.inf}", "thresholds.span: write a finite number."),
        (
            "checks: {doc_keep_ratio: [0.9, 0.1]}",
            "checks.doc_keep_ratio: write the lower bound first: [low, high].",
        ),
        (
            "checks: {doc_keep_ratio: [0.1]}",
            "checks.doc_keep_ratio.1: a value of this list is missing; add it.",
        ),
        ("checks: {doc_keep_ratio: [0.1, 0.2, 0.3]}", "checks.doc_keep_ratio: write 2 values at most."),
        (
            "refiner: {chunk: {window: 64, overlap: 32}}",
            "refiner.chunk.overlap: write less than half of window, which",
        ),
        ("refiner: {document: {base: 3}}", "refiner.document.base: write a text"),
        (
            "refiner: {document: {base: {domain: wbe}}}",
            "refiner.document.base.domain: write another domain: web.",
        ),
        ("refiner: {document: {base: {domain: web}}}", "base.domain: this refiner would be made from itself"),
        (
            "refiner: {chunk: {architecture: {hidden: 30}}}",
            "chunk.architecture.hidden: write a multiple of twice heads",
        ),
        ("refiner: {chunk: {training: {class_weights: [0, 1]}}}", "class_weights.0: write a number above 0"),
        (
            "refiner: {chunk: {training: {hidden_share: 0.99}}}",
            "training.hidden_share: hidden_share and swapped_share together",
        ),
        (
            "seeds: {holdout: {by: metadata., fraction: 0.1}}",
            "seeds.holdout.by: use url_host, source, doc_id or",
        ),
        ("seeds: {holdout: {by: url_host, fraction: 1.0}}", "seeds.holdout.fraction: write a number below 1"),
        ("seeds: {floor: 5}", "seeds.floor: only quota: proportional has a floor"),
        ("pretraining: {seeds: []}", "pretraining.seeds: write at least 1 here."),
        (
            "evaluation: {labels: s3://bucket/labels.parquet}",
            "evaluation.labels: write a path of this machine",
        ),
        ("evaluation: {labels: ~nobody-here/x}", "evaluation.labels: there is no such home folder"),
        ('publishing: {title: "a\\0b"}', "publishing.title: this text holds a NUL or half a surrogate pair"),
    ],
)
def test_values_that_cannot_be_meant_are_refused(tmp_path: Path, setting: str, expected: str) -> None:
    message = _refusal(_write(tmp_path, f"{GOOD}    {setting}\n"))
    assert message.startswith("line 12, key domains.web.")
    assert expected in message


@pytest.mark.parametrize(
    ("storage", "expected"),
    [
        (
            "s3://bucket/prefix",
            "key storage: S3 is shared by way of a folder here: write storage: {local: FOLDER, remote",
        ),
        ("{local: s3://bucket/prefix}", "key storage.local: S3 is shared by way of a folder here"),
        ("gs://bucket/x", "key storage: write a path of this machine, without a scheme"),
        ("file:///data", "key storage: write a path of this machine, without a scheme"),
        ("hdfs://host/x", "key storage: write a path of this machine, without a scheme"),
        (
            "{local: x, remote: gs://bucket}",
            "key storage.remote: write s3://bucket/prefix; S3 is the only remote",
        ),
        ("{local: x, remote: 's3:///x'}", "key storage.remote: a bucket is missing after s3://"),
        ("''", "key storage: write a path"),
        ("[a]", "key storage: write a folder, or a mapping"),
        ("{locl: x}", "key storage.locl: unknown key; did you mean local?"),
        ("/etc/passwd", "key storage: this is a file; write a folder."),
    ],
)
def test_storage_is_a_folder_here(tmp_path: Path, storage: str, expected: str) -> None:
    message = _refusal(_write(tmp_path, GOOD.replace("./store", storage, 1)))
    assert message.startswith("line 1, ")
    assert expected in message


def test_all_mistakes_of_a_file_are_counted_with_their_lines(tmp_path: Path) -> None:
    text = GOOD.replace("1024", "none").replace("doc_id: key", "doc_id: 3").replace("kind: rules", "kind: x")
    assert _refusal(_write(tmp_path, text)).endswith("(2 more, in line 10, 11.)")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "line 1: the file is empty; a catalogue is a mapping with the keys storage and domains."),
        ("# a comment\n", "line 1: the file is empty"),
        ("~\n", "line 1: the file is empty"),
        ("- a\n", "line 1: this is no mapping"),
        ("text\n", "line 1: this is no mapping"),
        ("storage: [", "line 2: this is not YAML ("),
        (
            "a: {path: ${ROOT}/x}",
            "line 1: this is not YAML (did not find expected ',' or '}'); inside of { } and [ ], ",
        ),
        ("%YAML 9.9\n---\nstorage: x\n", "line 1: this is not YAML ("),
        (GOOD + "---\nx: 1\n", "line 12: a second document starts here"),
        (GOOD.replace("kind: rules", "<<: 3"), "line 11, key domains.web.teacher: << takes a mapping"),
        (GOOD.replace("web:", "2024:"), "line 7, key domains: a key here is no text; put numbers"),
        (GOOD.replace("web:", "true:"), "line 7, key domains: a key here is no text"),
        (GOOD.replace("web:", "~:"), "line 7, key domains: a key here is no text"),
        (GOOD + "? [a, b]\n: c\n", "line 12: a key here is no text"),
        (
            GOOD + "profile: large\n",
            "line 12, key profile: this key stands in line 2 too; remove one of the two.",
        ),
        (
            GOOD + "    teacher: {kind: rules}\n",
            "line 12, key domains.web.teacher: this key stands in line 11 too",
        ),
        (
            GOOD + "    seeds: {size: 1, size: 2}\n",
            "line 12, key domains.web.seeds.size: this key stands in line 12 too",
        ),
        (GOOD.replace("./store", "!!python/name:os.system"), "line 1, key storage: tags (!…) are not read"),
        (GOOD.replace("./store", "!foo x"), "line 1, key storage: tags (!…) are not read"),
        (GOOD.replace("./store", "*nowhere"), "line 1, key storage: this alias (*…) has no anchor"),
        ("storage: x\ndomains: &a {d: *a}\n", "line 2, key domains.d: this alias (*…) stands in"),
        (
            GOOD.replace("./store", '"\\ud800"'),
            "line 1: this is not YAML (found invalid Unicode",
        ),
        (GOOD.replace("./store", "a\x01b"), "line 1: this is not YAML"),
    ],
)
def test_a_file_that_is_no_plain_yaml_is_refused(tmp_path: Path, text: str, expected: str) -> None:
    assert expected in _refusal(_write(tmp_path, text))


def test_other_encodings_are_refused_and_a_byte_order_mark_is_none(tmp_path: Path) -> None:
    file = tmp_path / "catalogue.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + GOOD.encode())
    load_catalogue(file)
    for data in (
        GOOD.encode().replace(b"body", b"k\xf6rper"),
        GOOD.replace("body", "k\u00f6rper").encode("utf-16"),
    ):
        file.write_bytes(data)
        assert "the file is not UTF-8; save it in that encoding." in _refusal(file)


def test_a_missing_file_says_how_to_name_another(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="set PROX_CATALOGUE"):
        load_catalogue(tmp_path / "absent.yaml")


def test_anchors_aliases_and_merge_keys_work(tmp_path: Path) -> None:
    text = (
        GOOD
        + """\
    refiner:
      document: {window: 256, training: &training {epochs: 7, seed: 3}}
      chunk: &chunk {window: 256, training: {<<: *training, seed: 4}}
  math:
    inputs: [{path: no}]
    teacher: {kind: rules}
    refiner: {chunk: *chunk}
"""
    )
    catalogue = load_catalogue(_write(tmp_path, text))
    assert (
        catalogue.domain("web").refiner.chunk.training.epochs,
        catalogue.domain("math").refiner.chunk.training.seed,
    ) == (7, 4)
    assert catalogue.domain("math").inputs[0].path == tmp_path / "no"


@pytest.mark.parametrize(
    "text",
    [
        "".join(
            f"{a}: &{a} [{','.join([f'*{b}'] * 9)}]\n" for a, b in zip("bcdefghi", "abcdefgh", strict=True)
        ),
        "".join(
            f"{a}: &{a} {{x: *{b}, y: *{b}}}\n"
            for a, b in zip([f"k{n}" for n in range(1, 99)], [f"k{n}" for n in range(98)], strict=True)
        ),
        "x: " + "[" * 3_000 + "]" * 3_000,
        "x: " + "{a: " * 3_000 + "}" * 3_000,
        "x: [" + "y," * (MAX_BYTES // 2 - 10) + "]",
        "x: [" + "'${A:-" * 90_000 + "']",
        "x: " + "y" * MAX_BYTES,
        "? " * 3_000,
        "- " * 3_000,
        "x: '" + "${A:-" * 100_000 + "}" * 100_000 + "'",
    ],
)
def test_the_work_on_a_file_is_bounded(tmp_path: Path, text: str) -> None:
    file = _write(tmp_path, text if text[0] in "?-x" else f"a: &a [x,x,x]\nk0: &k0 1\n{text}")
    start = time.perf_counter()
    _refusal(file)
    assert time.perf_counter() - start < 5.0


def test_references_to_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UNSET", raising=False)
    monkeypatch.setenv("DATA", "/data")
    monkeypatch.setenv("EMPTY", "")
    monkeypatch.setenv("LOOP", "${DATA}")

    def storage(text: str) -> str:
        return str(load_catalogue(_write(tmp_path, GOOD.replace("./store", f"'{text}'"))).storage.local)

    assert storage("${DATA}/x") == "/data/x"
    assert storage("${UNSET:-/a}/${DATA:-b}") == "/a//data".replace("//", "/")
    assert storage("${UNSET:-${DATA}/y}") == storage("${EMPTY:-${UNSET:-/data}}/y") == "/data/y"
    assert storage("/x/${LOOP}") == "/x/${DATA}"  # what the environment holds is not read again
    for text, expected in [
        ("${UNSET}", "the variable UNSET is not set; export UNSET, or write ${UNSET:-default}"),
        ("${NOT-SET}", "write ${NAME} or ${NAME:-default}"),
        ("${}", "write ${NAME} or ${NAME:-default}"),
        ("${DATA", "${ has no closing brace"),
        ("${MY_API_KEY}", "MY_API_KEY is a secret by its name, and no key takes one"),
        ("${UNSET:-${AWS_SECRET_ACCESS_KEY}}", "AWS_SECRET_ACCESS_KEY is a secret by its name"),
    ]:
        with pytest.raises(CatalogueError) as raised:
            storage(text)
        assert f"line 1, key storage: {expected}" in str(raised.value)


def _leaves(annotation: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The path of every key of the catalogue, the sections of every kind included."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        for name, field in annotation.model_fields.items():
            yield (*path, name)
            yield from _leaves(field.annotation, (*path, name))
    elif get_origin(annotation) is dict:
        yield from _leaves(get_args(annotation)[1], (*path, "web"))
    elif get_origin(annotation) is tuple:
        yield from _leaves(get_args(annotation)[0], (*path, 0))
    else:
        for argument in get_args(annotation):
            if (
                isinstance(argument, type)
                and issubclass(argument, BaseModel)
                and "kind" in argument.model_fields
            ):
                kind = get_args(argument.model_fields["kind"].annotation)[0]
                yield from _leaves(argument, (*path, f"kind={kind}"))
            elif argument is not RefinerOf:
                yield from _leaves(argument, path)


_GOOD_VALUES = yaml.safe_load(GOOD)


def _with(path: tuple[str | int, ...], value: Any) -> dict[str, Any]:
    """The good catalogue with one value replaced."""
    catalogue: Any = deepcopy(_GOOD_VALUES)
    catalogue["profiles"]["web"] = {}
    node: Any = catalogue
    for part, following in zip(path, [*path[1:], None], strict=True):
        if isinstance(part, str) and part.startswith("kind="):
            node["kind"] = part.removeprefix("kind=")
        elif following is None:
            node[part] = value
        elif isinstance(part, int):
            node = node[part]
        else:
            inside: Any = [{}] if isinstance(following, int) else {}
            if not isinstance(node.get(part), type(inside)):
                node[part] = inside
            node = node[part]
    return catalogue  # type: ignore[no-any-return]


PATHS = sorted({path for path in _leaves(Catalogue) if not isinstance(path[-1], int)}, key=str)


@pytest.mark.parametrize("value", [SECRET, [SECRET], {SECRET: [SECRET]}, None, -10.5])
def test_wrong_types_are_answered_in_our_words_and_never_repeated(tmp_path: Path, value: Any) -> None:
    """Every key of the catalogue is given every type of value."""
    assert len(PATHS) > 150
    refused = 0
    for path in PATHS:
        file = _write(tmp_path, json.dumps(_with(path, value), indent=1))
        try:
            load_catalogue(file)
        except CatalogueError as error:
            message = str(error)
            refused += 1
            assert SECRET not in message and "\n" not in message, (path, message)
            assert re.match(r", line \d+(, key [a-z0-9_.]+)?: ", message.removeprefix(str(file))), (
                path,
                message,
            )
            assert not OTHERS_WORDS.search(message.removeprefix(str(file))), (path, message)
    assert refused > len(PATHS) // 3


@pytest.mark.parametrize(
    ("teacher", "line_end"),
    [
        (
            "base_url: http://user:Tr0ub4dor-and-3-planted@host/v1",
            "this holds credentials in a URL; take it out",
        ),
        ("base_url: 'http://Tr0ub4dor-and-3-planted@host/v1'", "this holds credentials in a URL"),
        ("base_url: 'https://host/v1?api-key=Tr0ub4dor-and-3-planted'", "this holds a secret parameter"),
        ("base_url: 'https://host/v1?v=Tr0ub4dor-and-3-planted'", "an address has neither ? nor #"),
        ("base_url: ftp://Tr0ub4dor-and-3-planted/v1", "write an address such as http://localhost:8000/v1"),
        ("base_url: Tr0ub4dor-and-3-planted", "write an address such as"),
        ("base_url: 'http://[Tr0ub4dor-and-3-planted'", "write an address such as"),
        ("base_url: http://host:Tr0ub4dor-and-3-planted", "write an address such as"),
        (
            "{base_url: http://x, api_key_env: Tr0ub4dor-and-3-planted}",
            "write the name of an environment variable",
        ),
        (
            "{base_url: http://x, api_key_env: A1B2C3D4E5F6A7B8C9D0}",
            "write the name of an environment variable",
        ),
        ("{base_url: http://x, api_key_env: AKIAIOSFODNN7EXAMPLE}", "this holds an AWS access key"),
        ("{base_url: http://x, api_key: Tr0ub4dor-and-3-planted}", "unknown key; did you mean api_key_env?"),
        ("{checkpoint: x, api_key_env: A_KEY}", "a checkpoint in process takes no key; remove it"),
    ],
)
def test_secrets_have_no_place_in_a_teacher(tmp_path: Path, teacher: str, line_end: str) -> None:
    settings = (
        yaml.safe_load(teacher) if teacher[0] == "{" else dict([teacher.replace("'", "").split(": ", 1)])
    )
    text = GOOD.replace(
        "{kind: rules}",
        yaml.safe_dump({"kind": "llm", "model": "m", **settings}, default_flow_style=True, width=999).strip(),
    )
    message = _refusal(_write(tmp_path, text))
    assert message.startswith("line 11, key domains.web.teacher") and line_end in message
    assert not re.search("planted|A1B2C3|AKIA", message)


@pytest.mark.parametrize(
    "where",
    ["storage: {local: x, remote: 's3://AKIA:SE/CRET@bucket/x'}", "storage: 's3://AKIA:SECRET@bucket'"],
)
@pytest.mark.parametrize("key", ["path", "manifest"])
def test_credentials_in_locations_are_refused_unprinted(tmp_path: Path, where: str, key: str) -> None:
    assert "CRET" not in _refusal(_write(tmp_path, GOOD.replace("storage: ./store", where)))
    for location in (
        "s3://AKIA:SE/CRET@bucket/x",
        "s3://bucket/x?secret=SECRET",
        "s3://bucket/x?X-Amz-Signature=SECRET",
    ):
        message = _refusal(_write(tmp_path, GOOD.replace("path: pages", f"{key}: '{location}'")))
        assert (
            message.startswith(f"line 9, key domains.web.inputs.0.{key}: this holds ")
            and "CRET" not in message
        )


def _cron_field(low: int, high: int) -> st.SearchStrategy[str]:
    numbers = st.integers(low, high)
    part = st.one_of(
        st.just("*"),
        numbers.map(str),
        st.tuples(numbers, numbers).map(lambda pair: "{}-{}".format(*sorted(pair))),
    )
    stepped = st.tuples(part, st.integers(1, 99)).map(lambda pair: f"{pair[0]}/{pair[1]}")
    return st.lists(part | stepped, min_size=1, max_size=3).map(",".join)


CRONS = st.tuples(
    _cron_field(0, 59),
    _cron_field(0, 23),
    _cron_field(1, 31),
    _cron_field(1, 12) | st.just("feb"),
    _cron_field(0, 7),
).map(" ".join)


@given(CRONS)
def test_every_accepted_cron_expression_is_one_for_dagster_and_comes_round(cron: str) -> None:
    from dagster._utils.schedules import cron_string_iterator, is_valid_cron_schedule

    try:
        Nightly(cron=cron)
    except ValidationError:
        assume(False)
    assert is_valid_cron_schedule(cron)
    next(cron_string_iterator(0, cron, "UTC"))


@pytest.mark.parametrize(
    ("cron", "expected"),
    [
        ("99 * * * *", "the field for the minute is wrong: write *, numbers from 0 to 59"),
        ("0 24 * * *", "the field for the hour is wrong"),
        ("0 0 0 * *", "the field for the day is wrong: write *, numbers from 1 to 31"),
        ("0 0 * foo *", "the field for the month is wrong: write *, numbers from 1 to 12 or jan to dec"),
        ("0 0 * * 8", "the field for the weekday is wrong"),
        ("*/0 * * * *", "the field for the minute is wrong"),
        ("0 22-2 * * *", "the field for the hour is wrong"),
        ("0 0 30 2 *", "no such month has that day"),
        ("0 0 31 4,6 *", "no such month has that day"),
        ("not a cron", "write five fields: minute, hour, day, month, weekday"),
        ("@daily", "write five fields"),
    ],
)
def test_a_cron_expression_that_never_comes_is_refused(tmp_path: Path, cron: str, expected: str) -> None:
    message = _refusal(_write(tmp_path, f"{GOOD}nightly: {{cron: '{cron}'}}\n"))
    assert message.startswith("line 12, key nightly.cron: ") and expected in message


@pytest.mark.parametrize(
    "cron", ["0 2 * * *", "*/15 22-23,0-5 * * mon-FRI", "0 0 29 2 *", "5 4 30 2 sun", "7 1 1/5 jan,7-9/2 7"]
)
def test_usual_cron_expressions_are_taken(cron: str) -> None:
    assert Nightly(cron=cron).cron == cron


@pytest.mark.parametrize(
    ("timezone", "expected"),
    [
        ("Mars", "this is no time zone that the machine knows"),
        ("Europe/Berlni", "did you mean Europe/Berlin?"),
        ("America", "this is no time zone"),
        ("../../etc/passwd", "this is no time zone"),
        ("''", "this is no time zone"),
    ],
)
def test_an_unknown_time_zone_is_refused(tmp_path: Path, timezone: str, expected: str) -> None:
    message = _refusal(_write(tmp_path, f"{GOOD}nightly: {{timezone: {timezone}}}\n"))
    assert message.startswith("line 12, key nightly.timezone: ") and expected in message


@pytest.mark.skipif(not CASES.is_dir(), reason="needs the odd catalogues beside the repository")
@pytest.mark.parametrize("case", sorted(path.name for path in CASES.glob("cat_*")))
def test_odd_catalogues_load_or_are_refused_in_one_line(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_API_KEY", SECRET)
    file = tmp_path / "catalogue.yaml"
    file.write_bytes(
        (CASES / case / "catalogue.yaml").read_bytes().replace(b"${ROOT}", str(tmp_path).encode())
    )
    try:
        load_catalogue(file)
    except CatalogueError as error:
        message = str(error).removeprefix(str(file))
        assert re.match(r", line \d+(, key [a-z0-9_.]+)?: [^\n]+[.?)]$", message)
        assert SECRET not in message and "SECRETKEY" not in message and not OTHERS_WORDS.search(message)
    assert not (tmp_path / "PWNED").exists()


def test_a_missing_input_is_named_with_its_key(tmp_path: Path) -> None:
    catalogue = load_catalogue(_write(tmp_path, GOOD))
    with pytest.raises(CatalogueError, match=r"domains\.web\.inputs\[0\]\.path: .*pages does not exist"):
        require_paths(catalogue, "web")
    (tmp_path / "pages").mkdir()
    require_paths(catalogue, "web")


def test_the_embedded_catalogue_has_two_domains(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PROX_HOME", str(tmp_path))
    catalogue = load_catalogue(embedded_catalogue())
    assert set(catalogue.domains) == {"web", "math"}
    assert catalogue.storage.local.is_relative_to(tmp_path)


@pytest.mark.parametrize("name", ["llm_teacher.yaml", "real_pages.yaml"])
def test_the_examples_load(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROX_CATALOGUE", str(Path(__file__).parents[1] / "examples" / name))
    monkeypatch.setenv("PROX_REAL_PAGES", "/data/pages")
    assert load_catalogue().domains
