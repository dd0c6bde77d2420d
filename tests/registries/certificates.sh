# Keys and certificates, generated for every run with openssl. Sourced by run.

# new_ca NAME: $work/NAME.key and $work/NAME.pem
new_ca() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 2 -subj "/CN=ocireg test $1" \
        -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,digitalSignature \
        -keyout "$work/$1.key" -out "$work/$1.pem" 2>"$work/openssl.log" || { cat "$work/openssl.log" >&2; die "openssl failed"; }
}

# The CA of the TLS servers, an unrelated one, and their one certificate.
make_tls_certificates() {
    new_ca ca
    new_ca other-ca
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 2 -subj /CN=localhost \
        -CA "$work/ca.pem" -CAkey "$work/ca.key" -addext basicConstraints=critical,CA:FALSE \
        -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -addext extendedKeyUsage=serverAuth \
        -keyout "$work/tls.key" -out "$work/tls.pem" 2>"$work/openssl.log" || { cat "$work/openssl.log" >&2; die "openssl failed"; }
    export OCIREG_TEST_CA=$work/ca.pem OCIREG_TEST_OTHER_CA=$work/other-ca.pem
}

# A CA for clients, a certificate from it with its key in each of the usual formats, and a client that the CA did not
# certify.
make_client_certificates() {
    new_ca client-ca
    new_client client client-ca
    new_client stranger ca
    openssl pkey -in "$work/client.key" -traditional -out "$work/client-sec1.key"
    openssl pkey -in "$work/client.key" -aes256 -passout pass:secret -out "$work/client-encrypted.key"
    cat "$work/client.pem" "$work/client.key" >"$work/client-both.pem"
    openssl req -x509 -newkey rsa:2048 -noenc -days 2 -subj /CN=client-rsa -CA "$work/client-ca.pem" -CAkey "$work/client-ca.key" \
        -addext basicConstraints=critical,CA:FALSE -addext extendedKeyUsage=clientAuth \
        -keyout "$work/client-rsa.key" -out "$work/client-rsa.pem" 2>"$work/openssl.log" || { cat "$work/openssl.log" >&2; die "openssl failed"; }
    openssl pkey -in "$work/client-rsa.key" -traditional -out "$work/client-pkcs1.key"
    export OCIREG_TEST_CLIENT_CERT=$work/client.pem OCIREG_TEST_CLIENT_KEY=$work/client.key OCIREG_TEST_CERTIFICATES=$work
}

new_client() { # NAME CA
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 2 -subj "/CN=$1" -CA "$work/$2.pem" -CAkey "$work/$2.key" \
        -addext basicConstraints=critical,CA:FALSE -addext extendedKeyUsage=clientAuth \
        -keyout "$work/$1.key" -out "$work/$1.pem" 2>"$work/openssl.log" || { cat "$work/openssl.log" >&2; die "openssl failed"; }
}
