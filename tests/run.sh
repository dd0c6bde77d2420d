#!/bin/bash
# Every test, `make test`. Runs all of them even when one fails; the last line is "N passed, N failed".
set -u

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root" || exit 1
logs=$root/target/test-logs
library=$root/target/release
. tests/c/build.sh
mkdir -p "$logs" target/ctest
passed=0
failed=0
begun=$SECONDS

say() { printf '\n== %s (%d s)\n' "$*" $((SECONDS - begun)); }
count() { passed=$((passed + $1)); failed=$((failed + $2)); }

# step NAME COMMAND…: one test that is a command, with its time in seconds
step() {
    local name=$1 begun=$SECONDS
    shift
    if "$@" >"$logs/${name//[^a-z0-9]/-}.log" 2>&1; then
        echo "ok      $name ($((SECONDS - begun)) s)"
        count 1 0
    else
        echo "FAILED  $name"
        tail -n 40 "$logs/${name//[^a-z0-9]/-}.log"
        count 0 1
    fi
}

# cargo_tests NAME ARG…: Rust tests, counted one by one
cargo_tests() {
    local log=$logs/cargo-$1.log name=$1 status=0 begun=$SECONDS
    shift
    "$@" >"$log" 2>&1 || status=$?
    local ok bad
    ok=$(awk '/^test result:/ { n += $4 } END { print n + 0 }' "$log")
    bad=$(awk '/^test result:/ { n += $6 } END { print n + 0 }' "$log")
    [ "$status" -eq 0 ] || [ "$bad" -gt 0 ] || bad=1
    if [ "$ok" -eq 0 ] && [ "$bad" -eq 0 ]; then bad=1; fi
    echo "$([ "$bad" -eq 0 ] && echo 'ok     ' || echo 'FAILED ') $name: $ok passed, $bad failed ($((SECONDS - begun)) s)"
    [ "$bad" -eq 0 ] || grep -E '^(---- |thread |error|test .*FAILED|  left|  right|assertion)|panicked' -A4 "$log" | head -80
    count "$ok" "$bad"
}

