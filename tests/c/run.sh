#!/bin/bash
# run.sh [--sanitizers|--valgrind] PROGRAM [CASE…]: builds one program of tests/c, test_read, and runs it against real registries: all of
# its cases, or those with these names (* and ? as in a shell). Needs the release library (make); OCIREG_LIBRARY_DIR says where it is,
# if elsewhere.
set -euo pipefail

cd "$(dirname "$0")/../.."
library=${OCIREG_LIBRARY_DIR:-$PWD/target/release}
. tests/c/build.sh

fail() { echo "run.sh: $*" >&2; exit 1; }

how=() folder=target/ctest arguments=()
case ${1:-} in
    --sanitizers) shift; folder=target/ctest/asan arguments=("${sanitize[@]}") ;;
    --valgrind) shift; how=(valgrind --quiet "${valgrind_finds[@]}" --suppressions=bindings/packaging/valgrind.supp --fair-sched=try) ;;
esac
program=${1:-}
[ -f "tests/c/$program.c" ] || fail "usage: run.sh [--sanitizers|--valgrind] PROGRAM [CASE…]; programs: $(cd tests/c && echo test_*.c | sed 's/\.c//g')"
shift
[ -e "$library/libocireg.so" ] || fail "$library/libocireg.so is missing: run make"
build_helpers "$folder" "${arguments[@]}"
build_program "$folder" "$program" "${arguments[@]}"
exec tests/registries/run "${how[@]}" "$folder/$program" "$@"
