#!/bin/bash
# python.sh [FILE…] [-k NAME]: the Python package's tests, all, or those files of bindings/python/test, and of them only the tests that
# have NAME in their names; against real registries. Needs the release library (make); OCIREG_LIB names another library, and PYTHON
# another Python. The last line is "python: N passed, N failed".
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
export OCIREG_LIB=${OCIREG_LIB:-${TARGET:-$root/target/release}/libocireg.so} PYTHON=${PYTHON:-/usr/bin/python3}
package=$root/bindings/python

if [ "${1:-}" = --inside ]; then
    shift
    export PYTHONPATH=$package:$package/test PYTHONDONTWRITEBYTECODE=1
    files=()
    while [ $# -gt 0 ] && [ "${1#-}" = "$1" ]; do
        files+=("$(basename "$1" .py)")
        shift
    done
    if [ ${#files[@]} = 0 ]; then
        [ $# -gt 0 ] || export OCIREG_TEST_ALL=1
        mapfile -t files < <(cd "$package/test" && ls test_*.py | sed 's/\.py$//')
    fi
    exec timeout 900 "$PYTHON" -W default -X dev -m unittest -v "${files[@]}" "$@"
fi

log=$root/target/python.log
[ -e "$OCIREG_LIB" ] || { echo "python: there is no $OCIREG_LIB" >&2; exit 1; }
status=0
"$root/tests/registries/run" --only v3,htpasswd,tls,token,referrers,v1 "$0" --inside "$@" 2>&1 | tee "$log" || status=$?
# A skipped test has not passed.
ran=$(sed -nE 's/^Ran ([0-9]+) tests? in .*/\1/p' "$log" | tail -1)
bad=$(sed -nE '/^(OK|FAILED)/ { s/[^0-9]+/ /g; p }' "$log" | tail -1 | awk '{ for (i = 1; i <= NF; i++) n += $i } END { print n + 0 }')
[ "$status" = 0 ] || [ "$bad" -gt 0 ] || bad=1
[ "${ran:-0}" -gt 0 ] || { echo "python: there is no such test" >&2; bad=1; }
passed=$((${ran:-0} - bad))
echo "python: $((passed > 0 ? passed : 0)) passed, $bad failed"
[ "$bad" = 0 ]
