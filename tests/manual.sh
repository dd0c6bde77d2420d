#!/bin/bash
# manual.sh: the manual pages of the library, held against the header, the list of symbols and the options that src declares, and the
# results' schemas against the header; how the examples look into results. Needs no build.
set -euo pipefail

cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
readonly STRICT=(-std=c11 -D_GNU_SOURCE -Wall -Wextra -Wpedantic -Werror -Iinclude)

fail() { echo "manual: $*" >&2; exit 1; }

# shown PAGE: as a person reads it
shown() { groff -man -Tascii -P-c -ww -rLL=500n "$1" 2>"$work/log" | sed 's/.\x08//g'; [ ! -s "$work/log" ] || { cat "$work/log" >&2; fail "$1 is not clean"; }; }

# Each page is clean roff, and has the program of its family as an example, which compiles and prints errors (readme.sh runs them).
pages() {
    local family source
    for family in $(bindings/c/manual.sh families); do
        source=bindings/c/manual/$family.c
        bindings/c/manual.sh family "$family" include/ocireg.h >"$work/ocireg_$family.3"
        shown "$work/ocireg_$family.3" >"$work/$family.txt"
        grep -q '^EXAMPLE$' "$work/$family.txt" || fail "ocireg_$family(3) has no example"
        grep -qF "$(sed -n '/^int main/p' "$source")" "$work/$family.txt" || fail "ocireg_$family(3) has another example than $source"
        grep -q 'fprintf(stderr, .*ocireg_error_message(' "$source" || fail "$source does not say what was wrong"
        grep -q "\"usage: $family [A-Z].*stderr" "$source" || fail "$source does not say how it is called"
        cc "${STRICT[@]}" -fsyntax-only "$source" || fail "$source does not compile"
        sed -nE 's/^   (ocireg_[a-z0-9_]+)\(\)$/\1(/p' "$work/$family.txt" | grep -qFf - "$source" || fail "$source calls no function of its page"
    done
    [ "$(find bindings/c/manual -name '*.c' | wc -l)" = "$(bindings/c/manual.sh families | wc -l)" ] || fail 'an example without a page'
    bindings/c/manual.sh library include/ocireg.h >"$work/ocireg.3"
    shown "$work/ocireg.3" >"$work/overview.txt"
}

# Each function is on one page, with its comment's first words.
functions() {
    local name found count=0
    while read -r name; do
        found=$(grep -lE "^ +$name\(\)$" "$work"/*.txt | grep -vc overview.txt || true)
        [ "$found" = 1 ] || fail "$name is on $found pages"
        grep -qF "$name()" "$work/overview.txt" || fail "ocireg(3) lacks $name"
        count=$((count + 1))
    done < <(grep -v '^#' tests/abi/symbols.txt)
    [ "$count" -gt 100 ] || fail "only $count functions"
}

# On a page each function is declared once and has one heading with text below it, and what is told of an option below the list has its
# key in bold, as the list has.
headings() {
    local page paragraphs
    for page in "$work"/ocireg_*.3; do
        ! sed -n '/^\.SH SYNOPSIS/,/^\.SH DESCRIPTION/p' "$page" | grep -F '/*' || fail "$page declares a comment"
        ! grep '^\.SS ' "$page" | sort | uniq -d | grep . || fail "$page has a heading twice"
        ! awk 'heading && /^\.S/ { print heading; bad = 1 } { heading = /^\.SS / ? $0 : "" } END { exit !bad }' "$page" ||
            fail "$page has a heading without text"
    done
    # A callback has no page.
    paragraphs=$(awk '/^\/\/ [a-z0-9_]+: / && before == "//" { found++ } { before = $0 }
        !/^\/\// { count += /^typedef/ ? 0 : found; found = 0 } END { print count }' include/ocireg.h)
    [ "$paragraphs" -gt 50 ] || fail "only $paragraphs paragraphs about options"
    [ "$(cat "$work"/ocireg_*.3 | grep -cE '^\.B [a-z0-9_]+$')" = "$paragraphs" ] || fail 'a paragraph about an option has no key in bold'
}

# Each option of the table that the header's constants are made of is described in the header and on a page, and has its constant.
options() {
    local key count=0 constants described
    constants=$(sed -nE 's/^#define OCIREG_OPT_[A-Z0-9_]+ "(.*)"$/\1/p' include/ocireg.h | sort)
    described=$(sed -nE 's/^\/\/   ([a-z][a-z0-9_]*) \((string|list|integer|boolean|number).*/\1/p' include/ocireg.h | sort -u)
    diff <(echo "$constants") <(echo "$described") || fail 'constants and described options of the header differ'
    diff <(table) <(echo "$constants") || fail 'the declarations in src and the header differ'
    ! awk 'option && !/^\/\/($|   [a-z0-9_]+ \((string|list|integer|boolean|number)|[ ][^ ].*:$)/ { print NR ": " $0; bad = 1 }
        { option = /^\/\/   [a-z0-9_]+ \((string|list|integer|boolean|number)/ } END { exit !bad }' include/ocireg.h ||
        fail 'an option of the header has more than one line'
    ! awk 'length > 150 { print NR ": " $0; bad = 1 } END { exit !bad }' include/ocireg.h || fail 'the header has lines of more than 150 bytes'
    while read -r key; do
        grep -qE "^ +$key \((string|list|integer|boolean|number)" "$work"/*.txt || fail "no page has the option $key"
        count=$((count + 1))
    done <<<"$constants"
    [ "$count" -gt 100 ] || fail "only $count options"
}

# The keys that src declares by options!
table() {
    find src -name '*.rs' ! -path src/options.rs -print0 | xargs -0 awk '
        FNR == 1 { inside = 0 }
        /^options! \{/ { inside = 1; next }
        /^}/ { inside = 0 }
        inside && /^    \} and \{/ { inside = 2 }
        inside == 1 && match($0, /^        (pub(\([a-z]+\))? )?[a-z0-9_]+: /) { name = $0; sub(/^ */, "", name); sub(/^pub(\([a-z]+\))? /, "", name); sub(/:.*/, "", name); print name }' | sort -u
}

