"""A real S3 server (moto) on this machine, and buckets of it."""

import os
import uuid
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

SECRET = "a-key-that-nobody-may-write-down"


@lru_cache(maxsize=1)
def endpoint() -> str:
    """Start the server once in a process; it ends with it."""
    import logging

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    return f"http://{host}:{port}"


@lru_cache(maxsize=1)
def client() -> Any:
    """One client for all tests; the first fixture has set the environment by then."""
    return boto3.session.Session().client("s3")


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A new bucket; the environment says where and how to reach it."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint())
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a-key-id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    name = f"corpus-{uuid.uuid4().hex[:12]}"
    client().create_bucket(Bucket=name)
    yield name
