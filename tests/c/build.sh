# Sourced, in the repository's root: how the C test programs are built, plain and with the sanitizers, into target/ctest and
# target/ctest/asan. $library is the folder of the release library.

# The sanitizers watch the C code and, by the allocator and libc's functions, what the library does with memory.
readonly sanitize=(-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
export ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1 UBSAN_OPTIONS=print_stacktrace=1

# Everything that valgrind reports as lost, definitely or possibly, is an error.
readonly valgrind_finds=(--error-exitcode=99 --leak-check=full --show-leak-kinds=definite,indirect,possible
    --errors-for-leak-kinds=definite,indirect,possible)

# translate TARGET ARG…
translate() {
    local target=$1
    shift
    "${CC:-cc}" -std=c11 -D_GNU_SOURCE -g -O1 -Wall -Wextra -Wpedantic -Werror -pthread -Iinclude "$@" -o "$target" -c
}

# compile TARGET FOLDER-OF-THE-LIBRARY ARG…
compile() {
    local target=$1 library=$2
    shift 2
    "${CC:-cc}" -std=c11 -D_GNU_SOURCE -g -O1 -Wall -Wextra -Wpedantic -Werror -Iinclude "$@" -o "$target" \
        -pthread -L"$library" -locireg -lcmocka -Wl,-rpath,"$library"
}

# build_helpers FOLDER ARG…: what the programs share, compiled once
build_helpers() {
    local folder=$1 source
    shift
    mkdir -p "$folder"
    rm -f "$folder"/*.o
    for source in tests/c/*.c; do
        case $source in */test_*) continue ;; esac
        translate "$folder/$(basename "$source" .c).o" "$@" "$source" || return 1
    done
}

# build_program FOLDER NAME ARG…: test_panic has its own library
build_program() {
    local folder=$1 name=$2 from=$library
    shift 2
    [ "$name" != test_panic ] || from=$PWD/target/panic
    compile "$folder/$name" "$from" "$@" "tests/c/$name.c" "$folder"/*.o
}
