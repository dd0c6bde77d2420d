#!/bin/bash
# readme.sh: builds and runs the README's C program against real registries, under valgrind, which must report nothing (over TLS: with
# the suppressions that are installed), and the example programs of the manual pages, which must print what is wrong;
# its snippets in the other languages must be those of the bindings' own READMEs, whose tests run them. Runs the lines of the README and
# of the manual that show the command, as they stand. Needs `make`; OCIREG_TEST_COMMAND names another command than that of the release.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
fail() { echo "readme: $*" >&2; exit 1; }

if [ "${1:-}" != --inside ]; then exec "$root/tests/registries/run" --only v3,htpasswd,tls "$0" --inside; fi

work=$(mktemp -d "${TMPDIR:-/tmp}/ocireg-readme.XXXXXX")
trap 'rm -rf "$work"' EXIT
program=${OCIREG_TEST_COMMAND:-$root/target/release/ocireg}

# first LANGUAGE FILE: the first snippet in that language
first() { awk -v begin='```'"$1" '$0 == begin { on = 1; next } on && /^```$/ { exit } on' "$2"; }

first c "$root/README.md" | sed "s|quay.io/prometheus/busybox|$OCIREG_TEST_V3/readme/test|" >"$work/tags.c"
build_it() {
    cc -std=c11 -Wall -Wextra -Wpedantic -Werror "$work/tags.c" -o "$work/tags" -I"$root/include" -L"$root/target/release" -locireg \
        -Wl,-rpath,"$root/target/release"
}
build_it
printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}' >"$work/index.json"
"$program" -q manifest put "$OCIREG_TEST_V3/readme/test:latest" "$work/index.json" >/dev/null
"$work/tags" | grep -q '"tags":\["latest"\]' || fail 'the C program'

# says WHAT-IT-SAYS [OPTION]: under valgrind, with this option, the program prints this line and valgrind reports nothing
says() {
    valgrind --quiet --error-exitcode=99 --leak-check=full --show-leak-kinds=definite,indirect,possible \
        --errors-for-leak-kinds=definite,indirect,possible "${@:2}" "$work/tags" >"$work/said" 2>&1 || { cat "$work/said" >&2; fail 'valgrind'; }
    grep -q "$1" "$work/said" && [ "$(wc -l <"$work/said")" = 1 ] || { cat "$work/said" >&2; fail "not only '$1' under valgrind"; }
}
says '"tags":\["latest"\]'
sed -i 's|readme/test|readme/missing|' "$work/tags.c"
build_it
says '^NOT_FOUND: '

# --- the examples of the manual pages ---

mkdir "$work/manual"
cd "$work/manual"
echo 'not a manifest' >'Bad Name'
# example_fails NAME STATUS LINE ARGUMENT…: it ends with this status (- for any but 0) and this line of standard error, and prints nothing
example_fails() {
    local status=0
    "./$1" "${@:4}" >out 2>err </dev/null || status=$?
    [ "$status" = "$2" ] || [ "$2" = - ] && [ "$status" != 0 ] || fail "the example $1 ${*:4} ends with $status"
    [ ! -s out ] && grep -qE "$3" err || { cat out err >&2; fail "the example $1 ${*:4} does not say what is wrong"; }
}
for source in "$root"/bindings/c/manual/*.c; do
    name=$(basename "$source" .c)
    cc -std=c11 -D_GNU_SOURCE "$source" -o "$name" -I"$root/include" -L"$root/target/release" -locireg -Wl,-rpath,"$root/target/release"
    example_fails "$name" 64 "^usage: $name "
    read -ra words <err
    wrong=()
    for _ in $(sed 's/, .*//' <<<"${words[*]:2}"); do wrong+=('Bad Name'); done
    example_fails "$name" - '^[A-Z0-9_]+: .' "${wrong[@]}"
done
for name in manifest error job; do
    [ "$("./$name" "$OCIREG_TEST_V3/readme/test")" = "sha256:$(sha256sum <"$work/index.json" | cut -d' ' -f1)" ] || fail "the example $name"
done
./buffer "$OCIREG_TEST_V3/readme/test" | cmp - "$work/index.json" || fail 'the example buffer'
./upload "$OCIREG_TEST_V3/readme/test" <"$work/index.json" | grep -q '"digest":"sha256:' || fail 'the example upload'
cd "$root"

