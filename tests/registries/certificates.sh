# Keys and certificates, made anew for every run with openssl. Sourced by run.

# new_ca NAME: $work/NAME.key and $work/NAME.pem
new_ca() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 2 -subj "/CN=ocireg test $1" \
        -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,digitalSignature \
        -keyout "$work/$1.key" -out "$work/$1.pem" 2>"$work/openssl.log" || { cat "$work/openssl.log" >&2; die "openssl failed"; }
}

# The CA of the TLS servers, one that has nothing to do with them, and their one certificate.
make_tls_certificates() {
    new_ca ca
    new_ca other-ca
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 2 -subj /CN=localhost \
        -CA "$work/ca.pem" -CAkey "$work/ca.key" -addext basicConstraints=critical,CA:FALSE \
        -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -addext extendedKeyUsage=serverAuth \
        -keyout "$work/tls.key" -out "$work/tls.pem" 2>"$work/openssl.log" || { cat "$work/openssl.log" >&2; die "openssl failed"; }
    export OCIREG_TEST_CA=$work/ca.pem OCIREG_TEST_OTHER_CA=$work/other-ca.pem
}
