#!/bin/bash
# install.sh: installs into an empty folder and builds and runs programs using only that: C with pkg-config, shared and
# static, C++ with CMake, Go, Ruby and Python, the examples; the manual pages, the completion, make uninstall and make dist.
# Needs `make`.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
readonly STRICT=(-std=c11 -D_GNU_SOURCE -Wall -Wextra -Wpedantic -Werror)
readonly STRICT_CPP=(-std=c++17 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror)
readonly PREFIX=/opt/ocireg

say() { echo "== $*"; }
# has PATTERN: searches standard input, and reads all of it, so that the writer of a pipe never fails
has() { grep "$@" >/dev/null; }
fail() { echo "install: $*" >&2; exit 1; }

if [ "${1:-}" != --inside ]; then exec "$root/tests/registries/run" --only v3,htpasswd,referrers,tls "$0" --inside; fi

work=$(mktemp -d "${TMPDIR:-/tmp}/ocireg-install.XXXXXX")
refusing=
trap '[ -z "$refusing" ] || kill "$refusing"; rm -rf "$work"' EXIT
place=$work/root
here=$place$PREFIX
# As in Debian.
readonly LIBDIR=$PREFIX/lib/$(cc -print-multiarch)
library=$place$LIBDIR
readonly PYTHONDIR=$PREFIX/lib/python3/site-packages
folders=(DESTDIR="$place" PREFIX=$PREFIX LIBDIR="$LIBDIR" PYTHONDIR=$PYTHONDIR)
version=$(sed -n 's/^#define OCIREG_VERSION "\(.*\)"/\1/p' "$root/include/ocireg.h")
abi=$(awk -F. '$1 == 0 { print $1 "." $2; exit } { print $1 }' <<<"$version")

# As for a cross-compiler: nothing of this machine is used. The library is found by the loader's path here, because the
# folder is not where its files say.
pc() { env PKG_CONFIG_LIBDIR="$library/pkgconfig" PKG_CONFIG_SYSROOT_DIR="$place" pkg-config "$@"; }
installed() { env LD_LIBRARY_PATH="$library" "$@"; }

install_it() {
    say 'make install'
    make -C "$root" install "${folders[@]}" >"$work/log" 2>&1 || { tail -20 "$work/log"; fail 'make install'; }
    [ "$(readlink "$library/libocireg.so")" = "libocireg.so.$abi" ] || fail 'the development link'
    [ "$(readlink "$library/libocireg.so.$abi")" = "libocireg.so.$version" ] || fail 'the loader'\''s link'
    readelf -d "$library/libocireg.so.$version" | has "SONAME.*\[libocireg.so.$abi\]" || fail 'the SONAME'
    ! grep -rlF -e "$place" -e "$root" "$here" --include='*.pc' --include='*.cmake' || fail 'a path of the build in an installed file'
    ! readelf -d "$here/bin/ocireg" | grep -F "$root" || fail 'the command looks for its library in the build folder'
    "$here/bin/ocireg" ping "$OCIREG_TEST_V3" | has '"api_version":2' || fail 'the installed command'
}

by_pkg_config() {
    say 'C by pkg-config, shared, static'
    [ "$(pc --modversion ocireg)" = "$version" ] || fail 'the version in ocireg.pc'
    local tags=$root/bindings/c/examples/tags.c flags
    read -ra flags <<<"$(pc --cflags --libs ocireg)"
    cc "${STRICT[@]}" "$tags" "${flags[@]}" -o "$work/shared"
    readelf -d "$work/shared" | has "NEEDED.*\[libocireg.so.$abi\]" || fail 'the shared program does not need the SONAME'
    installed "$work/shared" "$repository" | has '"latest"' || fail 'the shared program'
    read -ra flags <<<"$(pc --cflags --libs --static ocireg)"
    # glibc warns that getaddrinfo needs its shared libraries at run time; that is the program's choice.
    cc -static "${STRICT[@]}" "$tags" "${flags[@]}" -o "$work/static" 2>"$work/log" || { cat "$work/log"; fail 'static linking'; }
    ! readelf -d "$work/static" | has NEEDED || fail 'the static program needs a shared library'
    "$work/static" "$repository" | has '"latest"' || fail 'the static program'
}

