#!/bin/bash
# What an event loop feels of downloads: jobs compared with a thread for each, in one run, in C (epoll, GLib, libuv, sd-event), in Python's
# asyncio, and in fibers of a scheduler in Ruby: part of `make bench`. Prints, never fails for being slow. OCIREG_LIBRARY_DIR says where the library is, if not in target/release.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
library=${OCIREG_LIBRARY_DIR:-$root/target/release}

if [ "${1:-}" != --with-registry ]; then
    "$root/tests/setup.sh" bench
    exec "$root/tests/registries/run" --only v3 "$0" --with-registry
fi

work=$OCIREG_TEST_TMP
export LD_LIBRARY_PATH=$library
readonly LOOPS='epoll glib libuv sd_event'
for loop in $LOOPS; do
    flags=()
    case $loop in
        glib) package=glib-2.0 ;;
        sd_event) package=libsystemd ;;
        *) package=$loop ;;
    esac
    [ "$loop" = epoll ] || read -ra flags <<<"$(pkg-config --cflags --libs "$package")"
    cc -O2 -std=c11 -D_GNU_SOURCE -I"$root/include" "$root/tests/bench/loops.c" "$root/tests/bench/loop_$loop.c" -o "$work/loop_$loop" \
        -pthread -L"$library" -locireg "${flags[@]}"
done
# blob SIZE: puts it; its reference
blob() {
    head -c "$1" /dev/urandom >"$work/blob"
    "$library/ocireg" blob put "$OCIREG_TEST_V3/bench/loops" "$work/blob" >/dev/null
    echo "$OCIREG_TEST_V3/bench/loops@sha256:$(sha256sum "$work/blob" | cut -d' ' -f1)"
}
large=$(blob 128M)
small=$(blob 64K)
for _ in 1 2 3; do
    for how in jobs threads; do
        for loop in $LOOPS; do
            "$work/loop_$loop" "$large" "$how" 5
            "$work/loop_$loop" "$small" "$how" 1000
        done
        OCIREG_LIB=$library/libocireg.so PYTHONPATH=$root/bindings/python python3 "$root/tests/bench/loops.py" "$large" "$how" 5
        OCIREG_LIB=$library/libocireg.so PYTHONPATH=$root/bindings/python python3 "$root/tests/bench/loops.py" "$small" "$how" 1000
        OCIREG_LIB=$library/libocireg.so ruby -I "$root/bindings/ruby/lib" "$root/tests/bench/loops.rb" "$large" "${how/jobs/fibers}" 5
        OCIREG_LIB=$library/libocireg.so ruby -I "$root/bindings/ruby/lib" "$root/tests/bench/loops.rb" "$small" "${how/jobs/fibers}" 300
    done
done
