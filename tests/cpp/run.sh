#!/bin/bash
# run.sh: the C++ header and its tests, with every compiler and standard, against real registries, the last ones with the
# address and undefined-behaviour sanitizers. Needs the release library (make). OCIREG_LIBRARY_DIR says where, if elsewhere.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
library=${OCIREG_LIBRARY_DIR:-$root/target/release}
build=$root/target/cpp
readonly STRICT=(-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror) SANITIZE=(-fsanitize=address,undefined -fno-sanitize-recover=all)

fail() { echo "cpp: $*" >&2; exit 1; }

# newest COMPILER: its name for C++23
newest() { if "$1" -std=c++23 -x c++ -fsyntax-only /dev/null 2>/dev/null; then echo c++23; else echo c++2b; fi; }

# compile COMPILER STANDARD NAME ARG…: both files of the program, and the header alone
compile() {
    local compiler=$1 standard=$2 name=$3
    shift 3
    echo '#include <ocireg.hpp>' | "$compiler" -std="$standard" "${STRICT[@]}" -I"$root/include" -I"$root/bindings/cpp" -x c++ -fsyntax-only -
    program "$compiler" "$standard" "$name" "$@" "$root/tests/cpp/test.cpp" "$root/tests/cpp/other.cpp"
}

# program COMPILER STANDARD NAME ARG…
program() {
    local compiler=$1 standard=$2 name=$3
    shift 3
    "$compiler" -std="$standard" "${STRICT[@]}" -g -I"$root/include" -I"$root/bindings/cpp" "$@" -o "$build/$name" -pthread \
        -L"$library" -locireg -Wl,-rpath,"$library"
}

# The lines in the binding's README, in a program.
readme_builds() {
    {
        echo '#include <ocireg.hpp>'
        echo '#include <iostream>'
        echo 'int main() {'
        awk '/^```cpp$/ { on = 1; next } /^```$/ { on = 0 } on' "$root/bindings/cpp/README.md"
        echo '}'
    } >"$build/readme.cpp"
    [ "$(wc -l <"$build/readme.cpp")" -ge 9 ] || fail "the README has no program"
    g++ -std=c++17 "${STRICT[@]}" -I"$root/include" -I"$root/bindings/cpp" "$build/readme.cpp" -o "$build/readme" \
        -L"$library" -locireg -Wl,-rpath,"$library"
}

# What is a mistake is found by the compiler, and only that.
finds_mistakes() {
    local line
    check() { printf '#include <ocireg.hpp>\nstruct odd { operator std::string_view() { return "a"; } };\nint main() { ocireg::client client; (void)client; %s; }\n' "$1" |
        g++ -std=c++17 "${STRICT[@]}" -I"$root/include" -I"$root/bindings/cpp" -x c++ -fsyntax-only - 2>"$build/mistakes.log"; }
    for line in 'ocireg::options wanted{{"a", "x"}}' 'ocireg::options().set("a", 0.5).set("b", 1).set("c", true)' \
        'client.each_tag("a", {{"all", true}}, nullptr, 5)' 'client.each_tag("a", {})' 'client.manifest_get(std::string("a"))' \
        'client.manifest_put("a", {"text", std::size_t{4}})' 'ocireg::digest_bytes({"text", 4})' 'odd text; client.manifest_get(text)' \
        'client.manifest_get(odd())' 'std::initializer_list<std::string_view> list = {"a"}; ocireg::options().set("a", list)' \
        'ocireg::options().set("a", {{"x", 1}, "y"})' 'ocireg::blob_stream a(client.blob_open("a")), b(client.blob_open("b")); a = std::move(b)'; do
        check "$line" || { cat "$build/mistakes.log"; fail "does not compile: $line"; }
    done
    for line in 'ocireg::options wanted{{"a", nullptr}}' 'ocireg::options wanted{{nullptr, "a"}}' 'ocireg::options().set("a", nullptr)' \
        'ocireg::options wanted{{"a", {"x", nullptr}}}' 'ocireg::options wanted{{"a", {nullptr}}}' 'ocireg::options().add("a", nullptr)' \
        'ocireg::options().set("a", {nullptr})' 'client.manifest_get(nullptr)' 'client.blob_get_file("a", nullptr)' \
        'ocireg::reference_parse(nullptr)' 'ocireg::options wanted{{"retries", (char)120}}' \
        'ocireg::context().on_progress([](auto, auto) { return 0; })' 'ocireg::context().on_log([](auto) { return nullptr; })' \
        'ocireg::client().each_tag("a")' 'client.each_tag("a", 5)'; do
        ! check "$line" || fail "compiles: $line"
    done
    grep -q deprecated "$build/mistakes.log" || fail 'the old order of arguments is not said to be deprecated'
}

# The header uses every function of the library.
covers_everything() {
    local name missing=()
    for name in $(grep -v '^#' "$root/tests/abi/symbols.txt") $(grep -oE '^#define OCIREG_(MEDIA_TYPE|DEFAULT)_\w+' "$root/include/ocireg.h" | cut -d' ' -f2); do
        grep -qw "$name" "$root/bindings/cpp/ocireg.hpp" || missing+=("$name")
    done
    [ ${#missing[@]} = 0 ] || fail "ocireg.hpp lacks ${missing[*]}"
}

run_program() {
    echo "run $1"
    timeout 120 "$build/$1" "${@:2}"
}

if [ "${1:-}" = --inside ]; then
    for name in g++-c++17 clang++-c++20 g++-sanitized clang++-sanitized; do run_program "$name"; done
    run_program behaviours "$root/tests/behaviours/behaviours.json"
    exit 0
fi

mkdir -p "$build"
covers_everything
readme_builds
finds_mistakes
# by_compiler COMPILER STANDARD: all standards, and programs of that one
by_compiler() {
    local compiler=$1 standard
    for standard in c++17 c++20 "$(newest "$compiler")"; do
        echo "compile by $compiler as $standard"
        if [ "$standard" = "$2" ]; then
            compile "$compiler" "$standard" "$compiler-$standard"
        else
            "$compiler" -std="$standard" "${STRICT[@]}" -I"$root/include" -I"$root/bindings/cpp" -fsyntax-only "$root/tests/cpp/test.cpp"
        fi
    done
    compile "$compiler" c++17 "$compiler-sanitized" -O1 "${SANITIZE[@]}"
}

by_compiler g++ c++17 & gnu=$!
by_compiler clang++ c++20
wait "$gnu"
program g++ c++17 behaviours -O1 "${SANITIZE[@]}" "$root/tests/cpp/behaviours.cpp"
exec "$root/tests/registries/run" --only v3,htpasswd,token,v1 "$0" --inside