# c_tests HOW WIDTH PROGRAMS COMMAND…: C test programs run with a command, WIDTH at a time, counted by cmocka's own
# lines
c_tests() {
    local how=$1 width=$2 programs=$3 program log status ok bad
    shift 3
    for program in $programs; do
        while [ "$(jobs -rp | wc -l)" -ge "$width" ]; do wait -n; done
        one_c_test "$logs/c-$how-${program##*/}" "$@" "$program" &
    done
    wait
    for program in $programs; do
        log=$logs/c-$how-${program##*/}.log
        status=$(cat "${log%.log}.status")
        ok=$(grep -c '^\[       OK \]' "$log")
        bad=$(grep '^\[  FAILED  \] [a-z_]*$' "$log" | sort -u | wc -l)
        if [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; then bad=1; fi
        if [ "$ok" -eq 0 ] && [ "$bad" -eq 0 ]; then bad=1; fi
        echo "$([ "$bad" -eq 0 ] && echo 'ok     ' || echo 'FAILED ') ${program##*/} ($how): $ok passed, $bad failed"
        [ "$bad" -eq 0 ] || grep -vE '^\[ (RUN|      OK)' "$log" | tail -n 60
        count "$ok" "$bad"
    done
}

# one_c_test LOG COMMAND…: with its time in seconds
one_c_test() {
    local log=$1 status=0 begun=$SECONDS
    shift
    timeout 600 "$@" >"$log.log" 2>&1 || status=$?
    echo "$((SECONDS - begun)) s" >"$log.time"
    echo "$status" >"$log.status"
}

# The release profile's library with the hook that forces a panic, under another name: see test_panic.c. It need not be
# fast, and without link-time optimisation its dependencies are already built: those of the static library.
build_panic_library() {
    CARGO_PROFILE_RELEASE_LTO=off RUSTFLAGS="${RUSTFLAGS:-} -C embed-bitcode=yes" \
        cargo rustc --locked --release --lib --features force-panic --crate-type cdylib -- \
        -C extra-filename=-panic -C opt-level=0 -C codegen-units=16 || return 1
    mkdir -p target/panic
    cp target/release/deps/libocireg-panic.so target/panic/libocireg.so
}

build_c_tests() {
    local source name
    rm -f target/ctest/test_* target/ctest/asan/test_*
    build_helpers target/ctest || return 1
    build_helpers target/ctest/asan "${sanitize[@]}" || return 1
    for source in tests/c/test_*.c; do
        name=$(basename "$source" .c)
        build_program target/ctest "$name" || return 1
        build_program target/ctest/asan "$name" "${sanitize[@]}" || return 1
    done
    compile target/ctest/asan/ocireg "$library" "${sanitize[@]}" bindings/c/*.c || return 1
    compile target/ctest/asan/proof "$library" "${sanitize[@]}" tests/sanitizers.c
}

# counted NAME COMMAND…: tests whose last line is "NAME: N passed, N failed"
counted() {
    local name=$1 log=$logs/$1.log status=0 begun=$SECONDS ok bad
    shift
    timeout 900 "$@" >"$log" 2>&1 || status=$?
    read -r ok bad < <(sed -nE "s/^$name: ([0-9]+) passed, ([0-9]+) failed$/\1 \2/p" "$log" | tail -1)
    ok=${ok:-0} bad=${bad:-0}
    [ "$status" -eq 0 ] || [ "$bad" -gt 0 ] || bad=1
    if [ "$ok" -eq 0 ] && [ "$bad" -eq 0 ]; then bad=1; fi
    echo "$([ "$bad" -eq 0 ] && echo 'ok     ' || echo 'FAILED ') $name: $ok passed, $bad failed ($((SECONDS - begun)) s)"
    [ "$bad" -eq 0 ] || tail -n 80 "$log"
    count "$ok" "$bad"
}

# containerd's own resolver reads the files of tests/machine, and must ask the same hosts.
beside_containerd() (
    cd tests/containerd && CGO_ENABLED=0 GOFLAGS=-mod=readonly go run . ../machine
)

# Each fault of the proof program ends it with the sanitizers' report, and without a fault it succeeds.
sanitizers_are_on() {
    local fault report output
    while read -r fault report; do
        if output=$(target/ctest/asan/proof "$fault" 2>&1) || [[ $output != *"$report"* ]]; then
            printf '%s: no report of "%s":\n%s\n' "$fault" "$report" "$output"
            return 1
        fi
    done <<'END'
overflow AddressSanitizer: heap-buffer-overflow
overflow-inside AddressSanitizer: heap-buffer-overflow
use-after-free AddressSanitizer: heap-use-after-free
free-by-libc AddressSanitizer: attempting free on address which was not malloc()-ed
leak LeakSanitizer: detected memory leaks
leak-of-a-client LeakSanitizer: detected memory leaks
undefined runtime error: signed integer overflow
END
    [ "$(target/ctest/asan/proof fine 2>&1)" = 'came to its end' ]
}

# Tests that are meaningful only in an ordinary process: signals, time limits, forks, threads and panics. The other
# tests are run better with the sanitizers.
readonly PLAIN='test_callbacks test_cancel test_fork test_handles test_interrupt test_job_events test_job_readers
    test_jobs test_json_memory test_panic test_resources test_signals test_small test_stack test_threads test_wiped'

# Not under valgrind on every run: these try the protocol and the command rather than the boundary to C and its memory. `make valgrind`
# runs all.
readonly PROTOCOL='test_behaviours test_cancel test_command test_commands test_completion test_descriptors test_faults test_interrupt
    test_login test_machine test_mirrors test_network test_outside test_pages test_places test_read test_redirects test_referrers
    test_resources test_shell test_signals test_small test_terminal test_tokens test_v1 test_v1_oddities test_write test_wrong_lines'
# In an ordinary process only: they look into all of its memory, or measure it. The sanitizers have terabytes, and valgrind copies.
readonly ORDINARY='test_wiped test_json_memory'
# Never: with wrong handles and painted stacks they read memory that valgrind considers invalid.
readonly UNSOUND='test_handles test_stack'

# c_programs EXCEPT…: the names of the others
c_programs() {
    local source name
    for source in tests/c/test_*.c; do
        name=$(basename "$source" .c)
        [[ " $* " == *" $name "* ]] || echo "$name"
    done
}

# Everything that needs no release build. Failures of building test programs are reported where they run.
without_release() {
    step 'cargo fmt' cargo fmt --check
    step 'cargo clippy' cargo clippy --locked --all-targets -- -D warnings
    step 'rubocop' rubocop --cache false bindings/ruby
    step 'manual pages' tests/manual.sh
    step 'rustdoc' env RUSTDOCFLAGS='-D warnings' cargo doc --locked --no-deps --document-private-items
    cargo test --locked --no-run --lib --test faults --test fuzz --test abi --test interop >"$logs/debug-build.log" 2>&1
    cargo_tests unit cargo test --locked --lib
    cargo_tests documentation cargo test --locked --doc
    # They mostly wait: the processor is for what is compiled meanwhile.
    cargo_tests faults cargo test --locked --test faults
    cargo_tests fuzz cargo test --locked --test fuzz
    keep_counts without-release
}

# wait_for_set_up: until it has ended; whether well
wait_for_set_up() {
    until [ -s "$logs/set-up" ]; do sleep 1; done
    [ "$(cat "$logs/set-up")" = 0 ]
}

# keep_counts NAME, and take_counts NAME, for what ran in another shell
keep_counts() { echo "$passed $failed" >"$logs/counts-$1"; }
take_counts() {
    local ok bad
    if read -r ok bad <"$logs/counts-$1"; then count "$ok" "$bad"; else count 0 1; fi
}

with_registries() {
    cargo_tests interop cargo test --locked --test interop
    c_tests plain 1 "${PLAIN//test_/target/ctest/test_}"
    OCIREG_TEST_COMMAND=$root/target/ctest/asan/ocireg c_tests sanitizers 2 "$(c_programs $ORDINARY | sed 's,^,target/ctest/asan/,')"
    # shellcheck disable=SC2086 # lists
    with_valgrind "$(c_programs $PROTOCOL $UNSOUND $ORDINARY)"
    keep_counts with-registries
}

# Each of them runs one thread at a time.
with_valgrind() {
    c_tests valgrind 2 "${1//test_/target/ctest/test_}" valgrind --quiet "${valgrind_finds[@]}" --suppressions=bindings/packaging/valgrind.supp --fair-sched=try
}

valgrind_alone() {
    build_panic_library >"$logs/panic.log" 2>&1 && build_c_tests || return 1
    # shellcheck disable=SC2086 # lists
    with_valgrind "$(c_programs $UNSOUND $ORDINARY)"
    echo "$passed passed, $failed failed"
    [ "$failed" -eq 0 ]
}

case ${1:-} in
    --without-release) without_release; exit 0 ;;
    --with-registries) with_registries; exit 0 ;;
    --valgrind) valgrind_alone; exit ;;
esac

say 'set-up, and beside it the release build; then what needs that, and beside it lint, debug builds and the tests without a registry'
rm -f "$logs"/counts* "$logs/set-up"
# It waits for servers most of the time, and the release build needs nothing of it. Linking uses one processor, what follows uses
# another.
{ tests/setup.sh test; echo $? >"$logs/set-up"; } &
{ wait_for_set_up && tests/run.sh --without-release >"$logs/without-release.log" 2>&1; } &
without_release=$!
step 'make all' make all
step 'the library that panics' build_panic_library
wait_for_set_up || exit 1
step 'build the C tests' build_c_tests
step 'the C++ binding' tests/cpp/run.sh
step 'make install' tests/install.sh
step 'make deb' tests/deb.sh
step 'the README' tests/readme.sh
step 'the sanitizers are on' sanitizers_are_on
step 'hosts.toml beside containerd' beside_containerd
wait "$without_release"
cat "$logs/without-release.log"
take_counts without-release
cargo_tests abi cargo test --locked --test abi
say 'with real registries: the bindings, and beside them Rust and C'
tests/registries/run tests/run.sh --with-registries >"$logs/with-registries.log" 2>&1 &
with_registries=$!
counted go tests/go.sh
counted ruby tests/ruby.sh
counted python tests/python.sh
wait "$with_registries"
cat "$logs/with-registries.log"
take_counts with-registries
step 'the registries by other clients' tests/registries/run tests/registries/check
step 'a short soak' tests/soak/run.sh 3000
say 'demo'
step 'make demo' make demo
say 'done'
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
