"""An OpenAI-compatible server of the tests' own: answers well, refuses, stalls, cuts off, talks nonsense.

`python -m prox_assets_tests.teacher.llm.fault_server URL_FILE FAULTY_SHARE` serves on 127.0.0.1 until killed.
Which attempts at a question fail, and how, follows from the question and the attempt alone. GET /counts tells
how often each question was asked and how often it was answered well.
"""

import hashlib
import json
import sys
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

FAULTS = ("refuse", "throttle", "stall", "hang_up", "cut_off", "nonsense", "half")
STALL_SECONDS = 2.0


class FaultServer(ThreadingHTTPServer):
    """Counts what it is asked. `latency` seconds pass before a good answer.

    With `echo`, an HTTP status, every answer repeats the headers of the request.
    """

    daemon_threads = True
    request_queue_size = 256

    def __init__(
        self, faulty: float = 0.0, latency: float = 0.0, stubborn: float = 0.0, echo: int | None = None
    ) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.faulty, self.latency, self.stubborn, self.echo = faulty, latency, stubborn, echo
        self.asked: Counter[str] = Counter()
        self.well: Counter[str] = Counter()
        self.keys: set[str | None] = set()
        self.at_once = self.most_at_once = 0
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def start(self) -> "FaultServer":
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is what the tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FaultServer

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        self._send(200, {"asked": self.server.asked, "well": self.server.well})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        system, user = (message["content"] for message in body["messages"])
        question = hashlib.sha256(f"{system}\0{user}".encode()).hexdigest()
        with self.server.lock:
            self.server.asked[question] += 1
            attempt = self.server.asked[question]
            self.server.keys.add(self.headers.get("Authorization"))
            self.server.at_once += 1
            self.server.most_at_once = max(self.server.most_at_once, self.server.at_once)
        try:
            self._reply(question, attempt, system, user)
        finally:
            with self.server.lock:
                self.server.at_once -= 1

    def _reply(self, question: str, attempt: int, system: str, user: str) -> None:
        if self.server.echo is not None:
            return self._repeat_headers(self.server.echo)
        draw = int(hashlib.sha256(f"{question}{attempt}".encode()).hexdigest()[:8], 16) / 2**32
        hopeless = int(question[:8], 16) / 2**32 < self.server.stubborn
        if hopeless or draw < self.server.faulty:
            return self._fail(FAULTS[int(question[8:12], 16) % len(FAULTS)])
        time.sleep(self.server.latency)
        with self.server.lock:
            self.server.well[question] += 1
        return self._answer(good_answer(system, user))

    def _repeat_headers(self, status: int) -> None:
        sent = f"you sent {self.headers}"
        if status == 200:
            return self._answer(json.dumps({"justification": sent, "score": 4}))
        return self._send(status, {"error": {"message": sent, "code": sent}})

    def _fail(self, fault: str) -> None:
        if fault == "refuse":
            return self._send(503, {"error": {"message": "overloaded"}})
        if fault == "throttle":
            return self._send(429, {"error": {"message": "slow down"}}, {"retry-after-ms": "20"})
        if fault == "stall":
            time.sleep(STALL_SECONDS)
            return self._send(200, {})
        if fault == "hang_up":
            self.close_connection = True
            self.connection.close()
            return None
        if fault == "cut_off":
            return self._answer('{"justification": "It', finish="length")
        if fault == "half":
            self.send_response(200)
            self.send_header("Content-Length", "5000")
            self.end_headers()
            self.wfile.write(b'{"choices": [')
            self.close_connection = True
            return None
        return self._answer("As a language model I would rather speak of the weather.")

    def _answer(self, text: str, finish: str = "stop") -> None:
        choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": text}}
        usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
        base = {"id": "x", "object": "chat.completion", "created": 0, "model": "m"}
        self._send(200, base | {"choices": [choice], "usage": usage})

    def _send(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)


def good_answer(system: str, user: str) -> str:
    """What a sensible model says: rubrics by the words `lesson` and `menu`, programs by the word `menu`."""
    if "menus, bars of links" in system:
        lines = [
            line[1 : line.index("]")] for line in user.split("\n") if line.startswith("[") and "menu" in line
        ]
        calls = [f"remove_lines(line_start={int(line)}, line_end={int(line)})" for line in lines]
        return "```python\n" + ("\n".join(calls) or "keep_chunk()") + "\n```"
    if "Program:" in user:
        return "keep_chunk()"
    if "Copy the text below" in system:
        return "\n".join(line for line in user.split("\n") if "menu" not in line) or "<nothing/>"
    score = 4 if "lesson" in user else 1
    return json.dumps({"justification": "because", "score": score})


if __name__ == "__main__":
    server = FaultServer(float(sys.argv[2]))
    Path(sys.argv[1]).write_text(server.url)
    server.serve_forever()
