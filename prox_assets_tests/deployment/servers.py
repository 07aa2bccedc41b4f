"""Servers for one test each, on 127.0.0.1: Postgres, S3. They end with the test."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3

_PLACES = [*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
_SEARCHED = os.pathsep.join([os.environ.get("PATH", ""), *map(str, _PLACES)])
POSTGRES = shutil.which("postgres", path=_SEARCHED)
INITDB = shutil.which("initdb", path=_SEARCHED)
_UNPRIVILEGED = "nobody"
_PATIENCE_SECONDS = 60.0


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def postgres(password: str) -> Iterator[dict[str, str]]:
    """A throw-away cluster that asks for a password; gives the variables that the team's instance reads."""
    assert POSTGRES is not None
    assert INITDB is not None
    # Postgres refuses to run as root.
    user = _UNPRIVILEGED if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="prox-pg-"))
    secret = folder / "secret"
    secret.write_text(password)
    if user is not None:
        shutil.chown(folder, user)
        shutil.chown(secret, user)
    data, port = folder / "data", free_port()
    init = [INITDB, "-D", str(data), "-U", "dagster", "-A", "scram-sha-256", f"--pwfile={secret}", "-N"]
    subprocess.run(init, check=True, capture_output=True, user=user, cwd=folder)
    options = ("-p", str(port), "-k", str(folder), "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off")
    with (folder / "log").open("w") as log:
        server = subprocess.Popen([POSTGRES, "-D", str(data), *options], stderr=log, user=user, cwd=folder)
    try:
        _wait_for(port, server)
        yield {
            "PROX_PG_HOST": "127.0.0.1",
            "PROX_PG_PORT": str(port),
            "PROX_PG_USER": "dagster",
            "PROX_PG_PASSWORD": password,
            "PROX_PG_DATABASE": "postgres",
        }
    finally:
        _end(server)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def s3(bucket: str) -> Iterator[dict[str, str]]:
    """An S3 server with an empty bucket; gives the variables that boto3 reads."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    variables = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    try:
        _wait_for(port, server)
        client(variables).create_bucket(Bucket=bucket)
        yield variables
    finally:
        _end(server)


def client(variables: dict[str, str]) -> Any:
    """A client of the S3 server that these variables name."""
    return boto3.client(
        "s3",
        endpoint_url=variables["AWS_ENDPOINT_URL"],
        aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
        region_name=variables["AWS_DEFAULT_REGION"],
    )


def _wait_for(port: int, server: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        assert server.poll() is None, f"{server.args!r} ended with {server.returncode}"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise TimeoutError(f"nothing listens on port {port} after {_PATIENCE_SECONDS:.0f} s")


def _end(server: "subprocess.Popen[bytes]") -> None:
    server.terminate()
    try:
        server.wait(20)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
