"""The calls of the language: ProX's own, and those of RefineX and UltraX that are off by default."""

from prox_assets.programs import actions
from prox_assets.programs.program import Stage
from prox_assets.programs.registry import Alias, CallSpec, Form, Parameter, ParameterKind, Registry, Touches

_LINE = Parameter("line", ParameterKind.LINE, "the number of the line")
_SOURCE = Parameter(
    "source_str",
    ParameterKind.TEXT,
    "the exact text as it stands",
    ("source", "old", "old_str", "s"),
    visible=True,
)
_TARGET = Parameter(
    "target_str", ParameterKind.TEXT, "the text to put in its place", ("target", "new", "new_str"), default=""
)

_DOCUMENT_CALLS = (
    CallSpec(
        "keep_doc",
        Stage.DOCUMENT,
        Touches.NOTHING,
        (Form((), actions.keep),),
        "Keep the document for training.",
        "ProX, Table 1",
        idempotent=True,
    ),
    CallSpec(
        "drop_doc",
        Stage.DOCUMENT,
        Touches.NOTHING,
        (Form((), actions.drop),),
        "Leave the whole document out.",
        "ProX, Table 1",
        idempotent=True,
    ),
)

_PROX_CALLS = (
    CallSpec(
        "keep_chunk",
        Stage.CHUNK,
        Touches.NOTHING,
        (Form((), actions.keep),),
        "Leave the chunk as it is; for a chunk with nothing to clean.",
        "ProX, Table 1",
        aliases=(
            Alias("untouch_doc", "ProX, annotation prompts"),
            Alias("skip_chunk", "ProX, README"),
            Alias("keep_all", "RefineX and UltraX"),
        ),
        idempotent=True,
    ),
    CallSpec(
        "remove_lines",
        Stage.CHUNK,
        Touches.LINES,
        (
            Form(
                (
                    Parameter(
                        "line_start", ParameterKind.LINE, "the first line to remove", ("start", "start_line")
                    ),
                    Parameter("line_end", ParameterKind.LINE, "the last line to remove", ("end", "end_line")),
                ),
                actions.remove_lines,
            ),
            Form(
                (Parameter("all", ParameterKind.FLAG, "every line of the chunk"),), actions.remove_all_lines
            ),
        ),
        "Delete the lines from the first to the last number, both included.",
        "ProX, Table 1; the form with all=True: released executor",
        aliases=(Alias("remove_all", "UltraX", (("all", True),)),),
    ),
    CallSpec(
        "normalize",
        Stage.CHUNK,
        Touches.CHARACTERS,
        (Form((_SOURCE, _TARGET), actions.normalize),),
        "Replace a string wherever it stands as whole words in the chunk; an empty target deletes it.",
        "ProX, Table 1",
        aliases=(Alias("normalise", "British spelling"),),
    ),
)

_OTHER_CALLS = (
    CallSpec(
        "remove_str",
        Stage.CHUNK,
        Touches.CHARACTERS,
        (Form((_LINE, _SOURCE), actions.remove_str),),
        "Delete a string that occurs exactly once in the given line.",
        "RefineX",
        enabled=False,
    ),
    CallSpec(
        "replace_str",
        Stage.CHUNK,
        Touches.CHARACTERS,
        (Form((_LINE, _SOURCE, _TARGET), actions.replace_str),),
        "Replace a string that occurs exactly once in the given line.",
        "UltraX",
        enabled=False,
    ),
    CallSpec(
        "add_line",
        Stage.CHUNK,
        Touches.LINES,
        (
            Form(
                (
                    Parameter("base", ParameterKind.LINE, "the line after which to add"),
                    Parameter("sub_idx", ParameterKind.NUMBER, "the place among lines added there"),
                    Parameter("text", ParameterKind.TEXT, "the text of the new line"),
                ),
                actions.keep,
            ),
        ),
        "Add a line of new text.",
        "UltraX",
        enabled=False,
        unsupported="only the ultrax profile adds lines; else a refined text is made of the source text",
    ),
)

REGISTRY = Registry(_DOCUMENT_CALLS + _PROX_CALLS + _OTHER_CALLS)