by_cmake() {
    say 'C++ and C by CMake, shared, static'
    mkdir "$work/cmake"
    cat >"$work/cmake/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.16)
project(consumer C CXX)
set(CMAKE_CXX_STANDARD 17)
find_package(ocireg ${WANTED} CONFIG REQUIRED)
find_package(ocireg CONFIG REQUIRED) # twice is harmless
find_package(Threads)
add_executable(cpp-shared main.cpp)
target_link_libraries(cpp-shared PRIVATE ocireg::ocireg)
add_executable(cpp-static main.cpp)
target_link_libraries(cpp-static PRIVATE ocireg::static)
add_executable(c-static ${EXAMPLE})
target_compile_definitions(c-static PRIVATE _GNU_SOURCE)
target_link_libraries(c-static PRIVATE ocireg::static)
END
    cat >"$work/cmake/main.cpp" <<'END'
#include <iostream>
#include <ocireg.hpp>
int main(int, char **arguments)
{
    const ocireg::client client;
    for (const auto &tag : client.each_tag(arguments[1]))
        std::cout << "tag " << tag << '\n';
}
END
    local program
    cmake -S "$work/cmake" -B "$work/cmake/build" -DCMAKE_PREFIX_PATH="$here" -DWANTED="$abi" \
        -DEXAMPLE="$root/bindings/c/examples/tags.c" >"$work/log" 2>&1 || { cat "$work/log"; fail 'cmake'; }
    cmake --build "$work/cmake/build" >"$work/log" 2>&1 || { cat "$work/log"; fail 'cmake --build'; }
    readelf -d "$work/cmake/build/cpp-shared" | has "NEEDED.*\[libocireg.so.$abi\]" || fail 'CMake: the SONAME'
    for program in cpp-shared cpp-static; do
        "$work/cmake/build/$program" "$repository" | has -x 'tag latest' || fail "CMake: $program"
    done
    "$work/cmake/build/c-static" "$repository" | has '"latest"' || fail 'CMake: c-static'
    ! readelf -d "$work/cmake/build/cpp-static" | has libocireg || fail 'CMake: the static program needs the shared library'
    for program in 0.0.1 99.0 "$version.1"; do
        ! cmake -S "$work/cmake" -B "$work/cmake/other" -DCMAKE_PREFIX_PATH="$here" -DWANTED=$program >"$work/log" 2>&1 ||
            fail "CMake: version $program was found"
        grep -q 'considered but not accepted' "$work/log" || { cat "$work/log"; fail "CMake: version $program failed otherwise"; }
    done
}

# The Go package finds the installed library, as a user's module uses it.
by_go() {
    say 'Go by pkg-config, shared, static'
    mkdir "$work/go"
    cat >"$work/go/go.mod" <<END
module consumer

go 1.24

require github.com/ocireg/ocireg/bindings/go v0.0.0

replace github.com/ocireg/ocireg/bindings/go => $root/bindings/go
END
    cat >"$work/go/main.go" <<'END'
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/ocireg/ocireg/bindings/go"
)

func main() {
	client, err := ocireg.New()
	if err != nil {
		panic(err)
	}
	defer client.Close()
	for tag, err := range client.Tags(context.Background(), os.Args[1]) {
		fmt.Println("tag", tag, err)
	}
}
END
    go_build -o "$work/go-shared" || fail 'Go: shared'
    readelf -d "$work/go-shared" | has "NEEDED.*\[libocireg.so.$abi\]" || fail 'Go: the SONAME'
    installed "$work/go-shared" "$repository" | has -x 'tag latest <nil>' || fail 'Go: the shared program'
    # The linker warns about getaddrinfo, as for C.
    go_build -tags ocireg_static -o "$work/go-static" 2>"$work/log" || { cat "$work/log"; fail 'Go: static'; }
    ! readelf -d "$work/go-static" | has libocireg || fail 'Go: the static program needs the shared library'
    "$work/go-static" "$repository" | has -x 'tag latest <nil>' || fail 'Go: the static program'
}
# With a separate cache: Go ignores pkg-config's output when it looks for a package that it has built before.
go_build() {
    (cd "$work/go" && env -u PKG_CONFIG_PATH GOTOOLCHAIN=local GOCACHE="$work/go-cache" CGO_ENABLED=1 PKG_CONFIG_LIBDIR="$library/pkgconfig" PKG_CONFIG_SYSROOT_DIR="$place" go build "$@" .)
}

