#!/bin/bash
# The cost of the bindings: a call without I/O and a blob read to its end, in C and in each language, in one run: part
# of `make bench`. Prints, never fails for being slow. OCIREG_LIBRARY_DIR says where the library is, if not in
# target/release.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
library=${OCIREG_LIBRARY_DIR:-$root/target/release}
size_mib=${SIZE_MIB:-512}
rounds=${ROUNDS:-5}

if [ "${1:-}" != --with-registry ]; then
    "$root/tests/setup.sh" bench
    exec "$root/tests/registries/run" --only v3 "$0" --with-registry
fi

work=$OCIREG_TEST_TMP/bench
mkdir -p "$work"

# A blob in the registry, put by curl: only the measured code is the library's.
put_blob() {
    local base=http://$OCIREG_TEST_V3/v2/bench/bindings location digest
    head -c "${size_mib}M" /dev/urandom >"$work/blob"
    digest=sha256:$(sha256sum "$work/blob" | cut -d' ' -f1)
    location=$(curl -sS -X POST -D - -o /dev/null "$base/blobs/uploads/" | tr -d '\r' | sed -n 's/^[Ll]ocation: //p')
    curl -sS -f -X PUT -T "$work/blob" -H 'Content-Type: application/octet-stream' "$location&digest=$digest"
    rm "$work/blob"
    export OCIREG_BENCH_BLOB=$OCIREG_TEST_V3/bench/bindings@$digest
}

# best COLUMN ORDER: the best number in a column of standard input
best() { awk -v column="$1" '{ print $column }' | sort "$2" | head -1; }

measure_c() { "$work/c" "$OCIREG_BENCH_BLOB"; }

# The same two lines, from Go's benchmarks.
measure_go() {
    "$work/go" -test.run '^$' -test.bench '^BenchmarkParse$' -test.benchtime 20000x | awk '/^BenchmarkParse/ { printf "parse %.0f\n", $3 }'
    "$work/go" -test.run '^$' -test.bench '^BenchmarkBlob$' -test.benchtime 1x | awk '/^BenchmarkBlob/ { printf "read %.1f\n", $5 * 1e6 / 1048576 }'
}

measure_python() {
    OCIREG_LIB=$library/libocireg.so PYTHONPATH=$root/bindings/python PYTHONDONTWRITEBYTECODE=1 \
        /usr/bin/python3 "$root/tests/bench/bindings.py" "$OCIREG_BENCH_BLOB"
}

build_go() {
    sed -e "s|@PREFIX@|$root|" -e "s|@LIBDIR@|$library|" -e "s|@INCLUDEDIR@|$root/include|" -e 's|@VERSION@|0|' \
        -e 's|@NATIVE_LIBS@||' "$root/bindings/packaging/ocireg.pc.in" >"$work/ocireg.pc"
    (cd "$root/bindings/go" && PKG_CONFIG_PATH=$work go test -c -o "$work/go" .)
}

# row LANGUAGE: its numbers compared with C's
row() {
    local parse read c_parse c_read
    parse=$(grep '^parse' "$work/$1.all" | best 2 -n)
    read=$(grep '^read' "$work/$1.all" | best 2 -rn)
    c_parse=$(grep '^parse' "$work/c.all" | best 2 -n)
    c_read=$(grep '^read' "$work/c.all" | best 2 -rn)
    awk -v name="$1" -v p="$parse" -v r="$read" -v cp="$c_parse" -v cr="$c_read" \
        'BEGIN { printf "%-6s %10.2f us %10.2f us %12.0f MiB/s %8.2f\n", name, p / 1000, (p - cp) / 1000, r, r / cr }'
}

export LD_LIBRARY_PATH=$library
cc -O2 -I"$root/include" "$root/tests/bench/bindings.c" -o "$work/c" -L"$library" -locireg
build_go
put_blob
# In turns, so that load on the machine affects all of them.
for ((round = 0; round < rounds; round++)); do
    for language in c go python; do "measure_$language" >>"$work/$language.all"; done
done
echo "parsing a name, and reading a blob of $size_mib MiB to its end (distribution 3 on loopback), best of $rounds"
printf '%-6s %13s %13s %18s %8s\n' '' 'a call' 'over C' 'a blob' 'of C'
for language in c go python; do row "$language"; done
