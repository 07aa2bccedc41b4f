"""Backends: an OpenAI-compatible endpoint, or a model in this process, with answers held to their form."""

import asyncio
import json
import os
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from prox_assets.config import LlmTeacherSection
from prox_assets.errors import MASK, TeacherError
from prox_assets.inference import EngineSettings, Prompt, Sampling, open_generator
from prox_assets.teacher.llm.questions import Answer, BrokenAnswerError, Completion, Done, Failure, Question

_FAILURES_IN_A_ROW = 50


class Endpoint:
    """The `openai` client, which backs off for 429, 5xx, time-outs and lost connections by itself."""

    def __init__(self, section: LlmTeacherSection) -> None:
        self._section = section
        self._key = _key(section.api_key_env)
        self._failures = 0

    def run(self, pending: Iterator[Question], seen: Callable[[Completion], None], done: Done) -> None:
        """Answer questions until there are no more, `concurrency` at once."""
        asyncio.run(self._run(pending, seen, done))

    def close(self) -> None:
        """Nothing stays open between runs."""

    async def _run(self, pending: Iterator[Question], seen: Callable[[Completion], None], done: Done) -> None:
        openai = _client_library()
        client = openai.AsyncOpenAI(
            base_url=self._section.base_url,
            api_key=self._key,
            timeout=self._section.timeout_seconds,
            max_retries=self._section.retries,
        )

        async def work() -> None:
            for question in pending:
                done(question, await self._answer(client, question, seen))

        async with client:
            workers = [asyncio.create_task(work()) for _ in range(self._section.concurrency)]
            try:
                await asyncio.gather(*workers)
            finally:
                for worker in workers:
                    worker.cancel()
                await asyncio.gather(*workers, return_exceptions=True)

    async def _answer(self, client: Any, question: Question, seen: Callable[[Completion], None]) -> Answer:
        import openai

        reason = ""
        for attempt in range(self._section.retries + 1):
            try:
                completion = await self._complete(client, question, attempt)
                seen(completion)
                question.accepts(completion)
            except BrokenAnswerError as error:
                reason = str(error)
            except (openai.AuthenticationError, openai.PermissionDeniedError, openai.NotFoundError) as error:
                raise TeacherError(
                    f"{self._section.base_url} refuses ({error.status_code}): check model, base_url and the "
                    f"key in {self._section.api_key_env or 'api_key_env'}."
                ) from None
            except (openai.APIConnectionError, openai.APIStatusError) as error:
                return self._failed(error)
            else:
                self._failures = 0
                return completion
        return Failure(f"no usable answer in {self._section.retries + 1} attempts: {reason}")

    async def _complete(self, client: Any, question: Question, attempt: int) -> Completion:
        section = self._section
        answer = await client.chat.completions.create(
            model=section.model,
            messages=[
                {"role": "system", "content": question.system},
                {"role": "user", "content": question.user},
            ],
            **_drawing(section, attempt),
            max_tokens=section.max_output_tokens,
            **_form(question),
        )
        if not answer.choices or answer.usage is None:
            raise BrokenAnswerError("the endpoint answered without a choice or without usage")
        first, usage = answer.choices[0], answer.usage
        return Completion(
            self._without_key(first.message.content or ""),
            usage.prompt_tokens,
            usage.completion_tokens,
            first.finish_reason != "length",
        )

    def _without_key(self, text: str) -> str:
        """An answer is stored, and a server may repeat what it was sent."""
        return text if self._section.api_key_env is None else text.replace(self._key, MASK)

    def _failed(self, error: Any) -> Failure:
        self._failures += 1
        status = getattr(error, "status_code", None)
        reason = f"the endpoint answered {status}" if status else f"no answer ({type(error).__name__})"
        if self._failures >= _FAILURES_IN_A_ROW:
            raise TeacherError(
                f"{self._section.base_url} failed {self._failures} times in a row, at last: {reason}. See "
                "whether it runs; what is answered is kept, so run again when it does."
            ) from None
        return Failure(f"{reason} after {self._section.retries + 1} attempts")


def _client_library() -> Any:
    try:
        import openai
    except ImportError as error:
        raise TeacherError(
            f"teacher.kind is llm with an endpoint, whose client is not installed ({error}): "
            "install the extra `llm`."
        ) from error
    return openai