# The Ruby gem, built and installed into an empty folder, finds the installed library.
by_python() {
    say 'Python'
    cat >"$work/tags.py" <<'END'
import importlib.metadata, sys
import ocireg
print(ocireg.__file__, importlib.metadata.version("ocireg"), *ocireg.Client().iter_tags(sys.argv[1]))
print(open("/proc/self/maps").read())
END
    (cd "$work" && installed env -u OCIREG_LIB PYTHONPATH="$place$PYTHONDIR" PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 tags.py "$repository") \
        >"$work/out" || fail 'python'
    grep -q "^$place$PYTHONDIR/ocireg/__init__.py $version .*latest" "$work/out" || { head -3 "$work/out"; fail 'Python: the tags'; }
    grep -qF "$library/libocireg.so.$version" "$work/out" || fail 'Python: another library'
}

by_ruby() {
    say 'Ruby by its gem'
    cp -r "$root/bindings/ruby" "$work/ruby"
    (cd "$work/ruby" && gem build --output "$work/ocireg.gem" ocireg.gemspec >"$work/log" 2>&1) || { cat "$work/log"; fail 'gem build'; }
    export GEM_HOME=$work/gems
    gem install --local --ignore-dependencies --no-document "$work/ocireg.gem" >"$work/log" 2>&1 || { cat "$work/log"; fail 'gem install'; }
    # shellcheck disable=SC2016 # for Ruby
    (cd "$work" && installed ruby -e 'require "ocireg"; Ocireg::Client.new.each_tag(ARGV[0]) { |tag| puts "tag #{tag}" }; puts File.read("/proc/self/maps")' \
        "$repository") >"$work/out" || fail 'ruby'
    grep -qx 'tag latest' "$work/out" || fail 'Ruby: the tags'
    grep -qF "$library/libocireg.so.$version" "$work/out" || fail 'Ruby: another library'
}

# build NAME FLAG…: one of the examples in C or C++, from the installed files
build() {
    local name=$1 flags source compiler=(cc "${STRICT[@]}")
    shift
    read -ra flags <<<"$(pc --cflags --libs ocireg)"
    source=$(echo "$here/share/doc/ocireg/examples/$name".c*)
    [ "$source" = "${source%.cpp}" ] || compiler=(g++ "${STRICT_CPP[@]}")
    [ "$(wc -l <"$source")" -lt 70 ] || fail "$name has 70 lines or more"
    "${compiler[@]}" "$source" "${flags[@]}" "$@" -pthread -o "$work/$name"
}

# example NAME ARG…: builds and runs one; its output goes to $work/out
example() {
    build "$1"
    run_example "$@"
}
run_example() { installed "$work/$1" "${@:2}" >"$work/out" 2>"$work/err" || { cat "$work/err"; fail "example $1"; }; }

