#!/bin/bash
# deb.sh: builds the Debian packages and installs them into a clean root, a minimal Debian with a C compiler and Python, where the
# command, a program built there and the Python package work; then removes them again. Needs `make`, debootstrap, and root or sudo.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
base=$root/target/tools/clean-root-python.tar

say() { echo "== $*"; }
fail() { echo "deb: $*" >&2; exit 1; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

if [ "${1:-}" != --inside ]; then exec "$root/tests/registries/run" --only v3 "$0" --inside; fi

work=$(mktemp -d "${TMPDIR:-/tmp}/ocireg-deb-test.XXXXXX")
clean=$work/root
trap 'as_root umount "$clean/proc" 2>/dev/null || true; as_root rm -rf --one-file-system "$work"' EXIT
inside() { as_root chroot "$clean" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 "$@"; }

# The minimal Debian, of the release and from the mirror that this machine's own packages come from. Kept for the next
# run.
make_base() {
    local site codename log=$work/log
    [ ! -e "$base" ] || return 0
    read -r site codename < <(apt-get indextargets --format '$(SITE) $(CODENAME)' 'Created-By: Packages' 'Component: main' |
        grep -vE -- '-(updates|security|backports)$')
    say "debootstrap $codename"
    as_root debootstrap --variant=minbase --include=gcc,libc6-dev,pkgconf,python3 "$codename" "$clean" "$site" >"$log" 2>&1 ||
        { tail -20 "$log"; fail 'debootstrap'; }
    as_root rm -rf "$clean/var/cache/apt/archives" "$clean/var/lib/apt/lists"
    as_root tar cf "$work/base.tar" --one-file-system -C "$clean" .
    as_root rm -rf --one-file-system "$clean"
    mkdir -p "${base%/*}"
    as_root mv "$work/base.tar" "$base.$$" && as_root mv "$base.$$" "$base"
}

make_base
say 'make deb'
make -s -C "$root" deb >"$work/log" 2>&1 || { tail -20 "$work/log"; fail 'make deb'; }
version=$(sed -n 's/^#define OCIREG_VERSION "\(.*\)"/\1/p' "$root/include/ocireg.h")
mkdir "$clean"
as_root tar xf "$base" -C "$clean"

say 'installed in a clean root'
as_root cp "$root"/target/dist/*"_${version}_$(dpkg --print-architecture).deb" "$root/target/dist/python3-ocireg_${version}_all.deb" "$root/bindings/c/examples/tags.c" "$clean/tmp/"
inside sh -c 'dpkg -i /tmp/*.deb' >"$work/log" 2>&1 || { cat "$work/log"; fail 'dpkg -i'; }
[ -z "$(inside dpkg --audit)" ] || fail 'dpkg --audit is not content'
[ "$(inside ocireg --version | head -1 | grep -oE '[0-9]+\.[0-9]+\.[0-9]+')" = "$version" ] || fail 'ocireg --version'
head -c 1000 /dev/urandom >"$work/blob"
as_root cp "$work/blob" "$clean/tmp/blob"
inside ocireg -q blob put "$OCIREG_TEST_V3/deb/test" /tmp/blob | grep -q "$(sha256sum <"$work/blob" | cut -d' ' -f1)" || fail 'ocireg blob put'

say 'a program built there'
inside sh -c 'cc /tmp/tags.c -o /tmp/tags $(pkg-config --cflags --libs ocireg)' || fail 'cc'
printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}' >"$work/index.json"
as_root cp "$work/index.json" "$clean/tmp/index.json"
inside ocireg -q manifest put "$OCIREG_TEST_V3/deb/test:latest" /tmp/index.json >/dev/null
inside /tmp/tags "$OCIREG_TEST_V3/deb/test" | grep -q '"tags":\["latest"\]' || fail 'tags'

say 'Python'
tags='import ocireg, sys; print(ocireg.__file__, *ocireg.Client().iter_tags(sys.argv[1]))'
[ "$(inside python3 -c "$tags" "$OCIREG_TEST_V3/deb/test")" = '/usr/lib/python3/dist-packages/ocireg/__init__.py latest' ] || fail 'python3'
[ -n "$(inside find /usr/lib/python3/dist-packages/ocireg -name '*.pyc')" ] || fail 'the Python package is not compiled'

say 'removed'
inside dpkg --purge ocireg python3-ocireg libocireg-dev "libocireg${version%.*}" >"$work/log" 2>&1 || { cat "$work/log"; fail 'dpkg --purge'; }
left=$(inside find / -xdev -name '*ocireg*' -not -path '/tmp/*' -not -path '/proc/*' -not -path '/var/log/*')
[ -z "$left" ] || fail "left behind: $left"
say 'all good'
