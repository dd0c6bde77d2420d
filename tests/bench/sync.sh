#!/bin/bash
# A repository of some images with layers, synced to where nothing is; and one of 1,000 tags, synced again when nothing has changed:
# requests and seconds of ocireg, crane, skopeo and, where it is installed, regctl (which copies single images: a hundred, times ten).
# `make bench` runs it. Requests are counted by a proxy before each registry. Prints, never fails for being slow. Registries: from
# distribution 3 to 2.8.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
count=${TAGS:-1000}
# So many images of 1 MiB, and 4 MiB that all of them share.
images=${IMAGES:-24}

if [ "${1:-}" != --with-registry ]; then
    "$root/tests/setup.sh" bench
    exec "$root/tests/registries/run" --only v3,v2 "$0" --with-registry
fi

ocireg=${OCIREG_TEST_COMMAND:-$root/target/release/ocireg}
crane=$root/target/tools/crane
regctl=$root/target/tools/regctl
folder=$OCIREG_TEST_TMP/bench-sync
mkdir -p "$folder"
export REGCTL_CONFIG=$folder/regctl.json

"$root/tests/bench/counter.py" "$folder" "$OCIREG_TEST_V3" "$OCIREG_TEST_V2" &
proxy=$!
trap 'kill $proxy' EXIT
until [ -e "$folder/addresses" ]; do sleep 0.1; done
read -r here there <"$folder/addresses"

# Images of one config and no layer, each its own: $count manifests.
printf '{}' >"$folder/empty"
"$ocireg" -q blob put "$OCIREG_TEST_V3/many" "$folder/empty" >/dev/null
put() {
    printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},"layers":[],"annotations":{"number":"%s"}}' "$1" |
        curl -sSf -X PUT -H 'Content-Type: application/vnd.oci.image.manifest.v1+json' --data-binary @- "http://$OCIREG_TEST_V3/v2/many/manifests/v$1"
}
export -f put
seq "$count" | xargs -P 4 -I{} bash -c 'put {}'
# What skopeo names its copies after.
"$ocireg" -q sync "$OCIREG_TEST_V3/many" "$OCIREG_TEST_V2/many" >/dev/null

# In gzip's form, as skopeo packs what is not.
layer() { head -c "$1" /dev/urandom | gzip -1 >"$folder/layer" && "$ocireg" -q blob put "$OCIREG_TEST_V3/large" "$folder/layer" --format '{/digest}'; }
descriptor() { printf '{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"%s","size":%d}' "$1" "$(stat -c %s "$folder/layer")"; }
"$ocireg" -q blob put "$OCIREG_TEST_V3/large" "$folder/empty" >/dev/null
shared=$(descriptor "$(layer 4194304)")
for ((number = 1; number <= images; number++)); do
    printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},"layers":[%s,%s]}' \
        "$shared" "$(descriptor "$(layer 1048576)")" >"$folder/manifest"
    curl -sSf -X PUT -H 'Content-Type: application/vnd.oci.image.manifest.v1+json' --data-binary @"$folder/manifest" "http://$OCIREG_TEST_V3/v2/large/manifests/v$number"
done

# timed TITLE TAGS FACTOR COMMAND…: the requests and seconds of a command
timed() {
    local title=$1 tags=$2 factor=$3 before begin after
    shift 3
    before=$(<"$folder/count")
    begin=$EPOCHREALTIME
    if ! "$@" >"$folder/said" 2>&1; then
        printf '%-28s failed: %s\n' "$title" "$(tail -1 "$folder/said")"
        return
    fi
    sleep 0.2
    after=$(<"$folder/count")
    awk -v title="$title" -v n="$(((after - before) * factor))" -v begin="$begin" -v end="$EPOCHREALTIME" -v factor="$factor" -v tags="$tags" \
        'BEGIN { printf "%-28s %6d requests, %.2f a tag, %7.2f s\n", title, n, n / tags, (end - begin - 0.2) * factor }'
}

# each_by_regctl COUNT FROM TO
each_by_regctl() {
    for host in "$here" "$there"; do "$regctl" registry set --tls disabled "$host"; done
    for ((number = 1; number <= $1; number++)); do "$regctl" image copy "$here/$2:v$number" "$there/$3:v$number"; done
}
first() { timed "$1" "$images" 1 "${@:2}"; }
again() { timed "$1" "$count" "${@:2}"; }

echo "$images images of 1 MiB and 4 MiB that they share, the first run, everything is moved"
first 'ocireg sync' "$ocireg" -q sync "$here/large" "$there/by-ocireg/large"
first 'ocireg sync to a layout' "$ocireg" -q sync "$here/large" "oci:$folder/large"
first 'ocireg sync to an archive' "$ocireg" -q sync "$here/large" "oci-archive:$folder/large.tar"
first 'crane copy -a' "$crane" --insecure copy -a "$here/large" "$there/by-crane/large"
first 'skopeo sync --all' skopeo --insecure-policy sync --all --src-tls-verify=false --dest-tls-verify=false --src docker --dest docker "$here/large" "$there/by-skopeo"
if [ -x "$regctl" ]; then first 'regctl image copy' each_by_regctl "$images" large by-regctl/large; fi

echo "$count tags, the second run, nothing new"
again 'ocireg sync' 1 "$ocireg" -q sync "$here/many" "$there/many"
again 'ocireg sync --no-clobber' 1 "$ocireg" -q sync "$here/many" "$there/many" --no-clobber
again 'ocireg sync --referrers' 1 "$ocireg" -q sync "$here/many" "$there/many" --referrers
"$ocireg" -q sync "$OCIREG_TEST_V3/many" "oci:$folder/layout" >/dev/null
again 'ocireg sync to a layout' 1 "$ocireg" -q sync "$here/many" "oci:$folder/layout"
"$ocireg" -q sync "$OCIREG_TEST_V3/many" "oci-archive:$folder/many.tar" >/dev/null
again 'ocireg sync to an archive' 1 "$ocireg" -q sync "$here/many" "oci-archive:$folder/many.tar"
again 'crane copy -a' 1 "$crane" --insecure copy -a "$here/many" "$there/many"
again 'crane copy -a --no-clobber' 1 "$crane" --insecure copy -a -n "$here/many" "$there/many"
again 'skopeo sync --all' 1 skopeo --insecure-policy sync --all --src-tls-verify=false --dest-tls-verify=false --src docker --dest docker "$here/many" "$there"
if [ -x "$regctl" ]; then again 'regctl image copy' 10 each_by_regctl "$((count / 10))" many many; fi
