"""The optimization loop of all refiners, on the transformers Trainer: what it does after a kill, and on GPUs.

The Trainer sees one epoch: the course's batches in order. It writes a state that it can resume from into a
folder that outlives the process, and runs on as many devices as accelerate gives it.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch.optim.lr_scheduler import LambdaLR
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_callback import TrainerControl, TrainerState
from transformers.utils import logging

from prox_assets.refiner.checkpoint import Curves, Progress
from prox_assets.refiner.recipe import Batch, Course, Optimization, learning_rate
from prox_assets.refiner.training_state import (
    F1,
    RATE,
    curves_of,
    history,
    last_state,
    step_point,
    stopped_at,
)

_NEVER = 2**31  # steps: the callback says when


def fit(
    model: Any,
    course: Course,
    settings: Optimization,
    validation_f1: Callable[[], float],
    work: Path,
    progress: Progress,
) -> Curves:
    """Train `model` in place and leave in it the weights of the epoch with the highest `validation_f1()`.

    `work` is where states are written; what an earlier run of the same course left there is taken up. With
    one thread on a CPU the weights at the end are the same bits, killed or not.
    """
    state = last_state(work, course.steps)
    stopped = None
    if state is not None:
        stopped = stopped_at(curves_of(history(state), course), settings.patience)
    left = course if stopped is None else course.until(stopped)
    with _quiet():
        trainer = _RefinerTrainer(model, left, settings, validation_f1, work)
        trainer.remove_callback(PrinterCallback)
        trainer.add_callback(_Watch(course, settings, progress))
        trainer.train(resume_from_checkpoint=None if state is None else str(state))
    model.eval()
    return curves_of(trainer.state.log_history, course)


def processes() -> int:
    """How many processes train together: what `launching` or `accelerate launch` started, or one."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def computes_in_bfloat16(settings: Optimization) -> bool:
    """Whether activations are bfloat16: what the recipe says, on `auto` where a GPU has it."""
    if settings.precision == "auto":
        return bool(torch.cuda.is_available() and torch.cuda.is_bf16_supported())
    return settings.precision == "bfloat16"


@contextmanager
def _quiet() -> Iterator[None]:
    """No bar for every state that is written; and what the Trainer does to the process's log is undone."""
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


class _RefinerTrainer(Trainer):  # type: ignore[misc]
    """A Trainer that walks a course and judges by `validation_f1`."""

    control: TrainerControl

    def __init__(
        self,
        model: Any,
        course: Course,
        settings: Optimization,
        validation_f1: Callable[[], float],
        work: Path,
    ) -> None:
        self._course, self._validation_f1 = course, validation_f1
        optimizer = _optimizer(model, settings)
        schedule = LambdaLR(optimizer, lambda step: learning_rate(step, course.steps, settings))
        batches = _Batches(course)
        super().__init__(
            model=model,
            args=_arguments(course, settings, work),
            data_collator=_the_one,
            train_dataset=batches,
            eval_dataset=batches,  # never read: `evaluate` asks `validation_f1`
            optimizers=(optimizer, schedule),
        )

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """The course's loss, or the model's own."""
        if self._course.loss is None:
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        return self._course.loss(model, inputs)

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        """The validation F1, the same number in every process."""
        self.model.eval()
        found = torch.tensor([self._validation_f1()], dtype=torch.float64, device=self.args.device)
        if self.args.world_size > 1:
            torch.distributed.broadcast(found, 0)
        metrics = {F1: float(found)}
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics


class _Watch(TrainerCallback):  # type: ignore[misc]
    """Says when to judge, to save and to stop, and reports every point as it comes."""

    def __init__(self, course: Course, settings: Optimization, progress: Progress) -> None:
        self._course, self._settings, self._progress = course, settings, progress
        self._ends = frozenset(course.epoch_ends)

    def on_step_end(self, _: Any, state: TrainerState, control: TrainerControl, **__: Any) -> None:
        """Judge and save at the end of an epoch, save every so many steps."""
        control.should_evaluate = state.global_step in self._ends
        control.should_save = (
            control.should_evaluate or not state.global_step % self._settings.checkpoint_steps
        )

    def on_log(self, _: Any, state: TrainerState, *__: Any, **___: Any) -> None:
        """Pass the newest point on."""
        entry = state.log_history[-1]
        if RATE in entry and state.is_world_process_zero:
            self._progress(step_point(entry, self._course))

    def on_evaluate(self, _: Any, state: TrainerState, control: TrainerControl, **__: Any) -> None:
        """Report the epoch, and stop where patience is at its end."""
        curves = curves_of(state.log_history, self._course)
        if state.is_world_process_zero:
            self._progress(curves.epochs[-1])
        control.should_training_stop |= stopped_at(curves, self._settings.patience) is not None


class _Batches(torch.utils.data.Dataset):  # type: ignore[misc]
    def __init__(self, course: Course) -> None:
        self._course = course

    def __len__(self) -> int:
        return len(self._course.batches)

    def __getitem__(self, number: int) -> Batch:
        return self._course.collate(self._course.batches[number], number)


def _the_one(batches: list[Batch]) -> Batch:
    (batch,) = batches
    return batch


def _arguments(course: Course, settings: Optimization, work: Path) -> TrainingArguments:
    arguments = TrainingArguments(
        output_dir=str(work),
        num_train_epochs=1,
        per_device_train_batch_size=1,  # of the course's batches
        gradient_accumulation_steps=course.accumulation,
        train_sampling_strategy="sequential",
        max_grad_norm=settings.max_gradient_norm,
        seed=settings.seed,
        bf16=computes_in_bfloat16(settings),
        use_cpu=not torch.cuda.is_available(),
        ddp_backend="gloo" if course.processes > 1 and not torch.cuda.is_available() else None,
        logging_steps=1,
        eval_strategy="steps",
        eval_steps=_NEVER,
        save_strategy="steps",
        save_steps=_NEVER,
        save_total_limit=2,  # the best and the last
        load_best_model_at_end=True,
        metric_for_best_model=F1,
        greater_is_better=True,
        dataloader_pin_memory=False,
        remove_unused_columns=False,
        disable_tqdm=True,
        report_to="none",
        log_level="error",
    )
    if arguments.n_gpu > 1:
        arguments._n_gpu = 1  # a process a device, by accelerate; never threads over devices
    return arguments


def _optimizer(model: Any, settings: Optimization) -> Any:
    """AdamW at rate 1, which the schedule scales; matrices decay, biases and norms do not."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim >= 2], "weight_decay": settings.weight_decay},
        {"params": [p for p in trained if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=1.0, betas=settings.betas, fused=True)
