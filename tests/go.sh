#!/bin/bash
# go.sh [NAME]: the Go package and its tests against real registries: format, vet, tests, the race detector, cgo's own checks, and a
# program that links the static library; or only the tests that NAME, a regular expression, finds. Starts the registries unless they
# are running. Needs the release library (make); OCIREG_LIBRARY_DIR says where, if elsewhere. The last line is
# "go: N passed, N failed".
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
library=${OCIREG_LIBRARY_DIR:-$root/target/release}
package=$root/bindings/go
work=$root/target/go
readonly REGISTRIES=v3,htpasswd,tls,token,referrers,v1

if [ -z "${OCIREG_TEST_V3:-}" ]; then exec "$root/tests/registries/run" --only $REGISTRIES "$0" "$@"; fi

passed=0
failed=0
count() { passed=$((passed + $1)); failed=$((failed + $2)); }

# describe: creates an ocireg.pc for the library in its build folder, so that the package finds it like an installed one
describe() {
    local natives='' version
    [ ! -f "$library/native-static-libs" ] || natives=$(sed 's/-lgcc_s *//' "$library/native-static-libs")
    version=$(sed -n 's/^#define OCIREG_VERSION "\(.*\)"/\1/p' "$root/include/ocireg.h")
    mkdir -p "$work"
    sed -e "s|@PREFIX@|$root|" -e "s|@LIBDIR@|$library|" -e "s|@INCLUDEDIR@|$root/include|" -e "s|@VERSION@|$version|" \
        -e "s|@NATIVE_LIBS@|$natives|" "$root/bindings/packaging/ocireg.pc.in" >"$work/ocireg.pc"
    export PKG_CONFIG_PATH=$work LD_LIBRARY_PATH=$library CGO_ENABLED=1
    # Go ignores pkg-config's output when it looks for a package that it has built before, so use a separate cache.
    export GOFLAGS=-count=1 GOTOOLCHAIN=local GOCACHE=$work/cache
}

# step NAME COMMAND…: a test that is a command; it must succeed and print nothing
step() {
    local name=$1 output
    shift
    if output=$("$@" 2>&1) && [ -z "$output" ]; then
        echo "ok      go: $name"
        count 1 0
    else
        printf 'FAILED  go: %s\n%s\n' "$name" "$output"
        count 0 1
    fi
}

# go_tests NAME ARG…: Go tests, counted one by one. A skipped test counts as failed: all registries are running. Only
# the memory test may be skipped, where other things use memory.
go_tests() {
    local name=$1 log=$work/$1.log status=0 ok bad
    shift
    go test -v "$@" . >"$log" 2>&1 || status=$?
    ok=$(grep -c '^ *--- PASS:' "$log") || true
    bad=$(grep -E '^ *--- (FAIL|SKIP):' "$log" | grep -vcE -e '--- SKIP: (TestFlatMemory|Benchmark)') || true
    [ "$status" = 0 ] || [ "$bad" -gt 0 ] || bad=1
    [ "$ok" -gt 0 ] || [ "$bad" -gt 0 ] || bad=1
    echo "$([ "$bad" = 0 ] && echo 'ok     ' || echo 'FAILED ') go $name: $ok passed, $bad failed"
    [ "$bad" = 0 ] || grep -vE '^ *(=== |--- PASS:)' "$log" | tail -60
    count "$ok" "$bad"
}

formatted() { gofmt -l .; }

# A program with the static library, which does not need the shared one. The linker warns that getaddrinfo needs shared
# glibc.
linked_statically() {
    go test -tags ocireg_static -c -o "$work/static.test" . 2>"$work/static.log" || { cat "$work/static.log"; return 1; }
    ! readelf -d "$work/static.test" | grep libocireg || return 1
    env -u LD_LIBRARY_PATH "$work/static.test" -test.run Example >"$work/static.log" 2>&1 || { cat "$work/static.log"; return 1; }
}

# only NAME: only those tests, in whichever package
only() {
    go test -v -run "$1" . && cd registry && go test -v -run "$1" .
}

describe
cd "$package"
if [ $# -gt 0 ]; then
    only "$1" | tee "$work/only.log"
    grep -q '^=== RUN' "$work/only.log" || { echo "go: no test is called $1" >&2; exit 1; }
    exit
fi
step gofmt formatted
step vet go vet ./...
go_tests tests
GOEXPERIMENT=cgocheck2 go_tests 'race and cgocheck2' -race
# The package for users of another client is a separate module, because of its dependencies.
cd registry
step 'gofmt registry' formatted
step 'vet registry' go vet ./...
go_tests registry
cd ..
[ ! -f "$library/libocireg.a" ] || step 'the static library' linked_statically
echo "go: $passed passed, $failed failed"
[ "$failed" = 0 ]