examples() {
    say 'the examples'
    local digest
    head -c 3000000 /dev/urandom >"$work/file"
    example push_artifact "$repository:latest" "$work/file"
    digest=$("$here/bin/ocireg" digest "$repository:latest")
    [ "$(cat "$work/out")" = "$digest" ] || fail 'push_artifact: the digest'
    "$here/bin/ocireg" manifest get "$repository:latest" | has '"org.opencontainers.image.title":"example"' ||
        fail 'push_artifact: the annotations'
    example tags "$repository"
    example pull_layer "$repository:latest" application/octet-stream "$work/layer"
    cmp "$work/file" "$work/layer" || fail 'pull_layer: other bytes'
    grep -q '3000000 of 3000000 bytes' "$work/err" || fail 'pull_layer: no progress'
    example pull_image "$repository:latest" "$work/layout"
    cmp "$work/file" "$work/layout/blobs/sha256/$(sha256sum "$work/file" | cut -d' ' -f1)" || fail 'pull_image: other bytes'
    attach_note "$digest"
    example copy "$repository:latest" "$OCIREG_TEST_REFERRERS/copied:latest"
    "$here/bin/ocireg" -q referrers "$OCIREG_TEST_REFERRERS/copied@$digest" 2>/dev/null |
        has -F "$(sha256sum "$work/note.json" | cut -d' ' -f1)" || fail 'copy: no referrers'
    # A pipe that nothing writes to: Ctrl-C ends the wait.
    mkfifo "$work/nobody"
    ! installed timeout -s INT 1 "$work/copy" "oci-archive:$work/nobody" "oci:$work/never" 2>"$work/err" || fail 'copy: Ctrl-C'
    grep -q '^copy: CANCELLED' "$work/err" || fail 'copy: Ctrl-C is another error'
    REGISTRY_USER=alice REGISTRY_PASSWORD='s3cret:with colon' example credentials "$OCIREG_TEST_HTPASSWD"
    grep -q '"repositories":' "$work/out" || fail 'credentials: no repositories'
    ! installed "$work/credentials" "$OCIREG_TEST_HTPASSWD" >/dev/null 2>"$work/err" || fail 'credentials: needs none'
    grep -q 'does not know you' "$work/err" || fail 'credentials: another error'
}

# Jobs in four event loops: the digests of what is there, the errors of what is not, and an end.
loops() {
    say 'jobs in event loops: epoll, GLib, libuv, sd-event'
    local name flags digest
    digest=$("$here/bin/ocireg" digest "$repository:latest")
    for name in epoll: glib:glib-2.0 libuv:libuv sd_event:libsystemd; do
        flags=()
        [ -z "${name#*:}" ] || read -ra flags <<<"$(pkg-config --cflags --libs "${name#*:}")"
        name=loop_${name%%:*}
        build "$name" "${flags[@]}"
        ! installed "$work/$name" "$repository:latest" "$repository:none" "$repository:latest" 'BAD NAME' >"$work/out" 2>"$work/err" ||
            fail "$name: no failure"
        [ "$(sort -u "$work/out")" = "$repository:latest $digest" ] || fail "$name: the digests"
        [ "$(wc -l <"$work/out")-$(wc -l <"$work/err")" = 2-2 ] || fail "$name: the number of results"
        installed "$work/$name" "$repository:latest" >"$work/out" || fail "$name"
    done
}

# push REFERENCE TYPE FILE: an image of one layer of that media type; the bytes of $work/config are its config
push() {
    local file
    for file in "$work/config" "$3"; do "$here/bin/ocireg" -q blob put "${1%:*}" "$file" >/dev/null; done
    printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"%s","size":%d},"layers":[{"mediaType":"%s","digest":"%s","size":%d}]}' \
        "$(digest_of "$work/config")" "$(wc -c <"$work/config")" "$2" "$(digest_of "$3")" "$(wc -c <"$3")" >"$work/manifest"
    "$here/bin/ocireg" -q manifest put "$1" "$work/manifest" >/dev/null
}
digest_of() { echo "sha256:$(sha256sum "$1" | cut -d' ' -f1)"; }

# fails STATUS TEXT NAME ARG…: an example ends with that exit status and says that
fails() {
    local wanted=$1 text=$2 status=0
    shift 2
    installed "$work/$1" "${@:2}" >"$work/out" 2>"$work/err" || status=$?
    [ "$status" = "$wanted" ] || { cat "$work/err"; fail "$1: exit status $status instead of $wanted"; }
    grep -qF -e "$text" "$work/err" || { cat "$work/err"; fail "$1: no '$text'"; }
}

