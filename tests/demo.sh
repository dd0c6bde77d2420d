#!/bin/bash
# The demo, `make demo`: with the C command, builds an image from a directory tree, copies it from a layout to a
# registry, to another registry and to a docker archive, and extracts it again; then puts an image into the registry
# part by part, reads it back, checks and deletes it. With REF=HOST/REPOSITORY:TAG in the environment it reads that
# image instead (PLATFORM=OS/ARCH selects another platform than this machine's). It leaves nothing running and no files.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
# The machine may have mirrors.
export CONTAINERS_REGISTRIES_CONF=/dev/null
program=$root/target/release/ocireg

say() { printf '\n== %s\n' "$*"; }
fail() { echo "demo: $*" >&2; exit 1; }

# words ARG…: as typed in a shell
words() {
    local word
    for word in "$@"; do
        if [[ $word =~ ^[A-Za-z0-9_./:@=,+-]+$ ]]; then printf ' %s' "$word"; else printf ' %s' "${word@Q}"; fi
    done
}

# ocireg ARG…: prints the command line, runs it, prints its output and keeps it in $answer.
ocireg() {
    printf '$ ocireg%s\n' "$(words "$@")"
    answer=$("$program" "$@")
    [ -z "$answer" ] || printf '%s\n' "$answer"
}

# expect TEXT: the last output contains it
expect() {
    [[ $answer == *"$1"* ]] || fail "the answer above lacks: $1"
}

# fails STATUS CODE ARG…: a command that must fail like this
fails() {
    local status=0 message
    printf '$ ocireg%s\n' "$(words "${@:3}")"
    message=$("$program" "${@:3}" 2>&1) || status=$?
    printf '%s\n(exit status %s)\n' "$message" "$status"
    [ "$status" = "$1" ] || fail "exit status $status instead of $1"
    [[ $message == "ocireg: $2: "* ]] || fail "the error is not $2"
}

hash_of() { sha256sum "$1" | cut -d' ' -f1; }
size_of() { stat -c %s "$1"; }

# check FILE DIGEST: with the system's own tool
check() {
    [[ $2 == sha256:* || $2 == sha512:* ]] || fail "no checking tool for $2"
    echo "\$ ${2%%:*}sum --check"
    echo "${2#*:}  $1" | "${2%%:*}sum" --check -
}

this_platform() {
    case $(uname -m) in
        x86_64) echo linux/amd64 ;;
        aarch64) echo linux/arm64 ;;
        *) fail "no image for $(uname -m); set PLATFORM" ;;
    esac
}

# --- the image: two layers a platform, one of them shared ---

# layer NAME TREE [OPTION-OF-TAR…]: NAME.tar and NAME.tar.gz, the same bytes every time
layer() {
    tar -C "$2" --sort=name --owner=0 --group=0 --numeric-owner "${@:3}" -cf "$1.tar" .
    gzip -nc "$1.tar" >"$1.tar.gz"
}

descriptor() { # FILE MEDIA-TYPE [MORE]
    printf '{"mediaType":"%s","digest":"sha256:%s","size":%s%s}' "$2" "$(hash_of "$1")" "$(size_of "$1")" "${3:-}"
}

readonly LAYER=application/vnd.oci.image.layer.v1.tar+gzip CONFIG=application/vnd.oci.image.config.v1+json
readonly MANIFEST=application/vnd.oci.image.manifest.v1+json INDEX=application/vnd.oci.image.index.v1+json

make_shared_layer() {
    mkdir -p tree-shared/usr/share/ocireg
    cp -r "$root/src" "$root/include" "$root/bindings" "$root/LICENSE" tree-shared/usr/share/ocireg/
    layer shared tree-shared --mtime=@0
}

