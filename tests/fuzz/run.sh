#!/bin/bash
# make fuzz: each target, or those that are named, for some seconds by libFuzzer. What it finds is kept in target/fuzz/failures, and
# what it has learned in target/fuzz/corpus, for the next time. SANITIZER=address also watches memory; that needs nightly Rust.
#
#     tests/fuzz/run.sh SECONDS [TARGET…]
set -u
cd "$(dirname "$0")/../.." || exit 1
seconds=${1:-10}
[ $# -eq 0 ] || shift
targets=$*
if [ -z "$targets" ]; then targets=$(ls tests/fuzz/seeds); fi
system=$(rustc -vV | sed -n 's/^host: //p')
flags='-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
    -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares'
cargo=(cargo)
if [ "${SANITIZER:-}" = address ]; then
    if ! cargo +nightly --version >/dev/null 2>&1; then
        echo 'nightly Rust is missing: without it, memory is not watched' >&2
        exit 1
    fi
    cargo=(cargo +nightly)
    flags="$flags -Zsanitizer=address"
fi

# Not in /tmp: a disk is slower, where most targets do not need one.
shared=/dev/shm
[ -w "$shared" ] || shared=${TMPDIR:-/tmp}
OCIREG_FUZZ_FOLDER=$(mktemp -d "$shared/ocireg-fuzz.XXXXXX")
export OCIREG_FUZZ_FOLDER
trap 'rm -rf "$OCIREG_FUZZ_FOLDER"' EXIT
export CARGO_TARGET_DIR=target/fuzz/build${SANITIZER:+-$SANITIZER}
program=$PWD/$CARGO_TARGET_DIR/$system/release/ocireg-fuzz
mkdir -p target/fuzz/failures target/fuzz/logs

failed=0
all=0
for target in $targets; do
    corpus=$PWD/target/fuzz/corpus/$target log=$PWD/target/fuzz/logs/$target.log
    mkdir -p "$corpus"
    export OCIREG_FUZZ_TARGET=$target
    RUSTFLAGS=$flags "${cargo[@]}" build --locked --release --quiet --target "$system" \
        --manifest-path tests/fuzz/libfuzzer/Cargo.toml || exit 1
    # A unit may take a second, as long as it does so each time (-report_slow_units); malloc_limit_mb is that of the largest target.
    "$program" -max_total_time="$seconds" -timeout=2 -max_len=4096 -rss_limit_mb=2048 -malloc_limit_mb=192 \
        -print_final_stats=1 -artifact_prefix="$PWD/target/fuzz/failures/$target-" "$corpus" "$PWD/tests/fuzz/seeds/$target" >"$log" 2>&1
    status=$?
    count=$(sed -nE 's/^stat::number_of_executed_units: //p' "$log")
    all=$((all + ${count:-0}))
    if [ $status -eq 0 ]; then
        printf '%-16s %12s executions\n' "$target" "${count:-0}"
    else
        failed=$((failed + 1))
        echo "$target: FAILED"
        grep -vE '^(#|INFO)' "$log" | tail -n 30
        echo "again: OCIREG_TEST_INPUT=FILE cargo test --locked --test fuzz -- --exact $target"
    fi
done
echo "$all executions, $failed targets failed"
[ $failed -eq 0 ]