# over TLS: only the registry's name is another, and the client knows its CA
"$program" --ca "$OCIREG_TEST_CA" -q manifest put "$OCIREG_TEST_TLS/readme/test:latest" "$work/index.json" >/dev/null
sed -i -e "s|$OCIREG_TEST_V3/readme/missing|$OCIREG_TEST_TLS/readme/test|" -e 's|client_new(NULL|client_new(options|' \
    -e '/char \*tags/a ocireg_options *options = NULL; ocireg_options_new(&options, NULL);' \
    -e "/char \*tags/a ocireg_options_set_string(options, OCIREG_OPT_CA_FILE, \"$OCIREG_TEST_CA\", NULL);" \
    -e '/error_free/a ocireg_options_free(options);' "$work/tags.c"
build_it
says '"tags":\["latest"\]' --suppressions="$root/bindings/packaging/valgrind.supp"

for language in cpp go ruby python; do
    first $language "$root/README.md" >"$work/ours"
    [ -s "$work/ours" ] || fail "no lines of $language"
    first $language "$root/bindings/$language/README.md" | diff "$work/ours" - || fail "other lines than in bindings/$language"
done

# --- the command ---

# The registry of the examples, with the user alice; the examples find a docker that only looks at what it is given.
# The machine may have mirrors.
export CONTAINERS_REGISTRIES_CONF=/dev/null
export OCIREG_USERNAME=alice OCIREG_PASSWORD='s3cret:with colon' DOCKER_CONFIG=$work/docker PATH=$work/bin:$PATH
mkdir -p "$work/bin" "$work/docker" "$work/examples"
ln -s "$program" "$work/bin/ocireg"
printf '#!/bin/sh\n[ "$1" = load ] && tar -tf - | grep -qx manifest.json\n' >"$work/bin/docker"
chmod +x "$work/bin/docker"
app=$OCIREG_TEST_HTPASSWD/team/app
cd "$work/examples"

# an image for each of two platforms, and v1, the index of both
entries=
for platform in amd64 arm64; do
    echo "$platform" >platform
    tar -czf layer.tar.gz platform
    ocireg append --scratch "$app:$platform" --layer layer.tar.gz --platform "linux/$platform" >/dev/null
    entries+=${entries:+,}$(ocireg manifest head "$app:$platform" --format "\\{\"mediaType\":\"{/mediaType}\",\"digest\":\"{/digest}\",\
\"size\":{/size},\"platform\":\\{\"os\":\"linux\",\"architecture\":\"$platform\"\\}\\}")
done
printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[%s]}' "$entries" |
    ocireg manifest put "$app:v1" - >/dev/null
layer=$(ocireg manifest get "$app:arm64" --format '{/manifest/layers/0/digest}')

# example LINE: as it stands, but for the registry's name and the digest; standard input is the password
example() {
    local line=${1//registry.example.com/$OCIREG_TEST_HTPASSWD}
    line=${line//sha256:…/$layer}
    printf '%s' "$OCIREG_PASSWORD" | bash -euo pipefail -c "${line//sha256:.../$layer}" >"$work/said" 2>&1 ||
        { cat "$work/said" >&2; fail "the example: $1"; }
}

sed -n '/^## The command/,/^## Source/s/^    \(.*ocireg .*\)/\1/p' "$root/README.md" >"$work/lines"
"$root/bindings/c/manual.sh" command "$program" | sed -n '/^\.SH EXAMPLES/,/^\.fi/p' | sed -e '/^\./d' -e 's/\\-/-/g' -e 's/\\e/\\/g' >>"$work/lines"
[ "$(wc -l <"$work/lines")" -gt 12 ] || fail 'the examples of the command are not found'
while read -r line; do example "$line"; done <"$work/lines"

# what the README says of the form of results is what the help says, and true of a pipe
rule=$(tr '\n' ' ' <"$root/README.md" | grep -oE 'A pipe or a file gets .* everywhere without `--json`\.' | tr -d '`')
ocireg help | tr '\n' ' ' | grep -qF "$rule" || fail 'the README has another rule for results than the help'
for values in "digest $app:v1" "blob digest $work/lines" version; do
    [[ "$(ocireg $values)" != '{'* ]] && [[ "$(ocireg $values --json)" == '{'* ]] || fail "ocireg $values is not a bare value"
    [[ $rule == *"${values% *}"* ]] || fail "the rule for results lacks ${values% *}"
done
for result in "tags $app" "inspect $app:v1 --platform linux/arm64" "manifest head $app:v1"; do
    [ "$(ocireg $result | wc -l)" = 1 ] && ocireg $result | python3 -m json.tool >/dev/null || fail "ocireg $result is not one line of JSON"
done
