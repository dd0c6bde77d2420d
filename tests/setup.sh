#!/bin/bash
# setup.sh [test|demo|bench|targets]: installs what `make test`, `make demo`, `make bench` or `make targets` needs and this machine
# lacks: Debian packages (as root, or with sudo), and tools in target/tools. One line for each step; silent when nothing is
# missing.
set -euo pipefail

readonly DISTRIBUTION=v3.1.2 CRANE=v0.22.1 REGCTL=v0.11.7 ORAS=v1.3.0 # the Go modules' pinned versions
readonly PYTHON_TOOLS='mypy=2.4.1 ruff=0.17.6 build=1.6.1 setuptools=84.2.1'
here=$(cd "$(dirname "$0")" && pwd)
tools=$(dirname "$here")/target/tools

say() { echo "setup: $*"; }
fail() { echo "setup: $*" >&2; exit 1; }
have() { command -v "$1" >/dev/null; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; elif have sudo; then sudo "$@"; else fail "root or sudo is needed for: $*"; fi
}

# apt-get update, once, and only when something has to be fetched
update_lists() {
    [ -z "${updated:-}" ] || return 0
    updated=yes
    say "apt-get update"
    as_root apt-get update -qq >"$log" 2>&1 || { cat "$log" >&2; fail "apt-get update failed"; }
}

# install PACKAGE…
install() {
    update_lists
    say "apt-get install $*"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends -o DPkg::Lock::Timeout=300 "$@" \
        >"$log" 2>&1 || { tail -20 "$log" >&2; fail "could not install: $*"; }
}

# need PROGRAM=PACKAGE… installs the packages whose program (a path, or a name on PATH) is missing.
need() {
    local pair missing=()
    for pair in "$@"; do
        case ${pair%%=*} in
            /*) [ -e "${pair%%=*}" ] || missing+=("${pair#*=}") ;;
            *) have "${pair%%=*}" || missing+=("${pair#*=}") ;;
        esac
    done
    [ ${#missing[@]} = 0 ] || install "${missing[@]}"
}

# Debian's docker-registry, without the service its package starts: only the program is taken from the package.
need_docker_registry() {
    if have docker-registry || [ -x "$tools/docker-registry" ]; then return; fi
    update_lists
    say "unpacking Debian's docker-registry into target/tools"
    (cd "$scratch" && apt-get download -qq docker-registry) >"$log" 2>&1 || { cat "$log" >&2; fail "apt-get download failed"; }
    dpkg-deb -x "$scratch"/docker-registry_*.deb "$scratch/unpacked"
    place "$scratch/unpacked/usr/bin/docker-registry"
}

# place FILE: into target/tools in one step, so that an interrupted set-up leaves no partial program
place() {
    mkdir -p "$tools"
    cp "$1" "$tools/.${1##*/}.$$"
    mv "$tools/.${1##*/}.$$" "$tools/${1##*/}"
}

