#!/bin/bash
# python.sh FOLDER VERSION: the Python package, without a library of its own, in a folder where Python looks for modules, and what tells
# pip and importlib.metadata of it.
set -euo pipefail

folder=$1 version=$2
source=$(cd "$(dirname "$0")/../python" && pwd)
info=$folder/ocireg-$version.dist-info
rm -rf "$folder/ocireg" "$info"
(cd "$source" && find ocireg -name '*.py' -o -name py.typed) | while read -r file; do
    install -D -m 644 "$source/$file" "$folder/$file"
done
install -d "$info"
printf 'Metadata-Version: 2.1\nName: ocireg\nVersion: %s\nSummary: A client for Docker and OCI registries\nLicense: Apache-2.0\nRequires-Python: >=3.10\n' \
    "$version" >"$info/METADATA"
echo make >"$info/INSTALLER"
chmod 644 "$info/METADATA" "$info/INSTALLER"
