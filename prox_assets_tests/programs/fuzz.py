"""The coverage-guided fuzzer: `python -m prox_assets_tests.programs.fuzz programs|documents -runs=1000000`.

Needs atheris. Ends with an error at the first input that breaks a law, takes over ten seconds, or lets memory
grow past the limit; libFuzzer leaves that input in a file named crash-…, timeout-… or oom-….
"""

import sys

import atheris

with atheris.instrument_imports(include=["prox_assets.programs", "prox_assets.chunking"]):
    from prox_assets_tests.programs.laws import NO_RAILS, check_chunking, check_program

from prox_assets.programs import Rails

WORDS = [
    *(
        "remove_lines(",
        "normalize(",
        "keep_chunk()",
        "remove_str(",
        "replace_str(",
        "drop_doc()",
        "line_start=0",
    ),
    *(
        "line_end=3",
        "source_str=",
        "target_str=",
        "all=True",
        "```",
        '"""',
        "\\u0041",
        "\\N{",
        "\n",
        ", ",
        ")",
    ),
]


def fuzz_programs(data: bytes) -> None:
    provider = atheris.FuzzedDataProvider(data)
    limits = (NO_RAILS, Rails(), Rails(max_matches=1, max_calls=2, max_removed_share=0.5))
    rails = limits[provider.ConsumeIntInRange(0, 2)]
    text = provider.ConsumeUnicode(provider.ConsumeIntInRange(0, 200))
    parts = []
    while provider.remaining_bytes():
        if provider.ConsumeBool():
            parts.append(WORDS[provider.ConsumeIntInRange(0, len(WORDS) - 1)])
        elif text and provider.ConsumeBool():
            start = provider.ConsumeIntInRange(0, len(text) - 1)
            parts.append(text[start : start + provider.ConsumeIntInRange(1, 8)])
        else:
            parts.append(provider.ConsumeUnicode(provider.ConsumeIntInRange(1, 20)))
    check_program(text, "".join(parts), rails)


def fuzz_documents(data: bytes) -> None:
    provider = atheris.FuzzedDataProvider(data)
    window = provider.ConsumeIntInRange(1, 40)
    overlap = provider.ConsumeIntInRange(0, window - 1)
    step = provider.ConsumeIntInRange(1, 9)
    text = provider.ConsumeUnicode(provider.ConsumeIntInRange(0, 2000))
    starts = sorted(place * step // 2 % max(1, len(text)) for place in range(len(text)))
    check_chunking(text, starts if text else [], window, overlap)


if __name__ == "__main__":
    target = {"programs": fuzz_programs, "documents": fuzz_documents}[sys.argv.pop(1)]
    atheris.Setup([sys.argv[0], "-timeout=10", "-rss_limit_mb=1024", "-max_len=2000", *sys.argv[1:]], target)
    atheris.Fuzz()