def _drawing(section: LlmTeacherSection, attempt: int) -> dict[str, Any]:
    """How tokens are drawn: as the catalogue says, and with some heat where a question is asked again."""
    temperature = section.temperature if attempt == 0 else max(section.temperature, 0.3)
    if temperature == 0:
        return {"temperature": 0.0}
    return {"temperature": temperature, "seed": section.seed + attempt}


def _form(question: Question) -> dict[str, Any]:
    """How the answer is held to its form: a JSON schema as OpenAI has it, a grammar as vLLM has it."""
    if question.json_schema is not None:
        schema = {"name": "answer", "strict": True, "schema": json.loads(question.json_schema)}
        return {"response_format": {"type": "json_schema", "json_schema": schema}}
    if question.grammar is not None:
        return {"extra_body": {"structured_outputs": {"grammar": question.grammar}}}
    return {}


def _key(variable: str | None) -> str:
    if variable is None:
        return "none"  # the client wants one; servers without keys ignore it
    key = os.environ.get(variable)
    if not key:
        raise TeacherError(f"the teacher's key is not set: export {variable}.")
    if not (key.isascii() and key.isprintable() and " " not in key):
        raise TeacherError(
            f"the teacher's key in {variable} has spaces, line ends or letters that no HTTP header takes: "
            "export it without them."
        )
    return key


_BATCH = 64


class InProcess:
    """A causal language model, loaded when the first question comes, and closed after the last.

    So the refiners that are trained on its answers, or asked beside it, have the device for themselves.
    """

    def __init__(self, section: LlmTeacherSection, settings: EngineSettings) -> None:
        self._section, self._settings = section, settings
        self._engine: Any = None

    def run(self, pending: Iterator[Question], seen: Callable[[Completion], None], done: Done) -> None:
        """Answer questions until there are no more, in batches that the engine schedules."""
        try:
            self._run(pending, seen, done)
        finally:
            self.close()

    def _run(self, pending: Iterator[Question], seen: Callable[[Completion], None], done: Done) -> None:
        while batch := list(islice(pending, _BATCH)):
            left, reasons = batch, dict.fromkeys(range(len(batch)), "")
            for attempt in range(self._section.retries + 1):
                again: list[Question] = []
                for question, completion in zip(left, self._completions(left, attempt), strict=True):
                    seen(completion)
                    try:
                        question.accepts(completion)
                        done(question, completion)
                    except BrokenAnswerError as error:
                        reasons[len(again)] = str(error)
                        again.append(question)
                left = again
                if not left:
                    break
            for place, question in enumerate(left):
                done(
                    question,
                    Failure(f"no usable answer in {self._section.retries + 1} attempts: {reasons[place]}"),
                )

    def close(self) -> None:
        """Give the model's memory back."""
        if self._engine is not None:
            self._engine.close()
            self._engine = None

    def _completions(self, questions: list[Question], attempt: int) -> list[Completion]:
        if self._engine is None:
            assert self._section.checkpoint is not None
            self._engine = open_generator(self._section.checkpoint, self._settings)
        prompts = [self._prompt(question) for question in questions]
        temperature = self._section.temperature if attempt == 0 else max(self._section.temperature, 0.3)
        sampling = Sampling(temperature, self._section.seed + attempt)
        written = self._engine.generate(prompts, self._section.max_output_tokens, sampling)
        return [
            Completion(found.text, len(prompt.ids), len(found.ids), found.finished)
            for prompt, found in zip(prompts, written, strict=True)
        ]

    def _prompt(self, question: Question) -> Prompt:
        tokenizer = self._engine.tokenizer
        if tokenizer.chat_template is None:
            raise TeacherError(
                f"{self._section.checkpoint} has no chat template, so it cannot be asked. Use an "
                "instruction-tuned model, or add chat_template.jinja to its folder."
            )
        messages = [
            {"role": "system", "content": question.system},
            {"role": "user", "content": question.user},
        ]
        text = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
        ids = tuple(tokenizer.encode(text, add_special_tokens=False))
        return Prompt(ids, question.grammar, question.json_schema)
