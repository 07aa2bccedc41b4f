"""The program language: one registry of calls, and from it parser, executor, grammar and prompts.

program = parse('remove_lines(0, 2)\\nnormalize("[edit]", "")', Stage.CHUNK)
execution = execute_chunks(text, [(chunk, program, None)], Rails())
"""

from prox_assets.programs.edits import Edit, applied, apply_edits, revert_edits, with_removed
from prox_assets.programs.executor import (
    Decision,
    Execution,
    execute_chunks,
    execute_document,
    removed_line_numbers,
)
from prox_assets.programs.language import REGISTRY
from prox_assets.programs.parser import parse
from prox_assets.programs.program import (
    Call,
    Outcome,
    Program,
    Reason,
    Refusal,
    Refused,
    Stage,
    Status,
    Verdict,
)
from prox_assets.programs.rails import Beyond, Boundary, Rails
from prox_assets.programs.registry import CallSpec, Form, Parameter, ParameterKind, Registry, Touches
from prox_assets.programs.rendering import (
    DROP_DOC,
    KEEP_CHUNK,
    KEEP_DOC,
    drop_doc,
    keep_chunk,
    keep_doc,
    normalize,
    remove_all_lines,
    remove_lines,
    removing,
    render,
    render_call,
    shifted,
)

__all__ = [
    "DROP_DOC",
    "KEEP_CHUNK",
    "KEEP_DOC",
    "REGISTRY",
    "Beyond",
    "Boundary",
    "Call",
    "CallSpec",
    "Decision",
    "Edit",
    "Execution",
    "Form",
    "Outcome",
    "Parameter",
    "ParameterKind",
    "Program",
    "Rails",
    "Reason",
    "Refusal",
    "Refused",
    "Registry",
    "Stage",
    "Status",
    "Touches",
    "Verdict",
    "applied",
    "apply_edits",
    "drop_doc",
    "execute_chunks",
    "execute_document",
    "keep_chunk",
    "keep_doc",
    "normalize",
    "parse",
    "remove_all_lines",
    "remove_lines",
    "removed_line_numbers",
    "removing",
    "render",
    "render_call",
    "revert_edits",
    "shifted",
    "with_removed",
]
