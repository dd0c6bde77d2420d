# The token servers of the registries with token auth. Sourced by run.

# One signing key for all; each server writes its requests to the one log.
start_token_servers() {
    [ -x "$tools/tokenserver" ] || die "the token server is missing: run tests/setup.sh"
    new_ca signer
    export OCIREG_TEST_TOKEN_LOG=$work/token-requests
    : >"$OCIREG_TEST_TOKEN_LOG"
    ! wanted token || start_token_server token
    ! wanted token-tls || start_token_server token-tls -tls-key "$work/tls.key" -tls-cert "$work/tls.pem"
    # The response says 300 s, but the registry refuses the token after 2 to 3 s: a token that expires midway.
    ! wanted token-short || start_token_server token-short -refused-after 3
}

start_token_server() { # NAME FLAGS…
    local name=$1
    shift
    start "$name-server" "$tools/tokenserver" -name "$name" -key "$work/signer.key" -cert "$work/signer.pem" \
        -log "$OCIREG_TEST_TOKEN_LOG" -expires-in 300 "$@"
}
