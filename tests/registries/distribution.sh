# Registries: distribution 2.8 (Debian's docker-registry), distribution 3, and go-containerregistry's. Sourced by run.

# storage NAME DELETE and http_plain, http_tls: parts of a configuration file
storage() {
    cat <<EOF
version: 0.1
log: {level: info, formatter: text, accesslog: {disabled: true}}
storage:
  filesystem: {rootdirectory: $work/$1.data}
  delete: {enabled: $2}
  maintenance: {uploadpurging: {enabled: false}}
EOF
}

http_plain() {
    echo "http: {addr: '127.0.0.1:0', secret: test}"
}

http_tls() {
    echo "http: {addr: '127.0.0.1:0', secret: test, tls: {certificate: $work/tls.pem, key: $work/tls.key}}"
}

start_debian() { # NAME: with $work/NAME.yml
    local program
    program=$(command -v docker-registry || echo "$tools/docker-registry")
    [ -x "$program" ] || die "docker-registry is missing: run tests/setup.sh"
    start "$1" "$program" serve "$work/$1.yml"
}

start_v2() { # NAME DELETE
    { storage "$1" "$2"; http_plain; } >"$work/$1.yml"
    start_debian "$1"
}

# It signs what it serves, with its own key.
start_schema1() {
    { storage schema1 true; http_plain; echo "compatibility: {schema1: {enabled: true}}"; } >"$work/schema1.yml"
    start_debian schema1
}

start_htpasswd() {
    htpasswd -Bbn -C 5 alice 's3cret:with colon' >"$work/htpasswd"
    { storage htpasswd true; http_plain; echo "auth: {htpasswd: {realm: ocireg tests, path: $work/htpasswd}}"; } >"$work/htpasswd.yml"
    start_debian htpasswd
}

start_tls() {
    { storage tls true; http_tls; } >"$work/tls.yml"
    start_debian tls
}

start_distribution3() { # NAME: with $work/NAME.yml
    [ -x "$tools/registry" ] || die "distribution 3 is missing: run tests/setup.sh"
    start "$1" "$tools/registry" serve "$work/$1.yml"
}

start_v3() { # NAME
    { storage "$1" true; http_plain; } >"$work/$1.yml"
    start_distribution3 "$1"
}

# start_v3_token NAME: the registry of that name asks for tokens of the token server of that name. The realm is a name and
# not an address: careful clients, crane among them, ask for no token at a loopback address.
start_v3_token() {
    local scheme=http http=http_plain
    if [ "$1" = token-tls ]; then
        scheme=https
        http=http_tls
    fi
    wait_for "$1-server"
    {
        storage "$1" true
        $http
        echo "auth: {token: {realm: '$scheme://localhost:$port/token', service: ocireg-test, issuer: ocireg-test-issuer, rootcertbundle: $work/signer.pem}}"
    } >"$work/$1.yml"
    start_distribution3 "$1"
}

start_ggcr() {
    [ -x "$tools/crane" ] || die "crane is missing: run tests/setup.sh"
    start ggcr "$tools/crane" registry serve --address 127.0.0.1:0
}

# The same registry with the referrers API, which crane's command does not enable.
start_referrers() {
    [ -x "$tools/referrers" ] || die "the registry with referrers is missing: run tests/setup.sh"
    start referrers "$tools/referrers"
}

# A registry that accepts only clients with a certificate from the client CA.
start_mtls() {
    {
        storage mtls true
        echo "http: {addr: '127.0.0.1:0', secret: test, tls: {certificate: $work/tls.pem, key: $work/tls.key, clientcas: [$work/client-ca.pem]}}"
    } >"$work/mtls.yml"
    start_distribution3 mtls
}

# A registry on a unix socket only.
start_unix() {
    export OCIREG_TEST_UNIX_SOCKET=$work/registry.sock
    { storage unix true; echo "http: {net: unix, addr: $OCIREG_TEST_UNIX_SOCKET, secret: test}"; } >"$work/unix.yml"
    start_distribution3 unix
}
