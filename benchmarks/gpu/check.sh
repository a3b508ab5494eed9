#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Tests and times the CUDA backend on this machine's GPU, from a folder that pack.sh made:
#   OUT=results .../benchmarks/gpu/check.sh doctor tests train seeds mark bench steps profile libraries kernels lab monitor memcheck cublaslt
# Every command has a time limit; one that fails is named and the next goes on. Short tables come on
# standard output, whole logs go to logs/ beside the programs and, after each section, packed into
# the one file $OUT/logs.tar.xz. PYTHON names the interpreter that has the peers.
# TREINO_CUDA_DRIVER and TREINO_CUDA_IMAGE (a stand-in) are passed on to all.
set -u
[ $# -gt 0 ] || { sed -n '3,8s/^# //p' "$0"; exit 2; }
root=$(dirname "$(readlink -f "$0")")/../..
root=$(readlink -f "$root")
cd "$root" || exit 1
results=${OUT:-$root/out} out=$root/logs
python=${PYTHON:-python3}
mkdir -p "$results" "$out"
results=$(readlink -f "$results")
[ -d programs ] || "$python" -m tarfile -e programs.tar.xz . || tar -xJf programs.tar.xz || exit 1
export TREINO_DATA=$root/data XDG_CACHE_HOME=$root/cache HOME=${HOME:-$root}
# NVIDIA's libraries as Python packages bring them; cuDNN of those, unless TREINO_CUDNN names another.
folders=$("$python" -c 'import glob, nvidia
print(":".join(f for path in nvidia.__path__ for f in glob.glob(path + "/*/lib")))' 2>/dev/null)
if [ -z "${TREINO_CUDNN:-}" ]; then
  for folder in ${folders//:/ }; do
    [ ! -e "$folder/libcudnn.so.9" ] || export TREINO_CUDNN=$folder/libcudnn.so.9
  done
  [ -z "$folders" ] || export LD_LIBRARY_PATH=${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$folders
fi
export TREINO_TEST_CUDA=real TREINO_TEST_SOURCES=$root TREINO_TEST_PROGRAM=$root/bin/treino
started=$SECONDS

say() { printf '\n== %s (%d s)\n' "$*" $((SECONDS - started)); }

# limited NAME SECONDS COMMAND...: runs it into $out/NAME.log and says how it ended.
limited() {
  local name=$1 seconds=$2 start rc=0
  shift 2
  start=$(date +%s.%N)
  timeout -k 5 "$seconds" "$@" >"$out/$name.log" 2>&1 </dev/null || rc=$?
  printf '%-34s %s after %.2f s\n' "$name" "$([ $rc = 0 ] && echo ok || echo "FAILED ($rc)")" \
    "$(echo "$(date +%s.%N) $start" | awk '{print $1 - $2}')"
  [ $rc = 0 ] || tail -n 3 "$out/$name.log" | cut -c 1-300 | sed 's/^/    /'
  return $rc
}

doctor() {
  say doctor
  nvidia-smi 2>&1 | head -n 20
  timeout 60 bin/treino doctor 2>&1 | grep -E 'GPU|gpu|NVML|threads|processor|data sets' | cut -c 1-200
}

# shards NAME SECONDS COUNT PROGRAM FILTER: the tests in so many processes side by side.
shards() {
  local name=$1 seconds=$2 count=$3 program=$4 filter=$5 i
  for ((i = 0; i < count; ++i)); do
    GTEST_TOTAL_SHARDS=$count GTEST_SHARD_INDEX=$i timeout -k 5 "$seconds" "bin/$program" \
      --gtest_filter="$filter" >"$out/$name.$i.log" 2>&1 </dev/null || echo "shard ended with $?" >>"$out/$name.$i.log" &
  done
}

# said_by TEST: what the first run of it in a log printed.
said_by() {
  awk -v test="$1" '$2 == "RUN" && $4 == test {open = 1; next}
    /^\[  FAILED  \]|^\[       OK|^shard ended/ {if (open) {print; exit}} open && NF'
}

tests() {
  say "tests on the GPU (TREINO_NETWORKS=${TREINO_NETWORKS:=400})"
  export TREINO_NETWORKS
  rm -f "$out"/{conformance,networks,golden,training}.*.log "$out"/again.*.log
  shards conformance 100 6 treino_test_conformance 'Ops/EveryOp.AgreesWithTheReference/*:SpecialValues.*:Of/Precisions.*'
  shards golden 120 8 treino_test_golden 'Networks/Golden.*:Networks/Rounded.*'
  shards training 100 2 treino_test_cuda \
    'CudaLibraries.*:Networks/CudaTraining.*:Networks/CudaShortTraining.*:Networks/CudaSteps.*:CudaMemory.TrainsWhereThereIsEnough:CudaMemory.TheLimitCountsAsTheGpusSize'
  shards networks 100 4 treino_test_conformance 'Parts/RandomNetworks.*'
  wait
  local name failed
  for name in conformance networks golden training; do
    printf '%-14s %4d ok %4d failed; shards that did not end well: %d\n' "$name" \
      "$(cat "$out/$name".*.log | grep -c '^\[       OK \]')" \
      "$(cat "$out/$name".*.log | grep -cE '^\[  FAILED  \].* ms\)$')" \
      "$(cat "$out/$name".*.log | grep -cE '^shard ended with ([^1]|1.)')"
  done
  # A kernel that touches foreign memory spoils the process for the tests after it: each failure alone.
  for name in conformance golden training networks; do
    local program=treino_test_$name
    [ $name = networks ] && program=treino_test_conformance
    [ $name = training ] && program=treino_test_cuda
    failed=$(cat "$out/$name".*.log | awk '/^\[ RUN/ {run = $4; open = 1} /^\[       OK/ {open = 0}
      /^\[  FAILED  \].* ms\)$/ {print run; open = 0} /^shard ended/ {if (open) print run; open = 0}' | sort -u | head -n 16)
    for test in $failed; do
      timeout -k 5 40 "bin/$program" --gtest_filter="$test" >"$out/again.${test//\//_}.log" 2>&1 </dev/null
      local rc=$?
      if [ $rc = 0 ]; then
        echo "  $test passes alone; among others:"
        cat "$out/$name".*.log | said_by "$test" | head -n "${LINES_OF_FAILURE:-6}" | cut -c 1-220 | sed 's/^/      /'
        continue
      fi
      echo "  $test fails alone ($rc):"
      grep -vE '^\[|^Note|^$|^Running' "$out/again.${test//\//_}.log" | head -n "${LINES_OF_FAILURE:-6}" | cut -c 1-220 | sed 's/^/      /'
    done
  done
}

unpack_cifar() {
  local to=$root/data/cifar10/cifar-10-batches-bin
  [ ! -f "$root/data/cifar10-packed/train.00.xz" ] || [ -f "$to/test_batch.bin" ] ||
    "$python" benchmarks/gpu/pictures.py unpack data/cifar10-packed "$to"
}

train() {
  say "train (cifar10: a piece of it, repeated)"
  unpack_cifar
  local recipe device
  for recipe in ${RECIPES:-mnist cifar10}; do
    for device in ${DEVICES:-cuda cpu}; do
      rm -rf "$root/run.$recipe.$device"
      limited "train.$recipe.$device" 100 bin/treino train "$recipe" --device "$device" --out "$root/run.$recipe.$device" &&
        tail -n "${LINES_OF_TRAINING:-6}" "$out/train.$recipe.$device.log" | cut -c 1-160 | sed 's/^/    /'
      cp "$root/run.$recipe.$device/events.jsonl" "$out/train.$recipe.$device.jsonl" 2>/dev/null
    done
  done
}

# Those on the CPU side by side, in so many threads each.
seeds() {
  say "seeds (cifar10: a piece of it, repeated)"
  unpack_cifar
  local recipe device seed threads
  local all=(${SEEDS:-1 2 3 4 5})
  threads=$(($(nproc) / ${#all[@]}))
  for recipe in ${RECIPES:-mnist cifar10}; do
    for device in ${DEVICES:-cuda cpu}; do
      for seed in "${all[@]}"; do
        local name=seeds.$recipe.$device.$seed
        rm -rf "$root/run.$name"
        timeout -k 5 "${SEEDS_LIMIT:-150}" bin/treino train "$recipe" --device "$device" --seed "$seed" --quiet \
          --threads $((threads > 1 ? threads : 1)) --out "$root/run.$name" >"$out/$name.log" 2>&1 </dev/null &
        [ "$device" = cpu ] || wait
      done
      wait
      printf '%-8s %-5s test accuracy' "$recipe" "$device"
      for seed in "${all[@]}"; do
        awk '/^test accuracy/ {found = $3} END {printf " %s", found ? found : "FAILED"}' "$out/seeds.$recipe.$device.$seed.log"
      done | tee "$out/seeds.$recipe.$device"
      awk '{for (i = 1; i <= NF; ++i) if ($i + 0 > 0) {s += $i; q += $i * $i; ++n}
        if (n > 1) printf ";  mean %.4f, deviation %.4f\n", s / n, sqrt((q - s * s / n) / (n - 1)); else print ""}' "$out/seeds.$recipe.$device"
      grep -hvE '^$|^(test|training|compiling|peak|saved) ' "$out/seeds.$recipe.$device".*.log | sort | uniq -c | head -n 3 | cut -c 1-200
    done
  done
}

# The public mark, CIFAR-10 to 94 %: wants every picture, those too that pack.sh put into more folders.
mark() {
  say "mark: ${MARK:=cifar10-94} in ${PRECISION:=bf16}"
  local packed=$root/data/cifar10-packed to=$root/data/cifar10/cifar-10-batches-bin seed name have
  have=("$packed"/t*.xz)
  if [ -d "$packed" ] && [ ! -f "$root/data/cifar10/whole" ]; then
    "$python" benchmarks/gpu/pictures.py unpack "$packed" "$to" || return
    if [ ${#have[@]} = 24 ]; then
      touch "$root/data/cifar10/whole"
    else
      echo "ONLY A PIECE of the pictures, repeated: the seconds count, the accuracy says nothing"
    fi
  fi
  for seed in ${SEEDS:-1 2 3}; do
    name=mark.$MARK.$PRECISION.$seed
    rm -rf "$root/run.$name"
    limited "$name" "${MARK_LIMIT:-180}" bin/treino train "$MARK" --device "${DEVICE:-cuda}" --seed "$seed" \
      --set train.precision="$PRECISION" --out "$root/run.$name" ${MARK_OPTIONS:-}
    tail -n "${LINES_OF_MARK:-40}" "$out/$name.log" | grep -vE '^$|^peak|^saved' | cut -c 1-110 | sed 's/^/    /'
    cp "$root/run.$name/events.jsonl" "$out/$name.jsonl" 2>/dev/null
  done
  for seed in ${SEEDS:-1 2 3}; do
    awk -v seed="$seed" '/^test accuracy/ {accuracy = $3} /^training/ {seconds = $2 " " $3}
      END {printf "seed %s: test accuracy %s, training %s\n", seed, accuracy ? accuracy : "FAILED", seconds}' \
      "$out/mark.$MARK.$PRECISION.$seed.log"
  done
}

# What contestants are started with: PYTHON without the libraries that came for our programs, and
# with the optax that came along where it has none.
contestants_python() {
  local optax=
  "$python" -c 'import optax' 2>/dev/null || optax='export PYTHONPATH="${PYTHONPATH:+$PYTHONPATH:}'$root/python\"
  cat >"$root/contestants-python" <<END
#!/bin/sh
export LD_LIBRARY_PATH="${LD_LIBRARY_PATH:-}"
$optax
exec "$(command -v "$python")" "\$@"
END
  chmod +x "$root/contestants-python"
  export TREINO_BENCH_PYTHON=$root/contestants-python
}

# The contestants side by side as `treino bench` has them; whoever cannot run here is left out and named.
bench() {
  say "bench: experiments/gpu.toml on ${DEVICE:=cuda} (cifar10: a piece of it, repeated)"
  unpack_cifar
  contestants_python
  local cores log folder=$out/bench
  timeout -k 5 60 bin/treino bench setup --afresh pytorch jax keras >"$out/bench.setup.log" 2>&1 </dev/null
  for log in "$XDG_CACHE_HOME"/treino/contestants/*/setup.log; do
    [ -f "${log%.log}.json" ] || echo "$(basename "$(dirname "$log")" | sed 's/-[^-]*$//') is left out: $(tail -n 1 "$log" | cut -c 1-120)"
  done
  # A disturbed run is named and not repeated: the time is short.
  sed "s/^device = .*/device = \"$DEVICE\"\ntries = 1/" experiments/gpu.toml >"$out/bench.toml"
  rm -rf "$folder"
  cores=$(nproc)
  # A core for the monitor. What there is when the time is over is reported too.
  # shellcheck disable=SC2086
  limited bench "${BENCH_LIMIT:-150}" bin/treino bench "$out/bench.toml" --out "$folder" --no-history \
    --repeat "${REPEAT:-3}" --threads $((cores > 2 ? cores - 1 : cores)) ${BENCH_OPTIONS:-}
  grep -E '^block|given up|not ranked' "$out/bench.log" | cut -c 1-160 | sed 's/^/    /'
  local format
  for format in csv md json; do
    bin/treino report "$folder" --$format >"$out/bench.$format" 2>>"$out/bench.log"
  done
  # Of the page's tables those that say who was how fast, and what it took.
  awk '/^## / {shown = 0} /^## Warnings/ {exit} /^\*\*/ {shown = /time and resources|by phase|certificate/}
    shown' "$out/bench.md" | cat -s | cut -c 1-260
  "$python" - "$folder/result.json" <<'END'
import json, sys
result = json.load(open(sys.argv[1]))
print("versions:", ", ".join(sorted({f"{run['framework']} {run['version']}" for run in result["runs"] if run["framework"]})))
for one in result["certificates"]:
    said = [f"{d['field']}: {d['contestant']} {d['value']}, {d['other']} {d['other_value']}" for d in one["differences"]]
    verdict = "yes" if one["ok"] else "NO" if said else "nothing ran"
    print(f"same work, {one['work']}: " + "; ".join([verdict, *said, *one["unknown"], *one["notes"]]))
END
}

monitor() {
  say "the monitor's GPU columns"
  timeout -k 5 90 "$python" benchmarks/gpu/monitor_load.py --treino bin/treino --load bin/treino_bench_step --out "$out" \
    --device "${DEVICE:-cuda}" ${MONITOR_OPTIONS:-} 2>"$out/monitor.err" || {
    echo "FAILED ($?)"
    tail -n 3 "$out/monitor.err"
  }
}

steps() {
  say "steps beside PyTorch and JAX (fp32, TF32 off unless named)"
  timeout -k 5 "${STEPS_LIMIT:-280}" "$python" benchmarks/gpu/steps.py ${NETWORKS:-recipes/mnist.toml recipes/cifar10.toml} \
    --program bin/treino_bench_peer --out "$out" ${STEPS_OPTIONS:-} 2>"$out/steps.err" || {
    echo "FAILED ($?)"
    tail -n 3 "$out/steps.err"
  }
}

profile() {
  say "profile of a step, its launches, and for how much of it the GPU idles"
  local recipe name
  for recipe in ${NETWORKS:-recipes/mnist.toml recipes/cifar10.toml}; do
    name=profile.$(basename "$recipe" .toml)
    limited "$name" 60 bin/treino profile "$recipe" --device cuda && cut -c 1-170 "$out/$name.log"
    limited "$name.json" 60 bin/treino profile "$recipe" --device cuda --json
  done
}

libraries() {
  say "heavy ops beside cuDNN and cuBLAS"
  timeout -k 5 "${LIBRARIES_LIMIT:-90}" "$python" benchmarks/gpu/libraries.py ${NETWORKS:-recipes/mnist.toml recipes/cifar10.toml} \
    --device "${DEVICE:-cuda}" --json "$out/libraries.json" ${LIBRARIES_OPTIONS:-} 2>"$out/libraries.err" || {
    echo "FAILED ($?)"
    tail -n 3 "$out/libraries.err"
  }
}

# Each launch of one step by the GPU's own counters; needs ncu. Its table is $out/kernels.NAME.csv.
kernels() {
  say "kernels by the GPU's counters (ncu)"
  local recipe name stall=smsp__average_warps_issue_stalled
  for recipe in ${NETWORKS:-recipes/mnist.toml recipes/cifar10.toml}; do
    name=kernels.$(basename "$recipe" .toml)
    TREINO_CUDA_STEP=single limited "$name" 100 ncu --clock-control none --target-processes all \
      --launch-skip "${SKIPPED:-0}" --launch-count "${LAUNCHES:-40}" --csv --page raw --log-file "$out/$name.csv" \
      --metrics "gpu__time_duration.sum,launch__grid_size,launch__registers_per_thread,smsp__inst_executed.sum,\
smsp__issue_active.avg.pct_of_peak_sustained_active,sm__warps_active.avg.pct_of_peak_sustained_active,\
smsp__inst_executed_pipe_fma.sum,smsp__sass_inst_executed_op_local.sum,dram__bytes.sum,lts__t_bytes.sum,\
l1tex__data_bank_conflicts_pipe_lsu.sum,${stall}_barrier_per_issue_active.ratio,\
${stall}_long_scoreboard_per_issue_active.ratio,${stall}_short_scoreboard_per_issue_active.ratio,\
${stall}_math_pipe_throttle_per_issue_active.ratio,${stall}_mio_throttle_per_issue_active.ratio,\
${stall}_no_instruction_per_issue_active.ratio,${stall}_wait_per_issue_active.ratio" \
      bin/treino_bench_step "$recipe" device=cuda seconds=0.01 epoch=4
  done
}

# Variants of kernels by themselves, in chains of a graph; FAMILIES names some of them.
lab() {
  say "variants of kernels (${FAMILIES:-all})"
  # shellcheck disable=SC2086
  limited lab "${LAB_LIMIT:-60}" bin/treino_bench_kernels ${FAMILIES:-}
  cut -c 1-150 "$out/lab.log"
}

memcheck() {
  say memcheck
  limited memcheck.training 120 compute-sanitizer --tool memcheck --target-processes all bin/treino_test_cuda \
    --gtest_filter='Networks/CudaTraining.FourEpochsAreTwoAndTwo/dense'
  tail -n 4 "$out/memcheck.training.log" | cut -c 1-200
  limited memcheck.conv 120 compute-sanitizer --tool memcheck --target-processes all bin/treino_test_conformance \
    --gtest_filter='Ops/EveryOp.AgreesWithTheReference/conv2d*'
  tail -n 4 "$out/memcheck.conv.log" | cut -c 1-200
}

# Products by cuBLASLt, in each way a step can be run; which algorithms it takes.
cublaslt() {
  local folder file edges step
  for folder in ${folders//:/ }; do
    for file in "$folder"/libcublasLt.so.1*; do
      [ ! -e "$file" ] || : "${TREINO_CUBLASLT:=$file}"
    done
  done
  local -x TREINO_CUBLASLT=${TREINO_CUBLASLT:-libcublasLt.so} TREINO_CUDA_LIBRARIES=always
  say "products by cuBLASLt ($TREINO_CUBLASLT)"
  for edges in early full; do
    for step in graph single; do
      TREINO_CUDA_EDGES=$edges TREINO_CUDA_STEP=$step limited "cublaslt.training.$edges.$step" 60 \
        bin/treino_test_cuda --gtest_filter=CudaLibraries.TrainAsOwnKernelsDo
      TREINO_CUDA_EDGES=$edges TREINO_CUDA_STEP=$step limited "cublaslt.ops.$edges.$step" 60 \
        bin/treino_test_conformance --gtest_filter='Of/Precisions.*'
    done
  done
  limited cublaslt.names 60 bin/treino train mnist --device cuda --epochs 1 --out "$root/run.cublaslt"
  grep -oh 'cublaslt [^"]*' "$root/run.cublaslt/environment.json" | sort | uniq -c
}

for section in "$@"; do
  case $section in
    doctor | tests | train | seeds | mark | bench | steps | profile | libraries | kernels | lab | monitor | memcheck | cublaslt) "$section" 2>&1 | tee "$out/section.$section.txt" ;;
    *) echo "no section $section"; exit 2 ;;
  esac
  # After each, so that a run that is cut off leaves what there was.
  "$python" - "$results/logs.part" <<'END' && mv "$results/logs.part" "$results/logs.tar.xz"
import sys, tarfile
with tarfile.open(sys.argv[1], "w:xz", preset=2) as archive:
    archive.add("logs")
END
done
say "all done"
