#!/bin/bash
# deb.sh VERSION ABI: Debian packages in target/dist, made from what `make install` installs: the library
# (libocireg0.1), what is needed to build with it (libocireg-dev), the command (ocireg) and the Python package (python3-ocireg).
# Reproducible. Needs dpkg-dev.
set -euo pipefail

version=$1 abi=$2
root=$(cd "$(dirname "$0")/../.." && pwd)
out=$root/target/dist
architecture=$(dpkg --print-architecture)
tuple=$(dpkg-architecture -qDEB_HOST_MULTIARCH)
library=libocireg$abi
SOURCE_DATE_EPOCH=$(git -C "$root" log -1 --format=%ct 2>/dev/null || stat -c %Y "$root/Cargo.toml")
export SOURCE_DATE_EPOCH
umask 022

work=$(mktemp -d "${TMPDIR:-/tmp}/ocireg-deb.XXXXXX")
trap 'rm -rf "$work"' EXIT

# take PACKAGE PATH…: moves installed files into a package
take() {
    local package=$1 path
    shift
    for path in "$@"; do
        mkdir -p "$work/$package/$(dirname "$path")"
        mv "$work/all/"$path "$work/$package/$(dirname "$path")/"
    done
}

# needs FILE: the packages of the shared libraries that it is linked to, except our own
needs() {
    mkdir -p "$work/debian"
    printf 'Source: ocireg\n\nPackage: x\nArchitecture: any\n' >"$work/debian/control"
    (cd "$work" && dpkg-shlibdeps --ignore-missing-info -O -l"$work/$library/usr/lib/$tuple" "$1" 2>/dev/null) |
        sed -e 's/^shlibs:Depends=//' | tr ',' '\n' | sed -e 's/^ *//' -e '/^libocireg/d' | paste -sd, | sed 's/,/, /g'
}

# build PACKAGE SECTION DEPENDS SUMMARY TEXT
build() {
    local package=$1 folder=$work/$1 of=$architecture multi=same
    [ "$package" != ocireg ] || multi=foreign
    [[ $package != python3-* ]] || { of=all multi=foreign; }
    mkdir -p "$folder/DEBIAN" "$folder/usr/share/doc/$package"
    cp "$root/LICENSE" "$folder/usr/share/doc/$package/copyright"
    cat >"$folder/DEBIAN/control" <<END
Package: $package
Source: ocireg
Version: $version
Architecture: $of
Multi-Arch: $multi
Maintainer: The ocireg authors <ocireg@localhost>
Section: $2
Priority: optional
Depends: $3
Installed-Size: $(du -sk --apparent-size "$folder/usr" | cut -f1)
Description: $4
 $5
END
    (cd "$folder" && find usr -type f | LC_ALL=C sort | xargs -d '\n' md5sum) >"$folder/DEBIAN/md5sums"
    find "$folder" -newermt "@$SOURCE_DATE_EPOCH" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
    dpkg-deb --root-owner-group --build "$folder" "$out/${package}_${version}_$of.deb" >/dev/null
    echo "target/dist/${package}_${version}_$of.deb"
}

mkdir -p "$out"
make -s -C "$root" install DESTDIR="$work/all" PREFIX=/usr LIBDIR="/usr/lib/$tuple" PYTHONDIR=/usr/lib/python3/dist-packages >/dev/null
gzip -9n "$work/all/usr/share/man/man1/ocireg.1" "$work"/all/usr/share/man/man3/*.3
strip --strip-debug "$work/all/usr/lib/$tuple/libocireg.a"
strip "$work/all/usr/bin/ocireg"
rm "$work/all/usr/share/doc/ocireg/LICENSE"

take "$library" "usr/lib/$tuple/libocireg.so.*"
take libocireg-dev "usr/lib/$tuple/*" usr/include/*.h* usr/share/man/man3/* usr/share/doc/ocireg/examples \
    usr/share/doc/ocireg/valgrind.supp usr/share/ocireg/schemas
take ocireg usr/bin/ocireg usr/share/man/man1/* usr/share/bash-completion/completions/ocireg \
    usr/share/zsh/vendor-completions/_ocireg usr/share/fish/vendor_completions.d/ocireg.fish
take python3-ocireg usr/lib/python3
mv "$work/libocireg-dev/usr/share/doc/ocireg" "$work/libocireg-dev/usr/share/doc/libocireg-dev"
left=$(find "$work/all" ! -type d)
[ -z "$left" ] || { echo "deb: in no package: $left" >&2; exit 1; }

mkdir "$work/$library/DEBIAN"
echo "libocireg $abi $library (>= $version)" >"$work/$library/DEBIAN/shlibs"
echo 'activate-noawait ldconfig' >"$work/$library/DEBIAN/triggers"
build "$library" libs "$(needs "$work/$library/usr/lib/$tuple/libocireg.so.$version")" \
    'client for Docker and OCI registries (library)' 'A registry client behind a stable C ABI.'
build libocireg-dev libdevel "$library (= $version)" \
    'client for Docker and OCI registries (development)' 'Headers for C and C++, static library, pkg-config and CMake files, manual pages, examples, JSON Schemas.'
build ocireg utils "$library (>= $version), $(needs "$work/ocireg/usr/bin/ocireg")" \
    'client for Docker and OCI registries (command)' 'Reads, writes and copies images and other artifacts.'

# As dh_python3 does it: compiled where it is installed, and gone with the package.
mkdir "$work/python3-ocireg/DEBIAN"
printf '#!/bin/sh\nset -e\nif [ "$1" = configure ] && command -v py3compile >/dev/null; then py3compile -p python3-ocireg; fi\n' >"$work/python3-ocireg/DEBIAN/postinst"
printf '#!/bin/sh\nset -e\nif command -v py3clean >/dev/null; then py3clean -p python3-ocireg; fi\n' >"$work/python3-ocireg/DEBIAN/prerm"
chmod 755 "$work/python3-ocireg/DEBIAN/postinst" "$work/python3-ocireg/DEBIAN/prerm"
build python3-ocireg python "$library (>= $version), python3 (>= 3.10)" \
    'client for Docker and OCI registries (Python)' 'The Python package ocireg, on the C library.'
