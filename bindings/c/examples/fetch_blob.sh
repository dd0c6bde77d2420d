#!/bin/sh
# fetch_blob.sh curl|wget [HOST[:PORT]/]REPOSITORY@DIGEST FILE: a blob by a downloader that knows nothing of registries. ocireg says where
# it is and gives the token; what an earlier run has left is continued; a refused token is replaced. The file appears only complete and
# verified. OCIREG_OPTIONS are options of ocireg, such as --ca FILE.
set -eu

by=$1 name=$2 file=$3
digest=${name#*@}

# shellcheck disable=SC2086 # several options
ask() { ocireg ${OCIREG_OPTIONS:-} -q "$@"; }

# By the registry's own URL. curl takes the header from a pipe, where other users do not see it, and keeps it from hosts to which the
# registry redirects.
by_curl() {
    url=$(ask blob locate --no-follow "$name" --format '{/locations/0/url}') || return 1
    ask token --header "${name%@*}" |
        curl --silent --show-error --fail --location --continue-at - --header @- --output "$file.part" "$url"
}

# By the URL to which the registry redirects, where it does. It may be signed, a secret as the header is: other users see neither, as one
# comes through a pipe and the other in a file of this user only, which wget wants and which is gone at the end, however that comes. wget
# would take the header along to other hosts: it follows no redirect.
by_wget() {
    place=$(ask blob locate --check "$name" --format '{/locations/0/url}\nheader = Authorization: {/locations/0/headers/Authorization}') || return 1
    [ -n "$config" ] || config=$(mktemp)
    printf '%s\n' "$place" | sed -n '2 { /: ./p }' >"$config"
    printf '%s\n' "$place" | head -n 1 |
        wget --quiet --config "$config" --max-redirect 0 --continue --output-document "$file.part" --input-file -
}
config=
trap '[ -z "$config" ] || rm -f "$config"' EXIT
trap 'exit 1' HUP INT TERM

# Each run of ocireg gets a new token.
for try in 1 2 3; do
    if "by_$by"; then break; fi
    [ "$try" != 3 ] || { echo "fetch_blob.sh: it cannot be had" >&2; exit 1; }
done
if ! echo "${digest#*:}  $file.part" | "${digest%%:*}sum" --check --status; then
    rm -f "$file.part"
    echo "fetch_blob.sh: other bytes than the digest says" >&2
    exit 1
fi
mv "$file.part" "$file"
