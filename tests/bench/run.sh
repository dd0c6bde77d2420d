#!/bin/bash
# Times of the ocireg command compared with plain curl for the same bytes, in one run: `make bench`. Ratios say how many
# times curl's time the command took; curl checks no digest. Peak memory is the whole process's. Prints, never fails for
# being slow.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
size_mib=${SIZE_MIB:-1024}
rounds=${ROUNDS:-3}

if [ "${1:-}" != --with-registry ]; then
    "$root/tests/setup.sh" bench
    exec "$root/tests/registries/run" --only v3 "$0" --with-registry
fi

program=$root/target/release/ocireg
folder=$OCIREG_TEST_TMP/bench
base=http://$OCIREG_TEST_V3/v2/bench/blob
mkdir -p "$folder"

# clock COMMAND…: seconds of wall time and peak MiB, the best of some rounds
clock() {
    local best='' peak=0 round seconds kib
    for ((round = 0; round < rounds; round++)); do
        /usr/bin/env time -f '%e %M' -o "$folder/time" "$@" >/dev/null 2>"$folder/errors" || { cat "$folder/errors" >&2; exit 1; }
        read -r seconds kib <"$folder/time"
        if [ -z "$best" ] || awk "BEGIN { exit !($seconds < $best) }"; then best=$seconds; fi
        if [ "$kib" -gt "$peak" ]; then peak=$kib; fi
    done
    echo "$best $((peak / 1024))"
}

row() { awk -v name="$1" -v a="$2" -v am="$3" -v b="$4" -v bm="$5" 'BEGIN { printf "%-34s %8.2f s %5d MiB %8.2f s %5d MiB %8.2f\n", name, a, am, b, bm, a / b }'; }

# upload_by_curl FILE DIGEST: what curl needs to do the same
upload_by_curl() {
    local location
    location=$(curl -sS -X POST -D - -o /dev/null "$base/blobs/uploads/" | tr -d '\r' | sed -n 's/^[Ll]ocation: //p')
    curl -sS -f -X PUT -T "$1" -H 'Content-Type: application/octet-stream' "$location&digest=$2"
}
export -f upload_by_curl
export base

echo "one blob of $size_mib MiB, distribution 3 on loopback, best of $rounds"
head -c "${size_mib}M" /dev/urandom >"$folder/blob"
digest=sha256:$(sha256sum "$folder/blob" | cut -d' ' -f1)
reference=$OCIREG_TEST_V3/bench/blob@$digest
printf '%-34s %10s %9s %10s %9s %8s\n' '' ocireg peak curl peak ratio

read -r curl_s curl_m < <(clock bash -c "curl -sS -X DELETE '$base/blobs/$digest' >&2; upload_by_curl '$folder/blob' '$digest'")
curl -sS -X DELETE "$base/blobs/$digest" >/dev/null
read -r our_s our_m < <(clock bash -c "curl -sS -X DELETE '$base/blobs/$digest' >&2; exec '$program' -q blob put '$OCIREG_TEST_V3/bench/blob' '$folder/blob'")
row 'upload (curl is given the digest)' "$our_s" "$our_m" "$curl_s" "$curl_m"

read -r curl_s curl_m < <(clock curl -sS -f -o "$folder/by-curl" "$base/blobs/$digest")
read -r our_s our_m < <(clock "$program" -q blob get "$reference" -o "$folder/by-ocireg")
row 'download to a file (verified)' "$our_s" "$our_m" "$curl_s" "$curl_m"

read -r curl_s curl_m < <(clock curl -sS -f -o /dev/null "$base/blobs/$digest")
read -r our_s our_m < <(clock "$program" -q blob get "$reference")
row 'download to nowhere (verified)' "$our_s" "$our_m" "$curl_s" "$curl_m"
cmp "$folder/blob" "$folder/by-ocireg"
