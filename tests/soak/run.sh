#!/bin/bash
# run.sh [CALLS [SEED]]: the soak, against a real registry behind a proxy that spoils one request in twenty (`make soak`). The seed decides
# which calls each thread makes, not in which order they meet each other and the faults. What each process held is in target/soak.csv, and
# drawn in target/soak.svg. Needs the release library. OCIREG_LIBRARY_DIR says where, if elsewhere.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
library=${OCIREG_LIBRARY_DIR:-$root/target/release}

if [ "${1:-}" != --with-registry ]; then
    exec "$root/tests/registries/run" --only v3 "$0" --with-registry "$@"
fi
calls=${2:-100000} seed=${3:-$RANDOM}
readonly PER_MILLE=50

work=$OCIREG_TEST_TMP
again="the same calls again by tests/soak/run.sh $calls $seed"
echo "soak: $calls calls, seed $seed: $again"
(cd "$root/tests/soak" && CGO_ENABLED=0 go build -o "$work/proxy" proxy.go)
cc -O2 -g -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -I"$root/include" "$root/tests/soak/soak.c" "$root/tests/soak/work.c" -o "$work/soak" \
    -pthread -L"$library" -locireg -Wl,-rpath,"$library"

"$work/proxy" 127.0.0.1:0 "$OCIREG_TEST_V3" "$PER_MILLE" "$seed" >"$work/proxy.log" &
proxy=$!
trap 'kill "$proxy" 2>/dev/null || true' EXIT
until [ -s "$work/proxy.log" ]; do
    kill -0 "$proxy" || exit 1
    sleep 0.1
done

status=0
mkdir "$work/soaked"
"$work/soak" "$(head -1 "$work/proxy.log")" "$work/soaked" "$calls" "$seed" "$root/target/soak.csv" || status=$?
kill "$proxy"
wait "$proxy" || true
echo 'of the requests'
tail -n +2 "$work/proxy.log"
python3 "$root/tests/soak/draw.py" "$root/target/soak.csv" "$root/target/soak.svg"
[ "$status" = 0 ] || echo "soak: failed; $again"
exit "$status"