make_image() { # ARCHITECTURE
    mkdir -p "tree-$1/bin" "tree-$1/etc" "tree-$1/lib"
    printf '#!/bin/sh\necho "hello from linux/%s"\n' "$1" >"tree-$1/bin/hello"
    chmod 755 "tree-$1/bin/hello"
    echo "linux/$1" >"tree-$1/etc/platform"
    # The library goes into the image that can run it; the other platform's layer is smaller.
    [ "$(this_platform)" != "linux/$1" ] || cp "$root/target/release/libocireg.so" "tree-$1/lib/"
    layer "$1" "tree-$1" --mtime=@0
    printf '{"architecture":"%s","os":"linux","config":{"Cmd":["/bin/hello"]},"rootfs":{"type":"layers","diff_ids":["sha256:%s","sha256:%s"]}}' \
        "$1" "$(hash_of shared.tar)" "$(hash_of "$1.tar")" >"config-$1.json"
    printf '{"schemaVersion":2,"mediaType":"%s","config":%s,"layers":[%s,%s]}' "$MANIFEST" "$(descriptor "config-$1.json" $CONFIG)" \
        "$(descriptor shared.tar.gz $LAYER)" "$(descriptor "$1.tar.gz" $LAYER)" >"manifest-$1.json"
}

make_index() {
    local architecture list=
    for architecture in amd64 arm64; do
        list+=${list:+,}$(descriptor "manifest-$architecture.json" $MANIFEST ",\"platform\":{\"architecture\":\"$architecture\",\"os\":\"linux\"}")
    done
    printf '{"schemaVersion":2,"mediaType":"%s","manifests":[%s]}' "$INDEX" "$list" >index.json
}

# --- writing ---

write_image() {
    local file architecture
    say "put the layers and configs"
    for file in shared.tar.gz amd64.tar.gz arm64.tar.gz config-amd64.json config-arm64.json; do
        ocireg blob put "$repository" "$file"
        expect "sha256:$(hash_of "$file")"
    done
    say "put the manifests by digest, the index by tag"
    for architecture in amd64 arm64; do
        ocireg manifest put "$repository@sha256:$(hash_of manifest-$architecture.json)" manifest-$architecture.json
    done
    ocireg manifest put "$repository:v1" index.json
    expect "sha256:$(hash_of index.json)"
    ocireg manifest put "$repository:latest" index.json
}

# --- reading ---

# member NAME: a string member of the last output
member() { grep -oE "\"$1\":\"[^\"]*\"" <<<"$answer" | sed -nE '1s/.*:"(.*)"/\1/p'; }

config_digest() { tr -d '\n' <"$1" | sed -nE 's/.*"config"[^}]*"digest" *: *"([^"]*)".*/\1/p'; }
layer_digests() { tr -d '\n' <"$1" | sed -nE 's/.*"layers" *:(.*)/\1/p' | grep -oE 'sha(256|512):[0-9a-f]+' | awk '!seen[$0]++'; }

