#!/bin/bash
# readme.sh: builds and runs the README's C program against a real registry, under valgrind, which must report no leaks;
# its snippets in the other languages must be those of the bindings' own READMEs, whose tests run them. Needs `make`.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
fail() { echo "readme: $*" >&2; exit 1; }

if [ "${1:-}" != --inside ]; then exec "$root/tests/registries/run" --only v3 "$0" --inside; fi

work=$(mktemp -d "${TMPDIR:-/tmp}/ocireg-readme.XXXXXX")
trap 'rm -rf "$work"' EXIT

# first LANGUAGE FILE: the first snippet in that language
first() { awk -v begin='```'"$1" '$0 == begin { on = 1; next } on && /^```$/ { exit } on' "$2"; }

first c "$root/README.md" | sed "s|quay.io/prometheus/busybox|$OCIREG_TEST_V3/readme/test|" >"$work/tags.c"
build_it() {
    cc -std=c11 -Wall -Wextra -Wpedantic -Werror "$work/tags.c" -o "$work/tags" -I"$root/include" -L"$root/target/release" -locireg \
        -Wl,-rpath,"$root/target/release"
}
build_it
printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}' >"$work/index.json"
"$root/target/release/ocireg" -q manifest put "$OCIREG_TEST_V3/readme/test:latest" "$work/index.json" >/dev/null
"$work/tags" | grep -q '"tags":\["latest"\]' || fail 'the C program'

# says WHAT-IT-SAYS: under valgrind, without suppressions, the program prints this line and valgrind reports nothing
says() {
    valgrind --quiet --error-exitcode=99 --leak-check=full --show-leak-kinds=definite,indirect,possible \
        --errors-for-leak-kinds=definite,indirect,possible "$work/tags" >"$work/said" 2>&1 || { cat "$work/said" >&2; fail 'valgrind'; }
    grep -q "$1" "$work/said" && [ "$(wc -l <"$work/said")" = 1 ] || { cat "$work/said" >&2; fail "not only '$1' under valgrind"; }
}
says '"tags":\["latest"\]'
sed -i 's|readme/test|readme/missing|' "$work/tags.c"
build_it
says '^NOT_FOUND: '

for language in cpp go ruby; do
    first $language "$root/README.md" >"$work/ours"
    [ -s "$work/ours" ] || fail "no lines of $language"
    first $language "$root/bindings/$language/README.md" | diff "$work/ours" - || fail "other lines than in bindings/$language"
done
