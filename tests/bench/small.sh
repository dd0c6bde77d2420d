#!/bin/bash
# The price of one small request, compared with libcurl's, in turns: a manifest by GET and by HEAD, by one thread and by eight on one
# client, from a server on loopback that does almost nothing: part of `make bench`. Prints, never fails for being slow.
# OCIREG_LIBRARY_DIR says where the library is, if not in target/release.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
library=${OCIREG_LIBRARY_DIR:-$root/target/release}
rounds=${ROUNDS:-5}
count=${COUNT:-5000}

"$root/tests/setup.sh" bench
work=$(mktemp -d)
trap 'kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
server=
export LD_LIBRARY_PATH=$library
cc -O2 -std=c11 -D_GNU_SOURCE -I"$root/include" "$root/tests/bench/small.c" -o "$work/small" -pthread -L"$library" -locireg -lcurl
mkfifo "$work/port"
"$work/small" serve >"$work/port" &
server=$!
read -r port <"$work/port"
for ((round = 0; round < rounds; round++)); do
    for what in get head; do
        for threads in 1 8; do
            for who in curl ocireg; do "$work/small" "$who" "$what" "$threads" "$count" "$port"; done
        done
    done
done