# The examples that do what known projects need.
projects() {
    say 'the examples of what known projects do'
    local name builds=() images=$OCIREG_TEST_V3/install
    for name in pipe_layers pull_model fetch_packages publish_artifact deploy_artifact; do
        build "$name" & builds+=($!)
    done
    # shellcheck disable=SC2046 # a list
    build mirror_app $(pkg-config --cflags --libs gio-2.0)
    for name in "${builds[@]}"; do wait "$name"; done
    tar -C "$work" -czf "$work/layer.tar.gz" file
    printf '{"architecture":"amd64","os":"linux","config":{"Labels":{"org.flatpak.ref":"app/org.example.App/stable"}},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
        "$(gzip -dc "$work/layer.tar.gz" | sha256sum | cut -d' ' -f1)" >"$work/config"
    push "$images/app:1" application/vnd.oci.image.layer.v1.tar+gzip "$work/layer.tar.gz"
    push "$images/smol:q4" application/vnd.docker.ai.gguf.v3 "$work/file"

    run_example pipe_layers "$images/app:1" "cat >$work/piped"
    cmp "$work/layer.tar.gz" "$work/piped" || fail 'pipe_layers: other bytes'
    fails 1 '"errno":32' pipe_layers "$images/app:1" 'head -c 1000 >/dev/null'
    fails 3 NOT_FOUND pipe_layers "$images/app:none" cat

    run_example mirror_app "$images/app:1" "$work/apps"
    [ "$("$here/bin/ocireg" digest "oci:$work/apps:app/org.example.App/stable")" = "$("$here/bin/ocireg" digest "$images/app:1")" ] ||
        fail 'mirror_app: another image'
    fails 1 'g-io-error-quark 1: ' mirror_app "$images/app:none" "$work/apps"
    ! installed timeout -s INT 1 "$work/mirror_app" "oci-archive:$work/nobody" "$work/apps" 2>"$work/err" || fail 'mirror_app: Ctrl-C'
    grep -q 'g-io-error-quark 19: ' "$work/err" || fail 'mirror_app: Ctrl-C is another error'

    run_example pull_model "$images/smol:q4" "$work/models"
    cmp "$work/file" "$(cat "$work/out")" || fail 'pull_model: other bytes'
    run_example pull_model "$images/smol:q4" "$work/models"
    grep -q 'it is there already' "$work/err" || fail 'pull_model: it was downloaded again'
    # Without the registry the file of that model will do, and not one of the same name of another registry.
    fails 1 CONNECT pull_model "127.0.0.1:1/install/smol:q4" "$work/models"
    mkdir -p "$work/models/127.0.0.1:1/install/smol"
    cp "$(find "$work/models" -name q4.gguf)" "$work/models/127.0.0.1:1/install/smol/"
    run_example pull_model "127.0.0.1:1/install/smol:q4" "$work/models"
    fails 1 CONNECT pull_model "127.0.0.1:1/install/smol:q5" "$work/models"
    fails 1 'has no GGUF file' pull_model "$images/app:1" "$work/models"

    mkdir "$work/packages"
    fails 1 "sha256:$(printf %064d 0) of " fetch_packages "$work/packages" "$images/app@$(digest_of "$work/layer.tar.gz")" \
        "$images/app@sha256:$(printf %064d 0)" "$images/app@$(digest_of "$work/config")"
    [ "$(cat "$work/out")" = '3 packages, 1 bad' ] || fail 'fetch_packages: not the other two'
    (cd "$work/packages" && for name in *; do echo "$name  $name"; done | sha256sum --check --status) || fail 'fetch_packages: other bytes'
    [ "$(find "$work/packages" -type f | wc -l)" = 2 ] || fail 'fetch_packages: not two files'
    fails 1 "invalid repository name 'BAD'" fetch_packages "$work/packages" BAD

    run_example publish_artifact "$images/deploy:1" "$work/file" "$work/layer.tar.gz"
    run_example deploy_artifact "$images/deploy:1" "$images/service:2" "$work/software"
    cmp "$work/file" "$work/software/store.squashfs" || fail 'deploy_artifact: other bytes'
    cmp "$work/file" "$work/software/meta/file" || fail 'deploy_artifact: other metadata'
    has -x 2 <"$work/out" || fail 'deploy_artifact: no tag'
    fails 3 'no such artifact' deploy_artifact "$images/deploy:none" "$images/service:3" "$work/software"
    fails 1 IO publish_artifact "$images/deploy:2" "$work/nothing" "$work/layer.tar.gz"
}

