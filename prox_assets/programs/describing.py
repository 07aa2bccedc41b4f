"""The registry in words: what prompts, reports and the documentation say of each call."""

import json
from collections.abc import Iterable

from prox_assets.programs.codes import MEANINGS, Outcome, Refused
from prox_assets.programs.language import REGISTRY
from prox_assets.programs.program import Stage
from prox_assets.programs.registry import CallSpec, Form, Parameter, Registry


def signature(spec: CallSpec, form: Form) -> str:
    """Write how a call is written: `normalize(source_str, target_str="")`."""
    return f"{spec.name}({', '.join(_parameter(p) for p in form.parameters)})"


def _parameter(parameter: Parameter) -> str:
    if parameter.kind == "flag":
        return f"{parameter.name}=True"
    return (
        parameter.name if parameter.default is None else f"{parameter.name}={json.dumps(parameter.default)}"
    )


def prompt_text(stage: Stage, registry: Registry = REGISTRY) -> str:
    """Say to a model which calls it may write: one line a call."""
    return "\n".join(f"{signature(spec, spec.forms[0])}: {spec.sentence}" for spec in registry.active(stage))


def legend(registry: Registry = REGISTRY) -> dict[str, str]:
    """Explain the statistics keys of all calls, the ones that are off included."""
    return {spec.key: spec.sentence for spec in registry.specs}


def documentation(registry: Registry = REGISTRY) -> str:
    """Write the reference part of docs/programs.md: `python -m prox_assets.programs.describing` prints it."""
    return "\n".join(
        (
            "## Calls\n",
            *_table(("call", "stage", "what it does", "from", "state"), map(_call_row, registry.specs)),
            "\n## Arguments\n",
            *_table(("call", "argument", "type", "meaning", "also read as"), _argument_rows(registry)),
            "\n## Other names\n",
            *_table(("name", "is read as", "where it comes from"), _alias_rows(registry)),
            "\n## What becomes of a call\n",
            *_table(("outcome", "meaning"), ((f"`{code}`", MEANINGS[code]) for code in Outcome)),
            "\n## Why a call is refused\n",
            *_table(("code", "meaning"), ((f"`{code}`", MEANINGS[code]) for code in Refused)),
            "",
        )
    )


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    return [f"| {' | '.join(cells)} |" for cells in (head, ("---",) * len(head), *rows)]


def _call_row(spec: CallSpec) -> tuple[str, ...]:
    state = spec.unsupported and f"read, never done: {spec.unsupported}"
    written = "<br>".join(f"`{signature(spec, form)}`" for form in spec.forms)
    return written, spec.stage, spec.sentence, spec.origin, state or ("on" if spec.enabled else "off")


def _argument_rows(registry: Registry) -> Iterable[tuple[str, ...]]:
    for spec in registry.specs:
        for parameter in (p for form in spec.forms for p in form.parameters):
            others = ", ".join(f"`{alias}`" for alias in parameter.aliases)
            yield f"`{spec.name}`", f"`{parameter.name}`", parameter.kind, parameter.meaning, others


def _alias_rows(registry: Registry) -> Iterable[tuple[str, ...]]:
    for spec in registry.specs:
        for alias in spec.aliases:
            given = ", ".join(f"{name}={value}" for name, value in alias.given)
            yield f"`{alias.name}()`", f"`{spec.name}({given})`", alias.origin


if __name__ == "__main__":
    print(documentation(), end="")
