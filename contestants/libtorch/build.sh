#!/bin/sh
# build.sh PYTHON SOURCE PROGRAM: compiles against the library inside PYTHON's torch package.
# Wanted: a C++ compiler, zlib1g-dev and libssl-dev.
set -eu
torch=$("$1" -c 'import torch, os; print(os.path.dirname(torch.__file__))')
"${CXX:-c++}" -std=c++20 -O2 -w "$2" -o "$3" \
  -isystem "$torch/include" -isystem "$torch/include/torch/csrc/api/include" \
  -L"$torch/lib" -Wl,-rpath,"$torch/lib" -Wl,--no-as-needed -ltorch -ltorch_cpu -lc10 -lcrypto -lz
