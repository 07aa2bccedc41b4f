import base64
import time
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prox_assets.errors import MASK, InputError, declare_secret, redact, redact_error, secret_in

SHAPES = [
    ("s3://AKIA:SECRETKEY@bucket/x", "SECRETKEY"),
    ("s3://id:se/cr+et@bucket/x", "se/cr+et"),
    ("cannot reach https://user:hunter22@host:8080/v1?x=1.", "hunter22"),
    ("https://host/x?X-Amz-Signature=0a1b2c3d&X-Amz-Expires=5", "0a1b2c3d"),
    ("https://host/x?a=1&sig=0a1b2c3d", "0a1b2c3d"),
    ("s3://bucket/x?secret=SECRETKEY", "SECRETKEY"),
    ("key AKIAIOSFODNN7EXAMPLE is unknown", "AKIAIOSFODNN7EXAMPLE"),
    ("incorrect API key provided: sk-abc-SECRETKEY", "sk-abc-SECRETKEY"),
    ("sk-proj-0123456789abcdefghij", "0123456789abcdefghij"),
    ("hf_abcdefghijklmnopqrst", "hf_abcdefghijklmnopqrst"),
    ("ghp_abcdefghijklmnopqrstuvwxyz0123456789", "abcdefghijklmnopqrstuvwxyz"),
    ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl", "eyJzdWIiOiIxMjM0In0"),
    ("Authorization: Bearer abcdef", "abcdef"),
    ('{"authorization": "Basic dXNlcjpwYXNz"}', "dXNlcjpwYXNz"),
    ('{"api_key": "planted"}', "planted"),
    ("-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----", "MIIEow"),
]

HARMLESS = [
    "/data/sk-train-00001-of-00100.parquet, line 3: the text is empty",
    "http://localhost:8000/v1/@models and http://127.0.0.1:1 mail me@example.org",
    "key domains.web.teacher.api_key: unknown key; did you mean api_key_env?",
    "s3://bucket/dt=2024-01-??/part-*.parquet",
    "the pad_token: <pad> is none of the tokens; Basic understanding of bearer tokens",
    "token=5, tokens: 256, keys=3",
]


@pytest.mark.parametrize(("text", "secret"), SHAPES)
def test_secrets_are_known_by_their_shape(text: str, secret: str) -> None:
    assert secret not in redact(f"prox: {text}")
    assert MASK in redact(text)


@pytest.mark.parametrize("text", HARMLESS)
def test_texts_without_secrets_stay_as_they_are(text: str) -> None:
    assert redact(text) == text
    assert secret_in(text) is None


def test_what_a_catalogue_may_not_hold_is_named_without_the_secret() -> None:
    assert secret_in("s3://AKIA:SECRETKEY@bucket/x") == "credentials in a URL"
    assert secret_in("s3://bucket/x?secret=SECRETKEY") == "a secret parameter"
    assert secret_in("AKIAIOSFODNN7EXAMPLE") == "an AWS access key"


@pytest.mark.parametrize(
    "name", ["AWS_SECRET_ACCESS_KEY", "my_token", "PGPASSWORD", "DB_PASS", "APP_CREDENTIALS", "X_SECRETS_2"]
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(value=st.text(st.characters(codec="utf-8", exclude_characters="\0*"), min_size=8, max_size=40))
def test_values_of_secret_variables_are_masked_in_every_form(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    data = value.encode()
    for form in (value, repr(value), quote(data, safe=""), quote_plus(data), base64.b64encode(data).decode()):
        assert form not in redact(f"<{form}>")


def test_other_variables_are_not_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "parallel")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "/var/run/identity")
    monkeypatch.setenv("SOME_KEY", "EMPTY")
    text = "parallel /var/run/identity EMPTY"
    assert redact(text) == text


def test_a_declared_variable_and_a_password_in_a_url_of_the_environment_are_masked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OUR_MODEL_ACCESS", "opensesame")
    monkeypatch.setenv("SOME_DATABASE", "postgresql://me:letmein99@host/x")
    assert redact("letmein99 opensesame") == f"{MASK} opensesame"
    declare_secret("OUR_MODEL_ACCESS")
    assert redact("letmein99 opensesame") == f"{MASK} {MASK}"


def test_errors_mask_their_messages_and_whole_chains(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_TOKEN", "opensesame")
    assert "opensesame" not in str(InputError("open with opensesame"))

    class OddError(Exception):
        def __str__(self) -> str:
            return "odd opensesame"

    try:
        try:
            try:
                raise OddError
            except OddError as error:
                raise FileNotFoundError(2, "no opensesame", "/opensesame/x") from error
        except OSError as error:
            raise ValueError("opensesame", 3) from error
    except ValueError as error:
        redact_error(error)
        assert error.args == (MASK, 3)
        cause = error.__cause__
        assert isinstance(cause, FileNotFoundError) and str(cause) == f"[Errno 2] no {MASK}: '/{MASK}/x'"
        assert cause.__cause__ is None and cause.__context__ is None


@pytest.mark.parametrize(
    "unit", ["://", "://a:", "?key=", "sk-A", "eyJaaaaaaaa.", "-----BEGIN PRIVATE KEY-----", "a" * 50]
)
def test_the_time_is_linear_in_the_text(unit: str) -> None:
    start = time.perf_counter()
    redact(unit * (200_000 // len(unit)))
    assert time.perf_counter() - start < 5.0
