#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Our step times beside those of other frameworks, interleaved, as a Markdown table on standard output.
#   TREINO_PEERS_PYTHON=.../bin/python benchmarks/peers/run.sh [--help]
# The interpreter needs numpy and whichever of torch, jax + optax, tensorflow + keras, onnx +
# onnxruntime are to be measured; what is missing is left out of the table and named.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
exec "${TREINO_PEERS_PYTHON:?set it to a Python interpreter that has the peers}" "$here/run.py" "$@"
