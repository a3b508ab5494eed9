#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Tests and times the CUDA backend on this machine's GPU, from a folder that pack.sh made:
#   OUT=logs .../benchmarks/gpu/check.sh doctor tests train steps profile memcheck
# Every command has a time limit; one that fails is named and the next goes on. Short tables come on
# standard output, whole logs go to $OUT. PYTHON names the interpreter that has the peers.
# TREINO_CUDA_DRIVER and TREINO_CUDA_IMAGE (a stand-in) are passed on to all.
set -u
[ $# -gt 0 ] || { sed -n '3,7s/^# //p' "$0"; exit 2; }
root=$(dirname "$(readlink -f "$0")")/../..
root=$(readlink -f "$root")
cd "$root" || exit 1
out=${OUT:-$root/out}
python=${PYTHON:-python3}
mkdir -p "$out"
[ -d programs ] || tar -xJf programs.tar.xz || "$python" -m tarfile -e programs.tar.xz . || exit 1
out=$(readlink -f "$out")
export TREINO_DATA=$root/data XDG_CACHE_HOME=$root/cache HOME=${HOME:-$root}
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
  timeout 30 bin/treino doctor 2>&1 | grep -E 'GPU|gpu|NVML|threads|processor|data sets' | cut -c 1-200
}

# shards NAME SECONDS COUNT PROGRAM FILTER: the tests in so many processes side by side.
shards() {
  local name=$1 seconds=$2 count=$3 program=$4 filter=$5 i
  for ((i = 0; i < count; ++i)); do
    GTEST_TOTAL_SHARDS=$count GTEST_SHARD_INDEX=$i timeout -k 5 "$seconds" "bin/$program" \
      --gtest_filter="$filter" >"$out/$name.$i.log" 2>&1 </dev/null || echo "shard ended with $?" >>"$out/$name.$i.log" &
  done
}

tests() {
  say "tests on the GPU (TREINO_NETWORKS=${TREINO_NETWORKS:=400})"
  export TREINO_NETWORKS
  rm -f "$out"/{conformance,networks,golden,training}.*.log "$out"/again.*.log
  shards conformance 100 6 treino_test_conformance 'Ops/EveryOp.AgreesWithTheReference/*:SpecialValues.*'
  shards golden 120 8 treino_test_golden 'Networks/Golden.*'
  shards training 100 2 treino_test_cuda \
    'Networks/CudaTraining.*:CudaMemory.TrainsWhereThereIsEnough:CudaMemory.TheLimitCountsAsTheGpusSize'
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
      [ $rc = 0 ] && { echo "  $test passes alone"; continue; }
      echo "  $test fails alone ($rc):"
      grep -vE '^\[|^Note|^$|^Running' "$out/again.${test//\//_}.log" | head -n "${LINES_OF_FAILURE:-6}" | cut -c 1-220 | sed 's/^/      /'
    done
  done
}

unpack_cifar() {
  local to=$root/data/cifar10/cifar-10-batches-bin i
  [ -f "$root/data/cifar10-train.bin.gz" ] && [ ! -f "$to/test_batch.bin" ] || return 0
  mkdir -p "$to"
  gunzip -c data/cifar10-train.bin.gz >"$to/part"
  for i in 1 2 3 4 5; do cat "$to/part" "$to/part" >"$to/data_batch_$i.bin"; done
  rm "$to/part"
  for i in 1 2 3 4 5; do gunzip -c data/cifar10-test.bin.gz; done >"$to/test_batch.bin"
  printf '%s\n' airplane automobile bird cat deer dog frog horse ship truck >"$to/batches.meta.txt"
}

train() {
  say "train (cifar10: 5,000 pictures ten times over, tested on 2,000)"
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

steps() {
  say "steps beside PyTorch and JAX (fp32, TF32 off unless named)"
  timeout -k 5 "${STEPS_LIMIT:-280}" "$python" benchmarks/gpu/steps.py ${NETWORKS:-recipes/mnist.toml recipes/cifar10.toml} \
    --program bin/treino_bench_peer --out "$out" ${STEPS_OPTIONS:-} 2>"$out/steps.err" || {
    echo "FAILED ($?)"
    tail -n 3 "$out/steps.err"
  }
}

profile() {
  say "profile of a step, the steps each by itself"
  local recipe name
  for recipe in ${NETWORKS:-recipes/mnist.toml recipes/cifar10.toml}; do
    name=profile.$(basename "$recipe" .toml)
    limited "$name" 60 bin/treino_bench_step "$recipe" device=cuda epoch=1000 window=0.05 seconds=2
    cut -c 1-170 "$out/$name.log"
  done
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

for section in "$@"; do
  case $section in
    doctor | tests | train | steps | profile | memcheck) "$section" ;;
    *) echo "no section $section"; exit 2 ;;
  esac
done
say "all done"