# Each member of a result is named in the header, and a result with a reference gives its repository too.
schemas() {
    python3 - <<'END'
import glob, json, re, sys
header = open("include/ocireg.h").read()
missing, seen = [], 0
for path in sorted(glob.glob("tests/schemas/*.json")):
    schema = json.load(open(path))
    assert schema["$schema"].endswith("2020-12/schema") and schema["title"], path
    for name in schema.get("properties", {}):
        seen += 1
        if not re.search(r'"%s"' % re.escape(name), header):
            missing.append(f"{path}: {name}")
    for reference in re.findall(r'"\$ref": "([a-z0-9-]+\.json)"', json.dumps(schema)):
        json.load(open("tests/schemas/" + reference))
    if "reference" in schema.get("properties", {}) and "repository" not in schema["required"]:
        sys.exit(f"manual: {path} has a reference without a repository")
if missing or seen < 200:
    sys.exit("manual: members that the header does not name:\n" + "\n".join(missing) + f"\n{seen} members")
END
}

# No example looks for text in JSON, or brings a reader of its own: they show how results are read. (A shell script has what the command's
# --format prints.)
examples() {
    local programs=(bindings/c/examples/*.c bindings/c/manual/*.c bindings/cpp/examples/*.cpp bindings/python/examples/*.py bindings/ruby/examples/*.rb)
    [ "${#programs[@]}" -gt 35 ] || fail "only ${#programs[@]} examples"
    ! grep -nE '\bstr(case)?str\b|\bmemmem\b|\bsscanf\b|\bstrtok|\breg(comp|exec)\b|<regex>|\bfind\("|\bJSON\.(parse|load)|\bcJSON_|<json|nlohmann|\bjson\.loads|\bre\.|=~|\.match|\.scan\(' "${programs[@]}" ||
        fail 'an example searches in a text; ocireg_json_… reads JSON'
}

# The caller is never "he", and nothing "is no" something: what people read is plain English.
words() {
    local found
    found=$(grep -rnwE '[Hh]e|[Hh]is|him' include README.md .github src bindings --include='*.h' --include='*.md' --include='*.rs' \
        --include='*.c' --include='*.go' --include='*.hpp' --include='*.rb' --include='*.py' | grep -v '"he"' || true)
    [ -z "$found" ] || fail "a person is called he: $found"
    found=$(grep -rnE '(^|[^r]e|[^e]) (is|are) no [a-z]' include README.md .github src bindings --include='*.h' --include='*.md' --include='*.rs' \
        --include='*.c' --include='*.go' --include='*.hpp' --include='*.rb' --include='*.py' |
        grep -vE '[Tt]here (is|are) no |(is|are) no (longer|more|one)\b' || true)
    [ -z "$found" ] || fail "something is no other thing, and should be not one: $found"
}

pages
functions
headings
options
schemas
examples
words
echo 'manual: all good'
