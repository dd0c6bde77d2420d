#!/bin/bash
# v1-setup.sh TOOLS: puts docker-registry 0.9.1, the last server for protocol v1, into TOOLS/v1.
#
# It was written for Python 2 in 2014. The sources come from PyPI as they were published; 2to3 and the few changes below make
# them run on Python 3 with today's Flask. None of them changes how the server responds to clients.
set -euo pipefail

readonly REGISTRY=docker-registry==0.9.1 CORE=docker-registry-core==2.0.3
readonly RUNS_WITH=(flask==3.1.* gevent 'sqlalchemy<2' redis requests pyyaml blinker)

tools=$(mkdir -p "$1" && cd "$1" && pwd)
mark=$tools/v1/made
[ ! -e "$mark" ] || [ "${BASH_SOURCE[0]}" -nt "$mark" ] || exit 0

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
rm -rf "$tools/v1"
mkdir "$tools/v1"
python3 -m venv "$tools/v1/venv"
python=$tools/v1/venv/bin/python
export PIP_DISABLE_PIP_VERSION_CHECK=1
"$python" -m pip install -q "${RUNS_WITH[@]}" fissix

for package in "$REGISTRY" "$CORE"; do
    "$python" -m pip download -q --no-deps --no-binary :all: -d "$scratch" "$package"
done
mkdir "$scratch/core" "$scratch/registry"
tar -xzf "$scratch"/docker-registry-core-*.tar.gz -C "$scratch/core" --strip-components 1
tar -xzf "$scratch"/docker-registry-0*.tar.gz -C "$scratch/registry" --strip-components 1

# One package instead of two that share a namespace; without Amazon's storage.
code=$tools/v1/docker_registry
cp -r "$scratch/registry/docker_registry" "$code"
cp -r "$scratch/core/docker_registry/core" "$scratch/core/docker_registry/drivers" "$code"
rm "$code/drivers/s3.py"
: >"$code/__init__.py"
: >"$code/drivers/__init__.py"

# compat.py supports Python 3 already, and 2to3 would break it.
mv "$code/core/compat.py" "$scratch/compat.py"
"$python" -m fissix -w -n --no-diffs "$code" >"$scratch/log" 2>&1 || { cat "$scratch/log" >&2; exit 1; }
mv "$scratch/compat.py" "$code/core/compat.py"

# change FILE EXPRESSION…: a sed expression that changes nothing is an error here
change() {
    local file=$code/$1 before expression
    shift
    for expression in "$@"; do
        before=$(cksum <"$file")
        sed -i -E "$expression" "$file"
        [ "$before" != "$(cksum <"$file")" ] || { echo "v1-setup: '$expression' changes nothing in $file" >&2; exit 1; }
    done
}

# RSA is for privileged signatures only, which the tests do not use; M2Crypto would have to be compiled.
change lib/config.py '/M2Crypto/d' 's/yaml\.load\(/yaml.safe_load(/'
change toolkit.py '/M2Crypto/d' 's/RSA\.RSAError/Exception/'
change server/env.py 's/yaml\.load\(/yaml.safe_load(/'
change lib/layers.py 's/^import backports\.lzma as lzma/import lzma/'
change lib/checksums.py "s/json_data \+ '\\\\n'/json_data + b'\\\\n'/"
# Files contain bytes, JSON contains text.
change drivers/file.py "s/f\.write\(content\)/f.write(content if isinstance(content, bytes) else content.encode('utf8'))/"
change tags.py 's/store\.get_content(,|\(tag_path\)$)/store.get_unicode\1/'
printf 'def boot():\n    pass\n' >"$code/extensions/factory.py"
grep -rl 'logger\.warn(' "$code" | xargs -r sed -i 's/logger\.warn(/logger.warning(/'

touch "$mark"
