#!/bin/bash
# go.sh [NAME]: the Go package and its tests against real registries: format, vet, tests, the race detector, cgo's own checks, and a
# program that links the static library; or only the tests that NAME, a regular expression, finds. Starts the registries unless they
# are there. Needs the release library (make); OCIREG_LIBRARY_DIR says where it is, if elsewhere. The last line is
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

# describe: an ocireg.pc for the library where it was built, as the package finds an installed one
describe() {
    local natives='' version
    [ ! -f "$library/native-static-libs" ] || natives=$(sed 's/-lgcc_s *//' "$library/native-static-libs")
    version=$(sed -n 's/^#define OCIREG_VERSION "\(.*\)"/\1/p' "$root/include/ocireg.h")
    mkdir -p "$work"
    sed -e "s|@PREFIX@|$root|" -e "s|@LIBDIR@|$library|" -e "s|@INCLUDEDIR@|$root/include|" -e "s|@VERSION@|$version|" \
        -e "s|@NATIVE_LIBS@|$natives|" "$root/bindings/packaging/ocireg.pc.in" >"$work/ocireg.pc"
    export PKG_CONFIG_PATH=$work LD_LIBRARY_PATH=$library CGO_ENABLED=1
    # Go takes no notice of what pkg-config says when it looks for a package that it has built before: a cache of our own.
    export GOFLAGS=-count=1 GOTOOLCHAIN=local GOCACHE=$work/cache
}

# step NAME COMMAND…: a test that is a command; it must succeed and say nothing
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

# go_tests NAME ARG…: Go tests, counted one by one. What is skipped has failed: all registries are there. Only the memory is not
# measured where something else uses it.
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

# The static library in a program, which then needs no shared one. The linker warns that getaddrinfo needs glibc's own.
linked_statically() {
    go test -tags ocireg_static -c -o "$work/static.test" . 2>"$work/static.log" || { cat "$work/static.log"; return 1; }
    ! readelf -d "$work/static.test" | grep libocireg || return 1
    env -u LD_LIBRARY_PATH "$work/static.test" -test.run Example >"$work/static.log" 2>&1 || { cat "$work/static.log"; return 1; }
}

# only NAME: those tests, wherever they are
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
go_tests race -race
GOEXPERIMENT=cgocheck2 go_tests cgocheck2 -short
# The package for users of another client is a module of its own, for what it needs.
cd registry
step 'gofmt registry' formatted
step 'vet registry' go vet ./...
go_tests registry
cd ..
[ ! -f "$library/libocireg.a" ] || step 'the static library' linked_statically
echo "go: $passed passed, $failed failed"
[ "$failed" = 0 ]
