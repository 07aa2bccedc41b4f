#!/bin/sh
# What needs a GPU, in some ten minutes: the tests of the packed kernel, and the race at 0.35 billion
# parameters and 1,500 tokens a document, as it is and compiled. Results go to $RESULTS, by default
# benchmarks/results. Needs Python with torch, transformers, pyarrow, pydantic, zstandard, pytest and hypothesis,
# for generation llguidance; neither Dagster nor Polars.
#
#     sh benchmarks/on_a_gpu.sh
#
# DEVICE=cpu DTYPE=float32 SIZES="--hidden 64 --layers 2 --heads 2 --intermediate 64 --documents 20" is a dry run.
set -eu
cd "$(dirname "$0")/.."
PYTHON=${PYTHON:-python3}
DEVICE=${DEVICE:-cuda}
DTYPE=${DTYPE:-bfloat16}
SIZES=${SIZES:-"--hidden 1024 --layers 28 --heads 16 --intermediate 2624 --documents 2000"}
RESULTS=${RESULTS:-benchmarks/results}
export PYTHONPATH=. PYTHONUNBUFFERED=1

"$PYTHON" -m pytest prox_assets_tests/inference --confcutdir=prox_assets_tests/inference -p no:cacheprovider

race() {
    output=$1
    shift
    # shellcheck disable=SC2086  # SIZES are several words
    "$PYTHON" benchmarks/refining_rate.py $SIZES --device "$DEVICE" --dtype "$DTYPE" --batch-tokens 262144 \
        --join 5 --released-documents 64 --range 1024 --workers 4 "$@" --output "$RESULTS/$output"
}

race "refining_rate_$DEVICE.json"
race "refining_rate_${DEVICE}_compiled.json" --compile