# need_module PACKAGE VERSION: a Go program at a pinned version; an older one in target/tools is replaced.
need_module() {
    local name=${1##*/}
    if [ -x "$tools/$name" ] && go version -m "$tools/$name" 2>/dev/null | grep -q "^	mod	.*	$2	"; then return; fi
    say "go install $1@$2"
    GOBIN=$scratch/bin CGO_ENABLED=0 go install "$1@$2" >"$log" 2>&1 || { tail -20 "$log" >&2; fail "could not build $1"; }
    place "$scratch/bin/$name"
}

# need_own NAME: one of the tests' own programs, built from its folder in registries/
need_own() {
    local source=$here/registries/$1
    if [ -x "$tools/$1" ] && [ -z "$(find "$source" -newer "$tools/$1")" ]; then return; fi
    say "building the tests' $1"
    (cd "$source" && CGO_ENABLED=0 go build -o "$scratch/$1" .) >"$log" 2>&1 || { tail -20 "$log" >&2; fail "could not build $1"; }
    place "$scratch/$1"
}

# need_modules FOLDER: what a Go module's packages and tests need, into Go's module cache
need_modules() {
    (cd "$1" && GOFLAGS=-mod=readonly go mod download) >"$log" 2>&1 || { tail -20 "$log" >&2; fail "could not get the modules of $1"; }
}

# need_python NAME=VERSION…: Python programs at pinned versions, in a folder of their own
need_python() {
    local python=$tools/python wanted="$*"
    if [ "$(cat "$python/installed" 2>/dev/null)" = "$wanted" ]; then return; fi
    say "pip install $wanted"
    rm -rf "$python"
    { /usr/bin/python3 -m venv "$python" && "$python/bin/pip" install -q --disable-pip-version-check "${@/=/==}"; } >"$log" 2>&1 ||
        { tail -20 "$log" >&2; fail "could not install: $wanted"; }
    echo "$wanted" >"$python/installed"
}

# want_target TARGET…: Rust's standard library for another system. Where it cannot be had, what needs it is skipped.
want_target() {
    local target
    for target in "$@"; do
        if [ -d "$(rustc --print target-libdir --target "$target" 2>/dev/null)" ]; then continue; fi
        say "rustup target add $target"
        have rustup && timeout 300 rustup target add "$target" >"$log" 2>&1 || say "$target cannot be had here, and is not tried"
    done
}

# The compilers cannot be installed for the user.
need_compilers() {
    local program
    for program in cargo cc "$@"; do have "$program" || fail "$program is needed and not installed"; done
}

# Everything is fetched and built here first, and moved into target/tools when complete.
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
log=$scratch/log

case ${1:-test} in
    demo)
        need_compilers
        need_docker_registry
        ;;
    bench)
        need_compilers go
        need curl=curl skopeo=skopeo ruby=ruby /usr/include/openssl/evp.h=libssl-dev /usr/include/uv.h=libuv1-dev \
            /usr/include/systemd/sd-event.h=libsystemd-dev /usr/include/glib-2.0/glib.h=libglib2.0-dev pkg-config=pkg-config
        compgen -G '/usr/include/*/curl/curl.h' >/dev/null || install libcurl4-openssl-dev
        ruby -e 'require "ffi"' 2>/dev/null || install ruby-ffi
        need_docker_registry
        need_module github.com/distribution/distribution/v3/cmd/registry $DISTRIBUTION
        need_module github.com/google/go-containerregistry/cmd/crane $CRANE
        need_module github.com/regclient/regclient/cmd/regctl $REGCTL
        ;;
    test)
        need_compilers go
        need skopeo=skopeo /usr/include/cmocka.h=libcmocka-dev valgrind=valgrind htpasswd=apache2-utils openssl=openssl \
            /usr/include/uv.h=libuv1-dev /usr/include/systemd/sd-event.h=libsystemd-dev /usr/include/glib-2.0/glib.h=libglib2.0-dev \
            pkg-config=pkg-config curl=curl wget=wget /usr/bin/python3=python3 xz=xz-utils bzip2=bzip2 \
            g++=g++ clang++=clang cmake=cmake groff=groff-base dpkg-shlibdeps=dpkg-dev /usr/sbin/debootstrap=debootstrap ruby=ruby yard=yard rubocop=rubocop
        ruby -e 'require "ffi"; require "minitest"; require "async"' 2>/dev/null || install ruby-ffi ruby-minitest ruby-async
        compgen -G '/usr/include/*/curl/curl.h' >/dev/null || install libcurl4-openssl-dev
        compgen -G '/usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.asan-*.a' >/dev/null || install libclang-rt-dev
        for python in python3 /usr/bin/python3; do "$python" -c "import ensurepip" 2>/dev/null || install python3-venv; done
        # shellcheck disable=SC2086
        need_python $PYTHON_TOOLS
        need_docker_registry
        need_module github.com/distribution/distribution/v3/cmd/registry $DISTRIBUTION
        need_module github.com/google/go-containerregistry/cmd/crane $CRANE
        need_module oras.land/oras/cmd/oras $ORAS
        need_module github.com/regclient/regclient/cmd/regctl $REGCTL
        "$here/registries/v1-setup.sh" "$tools" || fail "could not set up docker-registry 0.9.1"
        need_own tokenserver
        need_own referrers
        need_modules "$(dirname "$here")/bindings/go/registry"
        need_modules "$here/containerd"
        ;;
    targets)
        need_compilers
        want_target i686-unknown-linux-gnu aarch64-apple-darwin
        echo 'int main(void) { return 0; }' | cc -m32 -x c - -o "$scratch/try" 2>/dev/null \
            || (install gcc-multilib) || say "there is no C compiler for 32 bits, and what needs it is not tried"
        ;;
    *) fail "usage: setup.sh [test|demo|bench|targets]" ;;
esac
