#!/bin/bash
# run.sh: the cost of Ruby compared with C: a call without I/O in microseconds, and the rate of a streamed blob. Needs the release library
# (make); OCIREG_LIB names another one.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
export OCIREG_LIB=${OCIREG_LIB:-$root/target/release/libocireg.so}
[ -e "$OCIREG_LIB" ] || { echo "bench: $OCIREG_LIB does not exist" >&2; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ln -s "$OCIREG_LIB" "$work/libocireg.so"
ln -s "$OCIREG_LIB" "$work/libocireg.so.0.1"
cc -O2 -std=c11 -D_GNU_SOURCE -Wall -Wextra -Wpedantic -Werror -I"$root/include" "$here/bench.c" -o "$work/bench" -L"$work" -locireg \
    -Wl,-rpath,"$work"
"$root/tests/registries/run" --only v3 ruby -I "$here/../lib" "$here/bench.rb" "$work/bench"