# Programs with a downloader of their own: from real registries, and from one that refuses its first two tokens and then redirects. What is
# there of the blob is continued.
downloaders() {
    say 'downloads by libcurl, curl and wget'
    local digest by flags port
    digest=$(digest_of "$work/file")
    read -ra flags <<<"$(pkg-config --cflags --libs libcurl)"
    build curl_blob "${flags[@]}"
    for by in "$repository" "$OCIREG_TEST_REFERRERS/copied"; do
        rm -f "$work/blob"
        run_example curl_blob "$by@$digest" "$work/blob"
        cmp "$work/file" "$work/blob" || fail "curl_blob: other bytes from $by"
    done
    fails 1 NOT_FOUND curl_blob "$repository@sha256:$(printf %064d 0)" "$work/none"
    # wget as it is, but for what it is called with, which other users can read.
    mkdir "$work/spy" "$work/temporary"
    printf '#!/bin/sh\necho "$*" >>"%s/arguments"\nexec %s "$@"\n' "$work" "$(command -v wget)" >"$work/spy/wget"
    chmod +x "$work/spy/wget"
    for by in curl_blob curl wget; do
        refusing_registry
        head -c 1000000 "$work/file" >"$work/blob"
        cp "$work/blob" "$work/blob.part"
        case $by in
            curl_blob) run_example curl_blob "127.0.0.1:$port/a@$digest" "$work/blob" ;;
            *) OCIREG_OPTIONS=--plain-http TMPDIR="$work/temporary" PATH="$work/spy:$here/bin:$PATH" installed "$here/share/doc/ocireg/examples/fetch_blob.sh" "$by" \
                "127.0.0.1:$port/a@$digest" "$work/blob" 2>"$work/err" || { cat "$work/err" "$work/asked"; fail "fetch_blob.sh $by"; } ;;
        esac
        cmp "$work/file" "$work/blob" || fail "$by: other bytes"
        has 'bytes=1000000-' <"$work/asked" || { cat "$work/asked"; fail "$by: nothing was continued"; }
        ! grep -q '^/store.*Bearer' "$work/asked" || fail "$by: the token went elsewhere"
        kill "$refusing"
        refusing=
    done
    ! grep -q '://\|Bearer' "$work/arguments" || fail 'fetch_blob.sh: wget is called with a secret'
    for by in curl wget; do
        from_mirror "$by" serves
        from_mirror "$by" only-says
        from_mirror "$by" lies
    done
    [ -z "$(ls "$work/temporary")" ] || fail 'fetch_blob.sh leaves temporary files'
}

