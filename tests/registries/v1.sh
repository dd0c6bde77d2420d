# docker-registry 0.9.1, the last server for protocol v1. Sourced by run.

v1_configuration() { # NAME LINE…
    local name=$1
    shift
    mkdir "$work/$name.data"
    {
        echo "tests:"
        printf '    %s\n' "loglevel: warn" "storage: local" "storage_path: $work/$name.data" "$@"
    } >"$work/$name.yml"
}

start_v1_server() { # NAME [PEER]
    [ -e "$tools/v1/made" ] || die "docker-registry 0.9.1 is missing: run tests/setup.sh"
    start "$1" "$tools/v1/venv/bin/python" "$here/v1-serve.py" "$work" "$@"
}

# Standalone: it is also the index, and needs no authentication.
start_v1() {
    v1_configuration v1 "standalone: true" "search_backend: sqlalchemy" "sqlalchemy_index_database: 'sqlite:///$work/v1.data/index.db'"
    start_v1_server v1
}

# Two servers, as Docker Hub had them: one is the index and issues tokens for the other, which asks it whether they are
# valid.
start_v1_token() {
    v1_configuration v1-token "standalone: true" "search_backend: sqlalchemy" \
        "sqlalchemy_index_database: 'sqlite:///$work/v1-token.data/index.db'" "registry_endpoints: '_env:PEER'"
    v1_configuration v1-token-store "standalone: false" "disable_token_auth: false" "index_endpoint: '_env:INDEX'"
    start_v1_server v1-token v1-token-store
    start_v1_server v1-token-store v1-token
    wait_for v1-token-store
    export OCIREG_TEST_V1_TOKEN_STORE=127.0.0.1:$port
}
