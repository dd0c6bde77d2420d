#!/bin/sh
# fetch_blob.sh curl|wget [HOST[:PORT]/]REPOSITORY@DIGEST FILE: a blob by a downloader that knows nothing of registries. ocireg says where
# it is and gives the token; what an earlier run has left is continued; a refused token is replaced. The file appears only complete and
# verified. OCIREG_OPTIONS are options of ocireg, such as --ca FILE.
set -eu

by=$1 name=$2 file=$3
digest=${name#*@}

# shellcheck disable=SC2086 # several options
ask() { ocireg ${OCIREG_OPTIONS:-} -q "$@"; }

# The URL, what to send there as Authorization, if anything, and whose URL it is: all of one answer, as what a registry wants is not for
# its mirrors. The first two may be secrets, as the URL may be signed. A mirror that did not serve before is passed over.
locate() {
    # shellcheck disable=SC2086 # several options
    ask blob locate --check $failed "$name" --format '{/locations/0/url}\n{/locations/0/headers/Authorization}\n{/locations/0/endpoint}'
}

# curl takes both from a pipe, where other users do not see them, and keeps the header from hosts to which this one redirects.
by_curl() {
    place=$(locate) || return 1
    printf '%s\n' "$place" | sed -n -e 's/[\\"]/\\&/g' -e '1 s/.*/url = "&"/p' -e '2 s/..*/header = "Authorization: &"/p' |
        curl --silent --show-error --fail --location --continue-at - --config - --output "$file.part"
}

# wget takes the URL from a pipe, and the header from a file of this user only, which is gone at the end, however that comes. It would take
# the header along to other hosts: it follows no redirect.
by_wget() {
    place=$(locate) || return 1
    [ -n "$config" ] || config=$(mktemp)
    printf '%s\n' "$place" | sed -n '2 s/..*/header = Authorization: &/p' >"$config"
    printf '%s\n' "$place" | head -n 1 |
        wget --quiet --config "$config" --max-redirect 0 --continue --output-document "$file.part" --input-file -
}
config='' failed='' place=''
trap '[ -z "$config" ] || rm -f "$config"' EXIT
trap 'exit 1' HUP INT TERM

# Each run of ocireg gets a new token: it knows nothing of one that was refused.
for try in 1 2 3; do
    if "by_$by"; then break; fi
    endpoint=$(printf '%s\n' "$place" | sed -n 3p)
    [ -z "$endpoint" ] || failed="$failed --failed $endpoint"
    [ "$try" != 3 ] || { echo "fetch_blob.sh: it cannot be had" >&2; exit 1; }
done
if ! echo "${digest#*:}  $file.part" | "${digest%%:*}sum" --check --status; then
    rm -f "$file.part"
    echo "fetch_blob.sh: other bytes than the digest says" >&2
    exit 1
fi
mv "$file.part" "$file"
