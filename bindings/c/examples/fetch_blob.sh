#!/bin/sh
# fetch_blob.sh curl|wget [HOST[:PORT]/]REPOSITORY@DIGEST FILE: a blob by a downloader that knows nothing of registries. ocireg says where
# it is and gives the token; what an earlier run has left is continued; a refused token is replaced. The file appears only complete and
# verified. OCIREG_OPTIONS are options of ocireg, such as --ca FILE.
set -eu

by=$1 name=$2 file=$3
digest=${name#*@}

# shellcheck disable=SC2086 # several options
ask() { ocireg ${OCIREG_OPTIONS:-} -q "$@"; }

# The URL, whose it is, and the headers to send there: all of one answer, as what a registry wants is not for its mirrors. The first and the
# last may be secrets, as the URL may be signed. A mirror that did not serve before is passed over.
look() { ask blob locate --check "$@" "$name" --format '{/locations/0/url}\n{/locations/0/endpoint}\n{/locations/0/headers}\n{/size}'; }

# Where none is left that has not failed, the first again: it may only have refused a token.
locate() {
    # shellcheck disable=SC2086 # several options
    [ -z "$failed" ] || ! found=$(look $failed 2>/dev/null) || { printf '%s\n' "$found" && return; }
    look
}

endpoint() { printf '%s\n' "$place" | sed -n 2p; }
size() { printf '%s\n' "$place" | sed -n '4 s/^[0-9][0-9]*$/&/p' | grep . || echo 9223372036854775807; }

# NAME: VALUE for each header, with the backslashes that JSON has, which are curl's too.
headers() {
    printf '%s\n' "$place" | sed -n -e '3 s/^{"\(.*\)"}$/\1/' -e '3 s/","/\
/g' -e '3 p' | sed -n 's/":"/: /p'
}

# curl takes all from a pipe, where other users do not see it, and keeps Authorization from hosts to which this one redirects.
by_curl() {
    place=$(locate) || return 1
    {
        printf '%s\n' "$place" | sed -n -e 's/[\\"]/\\&/g' -e '1 s/.*/url = "&"/p'
        headers | sed 's/.*/header = "&"/'
    } | curl --silent --show-error --fail --location --continue-at - --config - --output "$file.part"
}

# wget takes the URL from a pipe, and the headers from a file of this user only, which is gone at the end, however that comes. It would take
# them along to other hosts: it follows no redirect.
by_wget() {
    place=$(locate) || return 1
    [ -n "$config" ] || config=$(mktemp)
    headers | sed -e 's/\\\(.\)/\1/g' -e 's/^/header = /' >"$config"
    printf '%s\n' "$place" | head -n 1 |
        wget --quiet --config "$config" --max-redirect 0 --continue --output-document "$file.part" --input-file -
}

is_whole() { [ -f "$file.part" ] && echo "${digest#*:}  $file.part" | "${digest%%:*}sum" --check --status; }

# What the digest says: other bytes are of no use, also as the beginning of what another endpoint has.
is_right() {
    is_whole && return
    echo "fetch_blob.sh: $(endpoint) has sent other bytes than the digest says" >&2
    rm -f "$file.part"
    return 1
}
config='' failed='' place=''
trap '[ -z "$config" ] || rm -f "$config"' EXIT
trap 'exit 1' HUP INT TERM

# Another user's link would lead elsewhere, and a pipe would be waited for.
if [ -d "$file" ] || [ -L "$file.part" ] || { [ -e "$file.part" ] && [ ! -f "$file.part" ]; }; then
    echo "fetch_blob.sh: $file or $file.part is not a file" >&2
    exit 1
fi

# Each run of ocireg gets a new token: it knows nothing of one that was refused.
# An earlier run may have been stopped when all was there, and no server continues what is not shorter than the blob.
for try in 1 2 3; do
    if is_whole || { "by_$by" && is_right; }; then break; fi
    if [ -f "$file.part" ] && [ "$(wc -c <"$file.part")" -ge "$(size)" ]; then rm -f "$file.part"; fi
    [ -z "$place" ] || failed="$failed --failed $(endpoint)"
    [ "$try" != 3 ] || { echo "fetch_blob.sh: the blob cannot be downloaded" >&2; exit 1; }
done
mv "$file.part" "$file"
