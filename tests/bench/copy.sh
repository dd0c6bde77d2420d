#!/bin/bash
# Copies with ocireg compared with crane, skopeo and regctl, in one run: pull into a layout, push from one, registry to
# registry, and within one registry by mount; pulls are also compared with plain.c, which only receives, hashes and
# writes. `make bench` runs it. Ratios below 1 mean that ocireg was faster. Prints, never fails for being slow.
# Registries: distribution 3; the other of "registry to registry" is 2.8. TMPDIR says where all files lie.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
rounds=${ROUNDS:-5}

if [ "${1:-}" != --with-registry ]; then
    "$root/tests/setup.sh" bench
    cc -O2 -std=c11 -D_GNU_SOURCE -Wall -Wextra -Wpedantic -Werror "$root/tests/bench/plain.c" -o "$root/target/tools/plain" -lcrypto
    exec "$root/tests/registries/run" --only v3,v2 "$0" --with-registry
fi

ocireg=$root/target/release/ocireg
crane=$root/target/tools/crane
regctl=$root/target/tools/regctl
plain=$root/target/tools/plain
folder=$OCIREG_TEST_TMP/bench
here=$OCIREG_TEST_V3
there=$OCIREG_TEST_V2
export REGCTL_CONFIG=$folder/regctl.json
export LC_ALL=C # a decimal point in the seconds
mkdir -p "$folder"
for host in "$here" "$there"; do "$regctl" registry set --tls disabled "$host" >/dev/null; done

# image NAME COUNT MIB: an artifact of COUNT layers of MIB MiB, in the registry and in a layout
image() {
    local layers='' layer digest digests='' empty=sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a number
    printf '{}' >"$folder/empty"
    "$ocireg" -q blob put "$here/$1" "$folder/empty" >/dev/null
    for ((number = 0; number < $2; number++)); do
        layer=$folder/layer
        head -c "$3M" /dev/urandom >"$layer"
        digest=sha256:$(sha256sum "$layer" | cut -d' ' -f1)
        "$ocireg" -q blob put "$here/$1" "$layer" >/dev/null
        digests+=" $digest"
        layers+=,'{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"'$digest'","size":'$(($3 << 20))'}'
    done
    printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"%s","size":2},"layers":[%s]}' \
        "$empty" "${layers#,}" >"$folder/manifest"
    "$ocireg" -q manifest put "$here/$1:1" "$folder/manifest" >/dev/null
    "$ocireg" -q copy "$here/$1:1" "oci:$folder/$1:1" >/dev/null
    echo "$empty$digests" >"$folder/$1.digests"
}

# once COMMAND…: seconds, including the few milliseconds for starting it and the clock, and peak MiB
once() {
    local begin=$EPOCHREALTIME
    /usr/bin/env time -f '%M' -o "$folder/time" "$@" >/dev/null 2>"$folder/errors" || { head -3 "$folder/errors" >&2; echo '- -'; return; }
    awk -v begin="$begin" -v end="$EPOCHREALTIME" '{ printf "%.3f %d\n", end - begin, $1 / 1024 }' "$folder/time"
}

# best_and_middle TIMES: empty when one failed
best_and_middle() {
    [ "$1" = failed ] || tr ' ' '\n' <<<"$1" | sed '/^$/d' | sort -n | awk '{ t[NR] = $1 } END { print t[1], t[int((NR + 1) / 2)] }'
}

# race TITLE PREPARE TOOL=COMMAND…: the tools take turns, in changing order, because each is affected by what the
# previous one leaves behind (pages in memory, work for the disk); prints the best and median time and the largest peak
# of each.
race() {
    local title=$1 prepare=$2 round pair order pairs tool result
    shift 2
    declare -A times=() peak=()
    for ((round = 0; round < rounds; round++)); do
        order=$(shuf -e -- "$@")
        mapfile -t pairs <<<"$order"
        for pair in "${pairs[@]}"; do
            tool=${pair%%=*}
            bash -c "$prepare" >/dev/null 2>&1 || true
            sync # otherwise one tool's bytes are written to disk during another's run
            # skopeo remembers in which repositories it has seen a blob, and would mount what the others transfer.
            rm -f /var/lib/containers/cache/blob-info-cache-v1.* ~/.local/share/containers/cache/blob-info-cache-v1.*
            read -r -a result < <(once bash -c "exec ${pair#*=}")
            [ "${result[0]}" = - ] && times[$tool]=failed
            [ "${times[$tool]:-}" = failed ] && continue
            times[$tool]+=" ${result[0]}"
            if [ "${result[1]}" -gt "${peak[$tool]:-0}" ]; then peak[$tool]=${result[1]}; fi
        done
    done
    printf '%s\n' "$title"
    for pair in "$@"; do
        tool=${pair%%=*}
        printf '    %-8s ' "$tool"
        awk -v t="$(best_and_middle "${times[$tool]}")" -v m="${peak[$tool]:--}" -v ours="$(best_and_middle "${times[ocireg]}")" \
            'BEGIN { split(t, a); split(ours, o)
                     if (t == "" || ours == "") print "failed"
                     else printf "%7s s, %7s s %5s MiB   ocireg to it %.2f, %.2f\n", a[1], a[2], m, o[1] / a[1], o[2] / a[2] }'
    done
}

for shape in '1 1024 one' '40 4 many'; do
    read -r count mib name <<<"$shape"
    image "$name" "$count" "$mib"
    echo "$count x $mib MiB, best and middle of $rounds"
    race '  pull into a layout' "rm -rf $folder/out; mkdir $folder/out" \
        "ocireg=$ocireg -q copy $here/$name:1 oci:$folder/out:1" \
        "crane=$crane pull --format=oci $here/$name:1 $folder/out" \
        "skopeo=skopeo --insecure-policy copy --src-tls-verify=false docker://$here/$name:1 oci:$folder/out:1" \
        "regctl=$regctl image copy $here/$name:1 ocidir://$folder/out:1" \
        "plain=$plain ${here%:*} ${here#*:} $name $folder/out $(cat "$folder/$name.digests")"
    race '  push from a layout' true \
        "ocireg=$ocireg -q copy oci:$folder/$name:1 $here/o\$\$/ocireg:1" \
        "crane=$crane push $folder/$name $here/o\$\$/crane:1" \
        "skopeo=skopeo --insecure-policy copy --dest-tls-verify=false oci:$folder/$name:1 docker://$here/o\$\$/skopeo:1" \
        "regctl=$regctl image copy ocidir://$folder/$name:1 $here/o\$\$/regctl:1"
    race '  registry to registry' true \
        "ocireg=$ocireg -q copy $here/$name:1 $there/\$\$/ocireg:1" \
        "crane=$crane copy $here/$name:1 $there/\$\$/crane:1" \
        "skopeo=skopeo --insecure-policy copy --src-tls-verify=false --dest-tls-verify=false docker://$here/$name:1 docker://$there/s\$\$/skopeo:1" \
        "regctl=$regctl image copy $here/$name:1 $there/r\$\$/regctl:1"
    race '  within a registry, by mount' true \
        "ocireg=$ocireg -q copy $here/$name:1 $here/m\$\$/ocireg:1" \
        "crane=$crane copy $here/$name:1 $here/m\$\$/crane:1" \
        "skopeo=skopeo --insecure-policy copy --src-tls-verify=false --dest-tls-verify=false docker://$here/$name:1 docker://$here/m\$\$/skopeo:1" \
        "regctl=$regctl image copy $here/$name:1 $here/m\$\$/regctl:1"
done
