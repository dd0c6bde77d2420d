#!/bin/bash
# targets.sh [check|test]: other systems than this one. check (part of `make lint`, since `make test` has no time for it) sees whether the
# library compiles for them; test (`make targets`) also runs the unit tests where this machine can. Says which were tried, and which not and
# why.
set -uo pipefail

cd "$(dirname "$0")/.." || exit 1
readonly BITS32=i686-unknown-linux-gnu MACOS=aarch64-apple-darwin
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failed=0

say() { echo "targets: $*"; }

# Compiling to the end of the types needs no C: what the crates' build scripts ask of a C compiler for another system becomes an
# empty file, so that nothing needs that compiler and its system's headers.
no_compiler() {
    cat >"$scratch/cc" <<'END'
#!/bin/sh
while [ $# -gt 0 ]; do
    case $1 in
        -o) : >"$2"; shift ;;
        *.a) : >"$1" ;;
    esac
    shift
done
END
    chmod +x "$scratch/cc"
}

# have_std TARGET: whether Rust's standard library for it is installed
have_std() { [ -d "$(rustc --print target-libdir --target "$1" 2>/dev/null)" ]; }

# run NAME COMMAND…: shows what is said only when it fails, a warning included
run() {
    local name=$1 begun=$SECONDS
    shift
    if "$@" >"$scratch/log" 2>&1 && ! grep -q '^warning: `ocireg`' "$scratch/log"; then
        say "$name: ok ($((SECONDS - begun)) s)$(sed -nE 's/^test result: ok\. ([0-9]+) passed.*/, \1 passed/p' "$scratch/log")"
    else
        grep -v '^warning: ring@' "$scratch/log" | tail -n 60
        say "$name: FAILED"
        failed=1
    fi
}

check() {
    local target=$1 name=$2 variable=${1//-/_}
    if ! have_std "$target"; then
        say "$name ($target): skipped, its Rust standard library is not installed (rustup target add $target)"
        return
    fi
    run "$name ($target), check" env "CC_$variable=$scratch/cc" "AR_$variable=$scratch/cc" cargo check --locked --lib --target "$target"
}

unit_tests() {
    local name="32-bit Linux ($BITS32), unit tests"
    if ! have_std $BITS32; then
        say "$name: skipped, its Rust standard library is not installed (rustup target add $BITS32)"
    elif ! echo 'int main(void) { return 0; }' | cc -m32 -x c - -o "$scratch/try" 2>/dev/null || ! "$scratch/try"; then
        say "$name: skipped, cc -m32 makes no programs that run here (Debian: gcc-multilib)"
    else
        run "$name" cargo test --locked --lib --target $BITS32
    fi
}

no_compiler
case ${1:-check} in
    check)
        check $BITS32 '32-bit Linux'
        check $MACOS 'macOS'
        ;;
    test)
        unit_tests
        check $MACOS 'macOS'
        ;;
    *) echo "usage: targets.sh [check|test]" >&2; exit 2 ;;
esac
exit $failed
