"""Questions to a model in this process: vLLM or transformers, answers held to their form."""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from prox_assets.config import LlmTeacher
from prox_assets.errors import TeacherError
from prox_assets.inference import EngineSettings, Prompt, Sampling, open_generator
from prox_assets.teacher.llm.backend import Done
from prox_assets.teacher.llm.questions import BrokenAnswerError, Completion, Failure, Question

_BATCH = 64


class InProcess:
    """A causal language model, loaded when the first question comes, and closed after the last.

    So the refiners that are trained on its answers, or asked beside it, have the device for themselves.
    """

    def __init__(self, section: LlmTeacher, settings: EngineSettings) -> None:
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