# read_image REFERENCE PLATFORM: index, manifest of the platform, config, and every layer, checked
read_image() {
    local repo digest options=() layers
    rm -f ./*.read
    say "read the index"
    ocireg manifest head "$1"
    ocireg manifest get "$1"
    repo=$(member reference)
    repo=${repo%@*}
    if [[ $answer == *'"kind":"index"'* ]]; then options=(--platform "$2"); fi

    say "pick the platform ${options[1]:-(the image has one only)}"
    ocireg digest "$1" "${options[@]}"
    digest=$answer
    ocireg manifest get "$1" "${options[@]}" --raw -o manifest.read
    check manifest.read "$digest"

    say "read the config"
    digest=$(config_digest manifest.read)
    ocireg blob head "$repo@$digest"
    ocireg blob get "$repo@$digest" -o config.read
    cat config.read
    echo
    check config.read "$digest"

    say "download the layers and check them"
    layers=$(layer_digests manifest.read) || fail "the manifest has no layers"
    for digest in $layers; do read_layer "$repo" "$digest"; done
}

read_layer() { # REPOSITORY DIGEST
    local file=layer-${2:7:12}.read
    ocireg blob get "$1@$2" -o "$file"
    check "$file" "$2"
    if [ "$(head -c 2 "$file" | od -An -tx1)" = " 1f 8b" ]; then
        echo "\$ tar tzf $file (its end)"
        tar tzf "$file" >listing
        tail -n 5 listing
    fi
}

# --- copying ---

# listing TREE: names, kinds, permissions, sizes, times and links of all in it
listing() { (cd "$1" && find . -mindepth 1 -printf '%P %y %m %s %T@ %l\n' | sed -E 's/ d ([0-7]+) [0-9]+/ d \1/' | LC_ALL=C sort); }

# same_tree TREE TREE: everything in them is the same
same_tree() {
    echo "\$ diff -r $1 $2"
    diff -r --no-dereference "$1" "$2"
    diff <(listing "$1") <(listing "$2") || fail "$1 and $2 differ in more than content"
}

make_tree() {
    mkdir -p tree/usr/share/ocireg tree/etc
    cp -r "$root/src" "$root/include" "$root/LICENSE" tree/usr/share/ocireg/
    printf 'hello\n' >tree/etc/motd
    ln -s ../usr/share/ocireg/LICENSE tree/etc/license
    mkdir -m 700 tree/root
    chmod 755 tree tree/etc
    find tree -exec touch -h -d @1700000000 {} +
}

# copies FROM TO: the digest stays the same
copies() {
    ocireg copy "$1" "$2"
    expect "\"digest\":\"$digest\""
}

demo_copy() {
    local first=$OCIREG_TEST_V2/ocireg/copied:v1 second=$OCIREG_TEST_V2_NODELETE/ocireg/copied:v1 digest
    say "from a directory tree to an image in a layout"
    make_tree
    layer tree-layer tree
    ocireg append --scratch oci:layout:v1 --layer tree-layer.tar.gz
    digest=$(member digest)
    ocireg config oci:layout:v1
    expect "sha256:$(hash_of tree-layer.tar)"

    say "to a registry: first what would be done"
    ocireg copy --dry-run oci:layout:v1 "$first"
    copies oci:layout:v1 "$first"
    say "again: nothing is moved that is there"
    copies oci:layout:v1 "$first"
    expect '"bytes_copied":0'
    say "within the registry: blobs are mounted"
    copies "$first" "$OCIREG_TEST_V2/ocireg/mounted:v1"
    expect '"mounted":2'
    say "to another registry"
    copies "$first" "$second"
    say "to a docker archive"
    copies "$second" docker-archive:image.tar:ocireg/copied:v1
    echo '$ tar tf image.tar'
    tar tf image.tar
    say "one file of it, and all of them: the tree as it was"
    ocireg cat docker-archive:image.tar etc/motd
    [ "$answer" = hello ] || fail "etc/motd is not what it was"
    ocireg extract docker-archive:image.tar extracted
    same_tree tree extracted
}

# --- the two demos ---

demo_registry() {
    local registry=$OCIREG_TEST_V2
    repository=$registry/ocireg/demo
    say "a small image of this source tree, for linux/amd64 and linux/arm64"
    make_shared_layer
    make_image amd64
    make_image arm64
    make_index
    ls -l ./*.tar.gz ./*.json

    say "take names apart"
    ocireg parse mongo:7
    expect library/mongo
    ocireg parse "$repository:v1"
    ocireg --version
    ocireg ping "$registry"
    demo_copy
    write_image

    say "list repositories and tags"
    ocireg catalog "$registry"
    expect '"ocireg/demo"'
    ocireg tags "$repository" --digests
    expect '"v1"'

    read_image "$repository:v1" linux/arm64
    cmp manifest-arm64.json manifest.read
    say "the other platform"
    read_image "$repository:v1" linux/amd64
    cmp manifest-amd64.json manifest.read

    say "delete"
    ocireg manifest delete "$repository@sha256:$(hash_of index.json)"
    ocireg manifest delete "$repository@sha256:$(hash_of manifest-arm64.json)"
    say "and now an error"
    fails 5 NOT_FOUND manifest get "$repository:v1"
}

demo_reference() {
    say "take the name apart"
    ocireg parse "$REF"
    read_image "$REF" "${PLATFORM:-$(this_platform)}"
}

if [ ! -x "$program" ]; then fail "target/release/ocireg is not built: run make"; fi
if [ -z "${REF:-}" ] && [ "${1:-}" != --inside ]; then
    "$root/tests/setup.sh" demo
    exec "$root/tests/registries/run" --only v2,v2-nodelete "$0" --inside
fi

work=$(mktemp -d "${TMPDIR:-/tmp}/ocireg-demo.XXXXXX")
trap 'status=$?; rm -rf "$work"; [ $status = 0 ] || echo "demo: failed" >&2' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
cd "$work"
if [ -n "${REF:-}" ]; then demo_reference; else demo_registry; fi
printf '\ndemo: all good\n'