# A registry to which the user is logged in, behind a mirror that serves everything, only says that it has it, or sends other bytes: the mirror learns nothing of
# the login, and the registry serves what the mirror does not.
from_mirror() { # curl|wget serves|only-says|lies
    local port registry digest
    digest=$(digest_of "$work/file")
    cat >"$work/mirror.py" <<'END'
import http.server, sys, threading
blob = open(sys.argv[1], "rb").read()
class Mirror(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        print(self.path, self.headers.get("Authorization"), flush=True)
        if sys.argv[2] == "only-says" and "/blobs/" in self.path and self.headers.get("Range") != "bytes=0-0":
            return self.say(503, b"{}")
        if sys.argv[2] == "lies" and "/blobs/" in self.path:
            return self.say(200, bytes(len(blob)))
        self.serve()
    def serve(self):
        self.say(200, blob if "/blobs/" in self.path else b"{}")
    def say(self, status, body, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
class Registry(Mirror):
    def do_GET(self):
        if self.headers.get("Authorization"):
            return self.serve()
        self.say(401, b"{}", WWW_Authenticate='Basic realm="r"')
mirror, registry = (http.server.ThreadingHTTPServer(("127.0.0.1", 0), of) for of in (Mirror, Registry))
threading.Thread(target=registry.serve_forever, daemon=True).start()
print(mirror.server_port, registry.server_port, flush=True)
mirror.serve_forever()
END
    : >"$work/asked"
    python3 "$work/mirror.py" "$work/file" "$2" >"$work/asked" &
    refusing=$!
    until read -r port registry <"$work/asked" && [ -n "$registry" ]; do sleep 0.1; done
    registry=127.0.0.1:$registry
    printf '[[registry]]\nlocation = "%s"\ninsecure = true\n[[registry.mirror]]\nlocation = "127.0.0.1:%s"\ninsecure = true\n' \
        "$registry" "$port" >"$work/mirrors.conf"
    printf '{"auths":{"%s":{"auth":"%s"}}}' "$registry" "$(printf 'user:password' | base64)" >"$work/mirrors.json"
    chmod 600 "$work/mirrors.json"
    rm -f "$work/blob"
    CONTAINERS_REGISTRIES_CONF="$work/mirrors.conf" REGISTRY_AUTH_FILE="$work/mirrors.json" PATH="$here/bin:$PATH" \
        installed "$here/share/doc/ocireg/examples/fetch_blob.sh" "$1" "$registry/a@$digest" "$work/blob" 2>"$work/err" ||
        { cat "$work/err" "$work/asked"; fail "fetch_blob.sh $1, from a mirror"; }
    cmp "$work/file" "$work/blob" || fail "$1: other bytes from a mirror"
    has '/blobs/' <"$work/asked" || fail "$1: the mirror is not asked"
    [ "$(sed 1d "$work/asked" | grep -cv ' None$')" = 0 ] || { cat "$work/asked"; fail "$1: the mirror gets the registry's credentials"; }
    kill "$refusing"
    refusing=
}

# Sets port; what it is asked is in $work/asked.
refusing_registry() {
    cat >"$work/registry.py" <<'END'
import http.server, itertools, re, sys
blob, given = open(sys.argv[1], "rb").read(), itertools.count(1)
class Registry(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def say(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in {**headers, "Content-Length": len(body)}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        sent, piece = self.headers.get("Authorization"), self.headers.get("Range")
        print(self.path, sent, piece, flush=True)
        realm = f'Bearer realm="http://127.0.0.1:{self.server.server_port}/token"'
        if self.path.startswith("/token"):
            self.say(200, b'{"token":"t%d"}' % next(given))
        elif self.path.startswith("/v2/a/blobs/") and sent in ("Bearer t1", "Bearer t2") and piece == "bytes=0-0":
            self.serve(piece)
        elif self.path.startswith("/v2/") and sent in (None, "Bearer t1", "Bearer t2"):
            self.say(401, WWW_Authenticate=realm)
        elif self.path.startswith("/v2/"):
            self.say(307, Location=f"http://localhost:{self.server.server_port}/store?sig=x")
        else:
            self.serve(piece)
    def serve(self, piece):
        if piece is None:
            return self.say(200, blob)
        first, last = re.match("bytes=([0-9]+)-([0-9]*)", piece).groups()
        last = int(last or len(blob) - 1)
        self.say(206, blob[int(first):last + 1], Content_Range=f"bytes {first}-{last}/{len(blob)}")
    def log_message(self, *_):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Registry)
print(server.server_port, flush=True)
server.serve_forever()
END
    python3 "$work/registry.py" "$work/file" >"$work/asked" &
    refusing=$!
    until port=$(head -n 1 "$work/asked") && [ -n "$port" ]; do sleep 0.1; done
}

# A manifest with the image as its subject.
attach_note() { # DIGEST
    local size empty='{"mediaType":"application/vnd.oci.empty.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2}'
    size=$("$here/bin/ocireg" manifest get "$repository@$1" --raw | wc -c)
    printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","artifactType":"application/x.note","config":%s,"layers":[%s],"subject":{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"%s","size":%d}}' \
        "$empty" "$empty" "$1" "$size" >"$work/note.json"
    "$here/bin/ocireg" manifest put "$repository@sha256:$(sha256sum "$work/note.json" | cut -d' ' -f1)" "$work/note.json" >/dev/null
}

# valgrind's reports about ring's assembly are suppressed, and there are no others.
by_valgrind() {
    say 'TLS under valgrind'
    valgrind --quiet --error-exitcode=99 --leak-check=full --show-leak-kinds=definite,indirect,possible \
        --errors-for-leak-kinds=definite,indirect,possible --suppressions="$here/share/doc/ocireg/valgrind.supp" \
        "$here/bin/ocireg" --ca "$OCIREG_TEST_CA" ping "$OCIREG_TEST_TLS" >"$work/out" 2>"$work/log" || { cat "$work/log"; fail 'valgrind'; }
    has '"api_version":2' <"$work/out" || fail 'the ping by TLS'
    [ ! -s "$work/log" ] || { cat "$work/log"; fail 'what valgrind says'; }
}

manuals() {
    say 'the manual pages'
    local page words name
    for page in man1/ocireg.1 man3/ocireg.3 $("$root/bindings/c/manual.sh" families | sed 's|.*|man3/ocireg_&.3|'); do
        # Every command, option and function is in them: they are generated from the help and the header.
        groff -man -Tascii -P-c -ww -rLL=500n "$here/share/man/$page" 2>"$work/log" | sed 's/.\x08//g' >"$work/${page##*/}.txt"
        [ ! -s "$work/log" ] || { cat "$work/log"; fail "$page is not clean"; }
    done
    "$here/bin/ocireg" --help | sed -nE 's/^  (-[^][ ]*).*/\1/p; s/^  ([a-z0-9][a-z0-9-]*( [a-z0-9-]+)?)( [A-Z[{].*)?$/\1/p' >"$work/words"
    [ "$(wc -l <"$work/words")" -gt 30 ] || fail 'the help cannot be read'
    while read -r words; do
        grep -qE "^ +$words" "$work/ocireg.1.txt" || fail "ocireg(1) lacks $words"
    done <"$work/words"
    for name in $(grep -v '^#' "$root/tests/abi/symbols.txt"); do
        grep -qF "$name()" "$work/ocireg.3.txt" || fail "ocireg(3) lacks $name"
    done
}

schemas() {
    say 'the schemas'
    diff -r "$root/tests/schemas" "$here/share/ocireg/schemas" || fail 'other schemas'
}

# completes "WANTED…" WORD…: the completions of the last word
completes() {
    local wanted=$1 got
    shift
    got=$(PATH=$here/bin:$PATH bash -c '. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _ocireg; echo "${COMPREPLY[*]}"' \
        - "$here/share/bash-completion/completions/ocireg" "$@")
    [ "$got" = "$wanted" ] || fail "completion of '${*}': '$got' instead of '$wanted'"
}

completion() {
    say 'the completion'
    completes 'parse' ocireg par
    completes 'get' ocireg manifest g
    completes 'tags tag' ocireg --username tags ta
    completes '--digests' ocireg -q tags --di
    completes '--last' ocireg tags host/repo --la
    completes '--password-stdin' ocireg --pas
    completes '' ocireg blob put host/repo fi
    cmp "$here/share/zsh/site-functions/_ocireg" <("$here/bin/ocireg" completion zsh) || fail 'the completion of zsh'
    cmp "$here/share/fish/vendor_completions.d/ocireg.fish" <("$here/bin/ocireg" completion fish) || fail 'the completion of fish'
}

dist() {
    say 'make dist'
    local tarball=$root/target/dist/ocireg-$version.tar.gz
    make -s -C "$root" dist
    mv "$tarball" "$work/first.tar.gz"
    make -s -C "$root" dist
    cmp "$work/first.tar.gz" "$tarball" || fail 'make dist gives other bytes'
    tar tzf "$tarball" | has -x "ocireg-$version/include/ocireg.h" || fail 'the tarball lacks the header'
}

uninstall() {
    say 'make uninstall'
    make -s -C "$root" uninstall "${folders[@]}" >/dev/null
    [ -z "$(find "$place" ! -type d)" ] || { find "$place" ! -type d; fail 'left by make uninstall'; }
}

repository=$OCIREG_TEST_V3/install/test
install_it
examples
downloaders
projects
loops
by_pkg_config
by_cmake
by_go
by_ruby
by_python
by_valgrind
manuals
schemas
completion
[ ! -e "$root/.git" ] || dist
uninstall
say 'all good'
