#!/bin/bash
# ruby.sh [FILE…] [-n NAME]: the Ruby gem's tests, all, or those files of bindings/ruby/test, and of them only that test
# (/…/ for a regular expression), against real registries. Needs the release library (make); OCIREG_LIB names another
# library. The last line is "ruby: N passed, N failed".
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
export OCIREG_LIB=${OCIREG_LIB:-${TARGET:-$root/target/release}/libocireg.so}
gem=$root/bindings/ruby

if [ "${1:-}" = --inside ]; then
    shift
    [ $# -gt 0 ] || export OCIREG_TEST_ALL=1
    case ${1:-} in '' | -*) set -- "$gem"/test/*_test.rb "$@" ;; esac
    # The remaining arguments are Minitest's.
    exec timeout 900 ruby -w -I "$gem/lib" -I "$gem/test" -e 'files = ARGV.take_while { |argument| argument.end_with?(".rb") }
        ARGV.shift(files.size)
        files.each { |file| require File.expand_path(file) }' -- "$@"
fi

log=$root/target/ruby.log
[ -e "$OCIREG_LIB" ] || { echo "ruby: there is no $OCIREG_LIB" >&2; exit 1; }
status=0
"$root/tests/registries/run" --only v3,htpasswd,token,referrers,v1 "$0" --inside "$@" | tee "$log" || status=$?
# A skipped test has not passed.
sed -nE 's/^([0-9]+) runs, [0-9]+ assertions, ([0-9]+) failures, ([0-9]+) errors, ([0-9]+) skips$/\1 \2 \3 \4/p' "$log" | tail -1 |
    { read -r runs failures errors skips && bad=$((failures + errors + skips)) && echo "ruby: $((runs - bad)) passed, $bad failed"; }
if grep -q '^0 runs,' "$log"; then echo "ruby: there is no such test" >&2; exit 1; fi
exit $status
