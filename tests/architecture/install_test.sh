#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs into an empty folder, builds the examples against what was installed there, and runs them
# away from the source tree. usage: install_test.sh BUILD EXAMPLES CXX
set -eu
build=$1 examples=$2 compiler=$3
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cmake --install "$build" --prefix "$place/prefix" >"$place/install.log"
CXX=$compiler cmake -S "$examples" -B "$place/build" -DCMAKE_PREFIX_PATH="$place/prefix" >"$place/configure.log" ||
  { cat "$place/configure.log"; exit 1; }
cmake --build "$place/build" >"$place/build.log" 2>&1 || { cat "$place/build.log"; exit 1; }
mkdir "$place/away"
cd "$place/away"
"$place/build/example_own_data" | tee own_data.txt
grep -q 'the centre is inside with probability 0.9\|the centre is inside with probability 1.0' own_data.txt
"$place/prefix/bin/treino" summary mnist | grep -q '101,770'
"$place/prefix/bin/treino" recipes --names | grep -qx cifar10
grep -rlE '#include <(fmt|nlohmann|toml|CLI|dnnl)' "$place/prefix/include" &&
  { echo "an installed header shows a library of others"; exit 1; }
echo "installed, built outside, run"
