#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Gathers what a bare machine with a GPU needs to test and time this build: programs without symbols,
# the libraries they need but for the C and C++ libraries, recipes, contestants, experiments, golden
# values, the benchmarks' scripts, and pieces of the data sets under $TREINO_DATA (mnist as it is; of
# cifar10's binary files as many pictures as PICTURES says, which check.sh repeats). PYTHON names an
# interpreter with numpy; its optax, which JAX's installations often lack, comes along.
#   [PICTURES="5000 2000"] benchmarks/gpu/pack.sh BUILD_DIR OUTPUT_DIR [MORE_DIR...]
# All pictures ("50000 10000") are too much for one journey of 64 MiB: each MORE_DIR gets as many of
# them as make all folders alike, and what it holds belongs into OUTPUT_DIR/data/cifar10-packed when
# it has arrived. DATA=cifar10 leaves mnist at home.
# The build: -DTREINO_CUDA=ON -DTREINO_ONEDNN=OFF -DTREINO_TESTS=ON -DTREINO_BENCHMARKS=ON, targets
# treino_cli treino_bench_step treino_bench_peer treino_test_conformance treino_test_golden
# treino_test_cuda, and treino_bench_kernels where it is to come along. What runs there: check.sh.
set -euo pipefail
[ $# -ge 2 ] || { sed -n '3,14s/^# //p' "$0" >&2; exit 2; }
build=$(realpath "$1") source=$(realpath "$(dirname "$0")/../..")
mkdir -p "$2"
out=$(realpath "$2")
case $out in "$source" | /) echo "pack.sh: $out is no folder of its own" >&2; exit 2 ;; esac
rm -rf "${out:?}"/{bin,programs,lib,recipes,contestants,experiments,python,tests,benchmarks,data}
mkdir -p "$out"/{bin,programs,lib,tests/golden,benchmarks,data}

programs=(treino treino_bench_step treino_bench_peer tests/treino_test_conformance tests/treino_test_golden
          tests/treino_test_cuda)
[ ! -f "$build/treino_bench_kernels" ] || programs+=(treino_bench_kernels)
for program in "${programs[@]}"; do
  name=$(basename "$program")
  strip -o "$out/programs/$name" "$build/$program"
  ldd "$build/$program" | awk '$2 == "=>" && $3 ~ "^/" {print $1, $3}' >>"$out/lib/needed"
  # Its libraries are for it alone, not for what a shell starts beside it.
  cat >"$out/bin/$name" <<'END'
#!/bin/sh
here=$(dirname "$(readlink -f "$0")")/..
LD_LIBRARY_PATH=$here/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} exec "$here/programs/$(basename "$0")" "$@"
END
  chmod +x "$out/bin/$name"
done
sort -u "$out/lib/needed" | while read -r name path; do
  case $name in
    ld-linux* | libc.so.* | libm.so.* | libpthread.so.* | libdl.so.* | librt.so.* | libresolv.so.*) ;;
    libstdc++.so.* | libgcc_s.so.*) ;;
    *) strip -o "$out/lib/$name" "$path" 2>/dev/null || cp -L "$path" "$out/lib/$name" ;;
  esac
done
rm "$out/lib/needed"
# The programs hold much of each other: packed together, a third is left. check.sh unpacks them.
tar -C "$out" -c programs lib | xz --lzma2=preset=3,dict=64MiB >"$out/programs.tar.xz"
rm -r "$out/programs" "$out/lib"

cp -r "$source"/{recipes,contestants,experiments} "$out/"
cp -r "$source"/tests/golden/{networks,values} "$out/tests/golden/"
cp -r "$source"/benchmarks/{gpu,peers} "$out/benchmarks/"
"${PYTHON:-python3}" - "$out/python" <<'END'
import importlib.util, shutil, sys
for name in ("optax", "absl"):  # Python's own code, whatever its version
    found = importlib.util.find_spec(name)
    if found is None:
        print(f"pack.sh: no {name} here: where JAX has none either, its contestant is left out")
        continue
    shutil.copytree(found.submodule_search_locations[0], f"{sys.argv[1]}/{name}",
                    ignore=shutil.ignore_patterns("__pycache__", "*_test.py"))
END
find "$out" -name __pycache__ -prune -exec rm -r {} +
case " ${DATA:=mnist cifar10} " in *" mnist "*) mnist=${TREINO_DATA:-/nonexistent}/mnist ;; *) mnist= ;; esac
if [ -n "$mnist" ] && [ -d "$mnist" ]; then
  cp -rL --no-preserve=mode "$mnist" "$out/data/"
fi
# To train and to test; check.sh repeats them to the size of the whole set.
batch=$(find -L "${TREINO_DATA:-/nonexistent}" -name test_batch.bin 2>/dev/null | head -n 1)
if [ -n "$batch" ]; then
  read -r train test <<<"${PICTURES:-5000 2000}"
  "${PYTHON:-python3}" "$source/benchmarks/gpu/pictures.py" pack "$(dirname "$batch")" "$out/data/cifar10-packed" \
    "$train" "$test"
fi
for each in programs.tar.xz data .; do du -sh --apparent-size "$out/$each"; done
shift 2
size() { du -s --apparent-size --block-size=1 "$1" | cut -f 1; }
for more in "$@"; do
  mkdir -p "$more"
  rm -f "$more"/*.xz
done
while [ $# -gt 0 ]; do
  least=$1
  for more in "$@"; do [ "$(size "$more")" -ge "$(size "$least")" ] || least=$more; done
  piece=$(find "$out/data/cifar10-packed" -name 't*.xz' | sort -r | head -n 1)
  if [ -z "$piece" ] || [ "$(size "$out")" -le "$(size "$least")" ]; then break; fi
  mv "$piece" "$least"
done
[ $# = 0 ] || du -sh --apparent-size "$out" "$@"
