#!/bin/bash
# make.sh: makes the keys and certificates of these vectors anew. They are for tests only, and public.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
days=36500
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

ec() { openssl ecparam -name "$1" -genkey -noout -out "$2"; }
issue() { # NAME SUBJECT ISSUER EXTENSION…: NAME.pem, its key at KEY
    local name=$1 subject=$2 issuer=$3
    shift 3
    printf '%s\n' "$@" >"$work/extensions"
    openssl req -new -key "$work/$name.key" -subj "$subject" -out "$work/request"
    openssl x509 -req -in "$work/request" -CA "$issuer.pem" -CAkey "$work/$issuer.key" -CAcreateserial -CAserial "$work/serial" \
        -days $days -extfile "$work/extensions" -out "$name.pem" 2>/dev/null
}

for name in ca other-ca intermediate; do ec prime256v1 "$work/$name.key"; done
for name in ca other-ca; do
    openssl req -x509 -new -key "$work/$name.key" -subj "/CN=ocireg tests $name" -days $days \
        -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign -out "$name.pem"
done
issue intermediate "/CN=ocireg tests intermediate" ca basicConstraints=critical,CA:TRUE keyUsage=critical,keyCertSign
ec prime256v1 "$work/leaf.key"
issue leaf "/O=ocireg/CN=signer" intermediate basicConstraints=CA:FALSE keyUsage=critical,digitalSignature
cat leaf.pem intermediate.pem >chain.pem
rm leaf.pem intermediate.pem
openssl pkcs8 -topk8 -nocrypt -in "$work/leaf.key" -out leaf-key.pem
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa-key.pem 2>/dev/null
openssl pkey -in rsa-key.pem -pubout -out rsa-public.pem
openssl ec -in "$work/leaf.key" -aes128 -passout pass:secret -out encrypted-key.pem 2>/dev/null
ec secp384r1 "$work/p384.key"
openssl pkcs8 -topk8 -nocrypt -in "$work/p384.key" -out p384-key.pem
