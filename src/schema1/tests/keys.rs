use super::private::public_key;
use super::*;
use p256::elliptic_curve::Generate;
use ring::signature as rsa;

fn rsa_key() -> rsa::RsaKeyPair {
    let block = &pem::blocks(text(vector!("rsa-key.pem"))).unwrap()[0];
    rsa::RsaKeyPair::from_pkcs8(&block.der).unwrap()
}

fn signed_by_rsa(algorithm: &str, scheme: &'static dyn rsa::RsaEncoding, key: &PublicKey) -> Vec<u8> {
    signed_by(json!({"jwk": key.to_jwk().unwrap(), "alg": algorithm}), |message| {
        let pair = rsa_key();
        let mut signature = vec![0; pair.public().modulus_len()];
        pair.sign(scheme, &ring::rand::SystemRandom::new(), message, &mut signature).unwrap();
        signature
    })
}

#[test]
fn rsa_signatures() {
    let key = public_key(text(vector!("rsa-public.pem"))).unwrap();
    assert_eq!(key.to_pem().unwrap(), text(vector!("rsa-public.pem")));
    for (algorithm, scheme) in [
        ("RS256", &rsa::RSA_PKCS1_SHA256 as &'static dyn rsa::RsaEncoding),
        ("RS384", &rsa::RSA_PKCS1_SHA384),
        ("RS512", &rsa::RSA_PKCS1_SHA512),
    ] {
        let found = good(&signed_by_rsa(algorithm, scheme, &key));
        assert_eq!((found.signatures[0].algorithm.as_str(), found.signatures[0].key_type), (algorithm, "RSA"));
        assert_eq!(found.signatures[0].key_id, key.id().unwrap());
    }
    bad(&signed_by_rsa("RS384", &rsa::RSA_PKCS1_SHA256, &key), Code::Signature, "does not verify");
    bad(&signed_by_rsa("ES256", &rsa::RSA_PKCS1_SHA256, &key), Code::Signature, "does not fit");
    bad(&signed_by_rsa("PS256", &rsa::RSA_PSS_SHA256, &key), Code::Signature, "'PS256' is not accepted");
}

#[test]
fn rsa_keys_of_odd_sizes() {
    let jwk = |bytes: usize, e: &[u8]| json!({"kty": "RSA", "n": encode(&vec![0xff; bytes]), "e": encode(e)});
    for (bytes, good) in [(1, false), (128, false), (255, false), (256, true), (1024, true), (1025, false)] {
        assert_eq!(PublicKey::from_jwk(&jwk(bytes, &[1, 0, 1])).is_ok(), good, "{bytes}");
    }
    for e in [&[][..], &[0], &[1], &[2], &[4], &[1, 0, 0, 0, 0, 0, 1]] {
        refused(PublicKey::from_jwk(&jwk(256, e)), Code::Signature, "exponent");
    }
    // Leading zeros are not part of a number.
    let (plain, zeros) = (
        jwk(256, &[3]),
        json!({"kty": "RSA", "n": encode(&[&[0; 3][..], &[0xff; 256]].concat()), "e": encode(&[0, 3])}),
    );
    assert_eq!(PublicKey::from_jwk(&plain).unwrap().id().unwrap(), PublicKey::from_jwk(&zeros).unwrap().id().unwrap());
}

#[test]
fn the_other_curves() {
    use p256::ecdsa::signature::Signer;
    let key = p384::ecdsa::SigningKey::from_slice(&[5; 48]).unwrap();
    let public = PublicKey::P384(*key.verifying_key());
    let jwk = public.to_jwk().unwrap();
    let sign = |message: &[u8]| Signer::<p384::ecdsa::Signature>::sign(&key, message).to_bytes().to_vec();
    let found = good(&signed_by(json!({"jwk": jwk, "alg": "ES384"}), sign));
    assert_eq!(found.signatures[0].key_id, public.id().unwrap());
    bad(&signed_by(json!({"jwk": jwk, "alg": "ES256"}), sign), Code::Signature, "ES256 does not fit its P-384 key");

    let mut scalar = [7; 66];
    scalar[0] = 0;
    let key = p521::ecdsa::SigningKey::from_slice(&scalar).unwrap();
    let public = PublicKey::P521(*key.verifying_key());
    let sign = |message: &[u8]| Signer::<p521::ecdsa::Signature>::sign(&key, message).to_bytes().to_vec();
    let found = good(&signed_by(json!({"jwk": public.to_jwk().unwrap(), "alg": "ES512"}), sign));
    assert_eq!((found.signatures[0].algorithm.as_str(), found.signatures[0].key_type), ("ES512", "EC"));
    for key in [
        public,
        PublicKey::P384(p384::ecdsa::VerifyingKey::from(&p384::PublicKey::from_secret_scalar(
            &p384::NonZeroScalar::try_generate().unwrap(),
        ))),
    ] {
        assert_eq!(public_key(&key.to_pem().unwrap()).unwrap(), key);
        assert_eq!(PublicKey::from_jwk(&key.to_jwk().unwrap()).unwrap(), key);
    }
}

#[test]
fn keys_that_are_none() {
    type Alteration = fn(&mut Value);
    let changes: [(Alteration, &str); 13] = [
        (|header| header["alg"] = "none".into(), "'none' is not accepted"),
        (|header| header["alg"] = "HS256".into(), "'HS256' is not accepted"),
        (|header| header["alg"] = "es256".into(), "'es256' is not accepted"),
        (|header| header["alg"] = Value::Null, "no alg"),
        (|header| header["alg"] = "RS256".into(), "RS256 does not fit its P-256 key"),
        (|header| header["alg"] = "ES384".into(), "ES384 does not fit"),
        (|header| header["jwk"]["kid"] = "AAAA:BBBB".into(), "is not its own"),
        (|header| header["jwk"]["kid"] = 1.into(), "is not its own"),
        (|header| header["jwk"]["crv"] = "P-384".into(), "does not have 48 bytes"),
        (|header| header["jwk"]["crv"] = "secp256k1".into(), "'secp256k1' is not accepted"),
        (|header| header["jwk"]["kty"] = "oct".into(), "'oct' is not accepted"),
        (|header| header["jwk"]["y"] = header["jwk"]["x"].clone(), "not a point on the curve"),
        (|header| *header = json!({"alg": "ES256"}), "neither a jwk nor an x5c"),
    ];
    good(&with_header(|_| ()));
    good(&with_header(|header| drop(header["jwk"].as_object_mut().unwrap().remove("kid"))));
    for (change, part) in changes {
        bad(&with_header(change), Code::Signature, part);
    }
    // A coordinate without its leading zeros, and one with more.
    for x in [&decode("YP7UuiVanTHJYet0xjVtaMBJuJI7Yfps5mliLmDyn7Y").unwrap()[1..], &[0; 33]] {
        bad(&with_header(|header| header["jwk"]["x"] = encode(x).into()), Code::Signature, "does not have 32 bytes");
    }
}

#[test]
fn signatures_of_the_wrong_form() {
    let jwk = vector_key().public().to_jwk().unwrap();
    for signature in [vec![], vec![0; 64], vec![1; 63], vec![1; 65], vec![0xff; 64]] {
        bad(&signed_by(json!({"jwk": jwk, "alg": "ES256"}), |_| signature), Code::Signature, "does not verify");
    }
    // DER, the usual format everywhere but in JWS.
    let der = signed_by(json!({"jwk": jwk, "alg": "ES256"}), |message| {
        p256::ecdsa::Signature::from_slice(&vector_key().sign(message)).unwrap().to_der().as_bytes().to_vec()
    });
    bad(&der, Code::Signature, "does not verify");
}

#[test]
fn private_keys_there_and_back() {
    let key = PrivateKey::generate().unwrap();
    assert_ne!(key.public(), PrivateKey::generate().unwrap().public());
    for (format, label) in [(KeyFormat::Pkcs8, "PRIVATE KEY"), (KeyFormat::Sec1, "EC PRIVATE KEY")] {
        let text = key.to_pem(format).unwrap();
        assert!(text.starts_with(&format!("-----BEGIN {label}-----\n")) && text.ends_with("-----\n"));
        assert_eq!(PrivateKey::from_pem(&text).unwrap().public(), key.public());
        // libtrust's own header lines, and OpenSSL's block before.
        let first = text.find('\n').unwrap() + 1;
        let odd = format!(
            "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n{}keyID: X\n\n{}",
            &text[..first],
            &text[first..]
        );
        assert_eq!(PrivateKey::from_pem(&odd).unwrap().public(), key.public());
        assert_eq!(public_key(&text).unwrap(), key.public());
    }
    assert_eq!(PrivateKey::from_pem(text(vector!("leaf-key.pem"))).unwrap().public().curve(), Some("P-256"));
}

#[test]
fn private_keys_that_cannot_sign() {
    let attempt = |text: &str| PrivateKey::from_pem(text).map(drop);
    refused(attempt(text(vector!("rsa-key.pem"))), Code::Unsupported, "RSA key");
    refused(attempt(text(vector!("p384-key.pem"))), Code::Unsupported, "only EC keys on the curve P-256");
    refused(attempt(text(vector!("encrypted-key.pem"))), Code::Unsupported, "encrypted");
    let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    refused(attempt(encrypted), Code::Unsupported, "encrypted");
    refused(
        attempt("-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n"),
        Code::Unsupported,
        "RSA key",
    );
    refused(
        attempt("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
        Code::InvalidArgument,
        "not valid DER",
    );
    refused(attempt(text(vector!("rsa-public.pem"))), Code::InvalidArgument, "but a block PUBLIC KEY");
    refused(attempt("secret"), Code::InvalidArgument, "BEGIN");
}

fn demand(keys: &[&str]) -> RequiredSigners {
    RequiredSigners { keys: keys.iter().map(|key| (*key).to_owned()).collect(), authorities: None }
}

#[test]
fn keys_that_must_have_signed() {
    let (bytes, key) = (signed(), vector_key().public());
    let (id, text, other) = (key.id().unwrap(), key.to_pem().unwrap(), PrivateKey::generate().unwrap());
    for given in [&id, &text] {
        assert!(verify(&bytes, &demand(&[given])).unwrap().signatures[0].trusted);
    }
    let missing = other.public().id().unwrap();
    refused(verify(&bytes, &demand(&[&id, &missing])), Code::Signature, &format!("the key {missing} has not signed"));
    let both = sign(&bytes, &other, None, parse_time(TIME).unwrap()).unwrap();
    let found = verify(&both, &demand(&[&missing])).unwrap();
    assert_eq!(found.signatures.iter().filter(|one| one.trusted).count(), 1);
    for wrong in ["", "AAAA", &id.to_lowercase(), &id[1..]] {
        refused(verify(&bytes, &demand(&[wrong])), Code::InvalidArgument, "neither a key ID");
    }
}

fn authorities(pem: &[u8], at: &str) -> RequiredSigners {
    let certificates = certificate::from_pem(text(pem)).unwrap();
    RequiredSigners { keys: vec![], authorities: Some(Authorities::new(certificates, parse_time(at).unwrap())) }
}

fn chain() -> Chain {
    Chain::from_pem(text(vector!("chain.pem"))).unwrap()
}

fn signed_with_chain(chain: &Chain) -> Vec<u8> {
    let key = PrivateKey::from_pem(text(vector!("leaf-key.pem"))).unwrap();
    sign(content().as_bytes(), &key, Some(chain), parse_time(TIME).unwrap()).unwrap()
}

#[test]
fn certificates() {
    let bytes = signed_with_chain(&chain());
    let plain = good(&bytes);
    assert_eq!(plain.signatures[0].subject.as_deref(), Some("O=ocireg,CN=signer"));
    assert!(plain.signatures[0].x5c && !plain.signatures[0].trusted);
    assert!(!text(&bytes).contains("jwk"));
    let now = "2040-01-01T00:00:00Z";
    assert!(verify(&bytes, &authorities(vector!("ca.pem"), now)).unwrap().signatures[0].trusted);
    refused(
        verify(&bytes, &authorities(vector!("other-ca.pem"), now)),
        Code::Signature,
        "not certified by the given authorities",
    );
    for time in ["1999-01-01T00:00:00Z", "2200-01-01T00:00:00Z"] {
        refused(
            verify(&bytes, &authorities(vector!("ca.pem"), time)),
            Code::Signature,
            "not certified by the given authorities",
        );
    }
    refused(
        verify(&signed(), &authorities(vector!("ca.pem"), now)),
        Code::Signature,
        "none of its signatures has a certificate",
    );
    // Without the intermediate one the chain is broken.
    let leaf = Chain::new(certificate::from_pem(text(vector!("chain.pem"))).unwrap()[..1].to_vec()).unwrap();
    let short = signed_with_chain(&leaf);
    good(&short);
    refused(
        verify(&short, &authorities(vector!("ca.pem"), now)),
        Code::Signature,
        "not certified by the given authorities",
    );
    // A second signature without a certificate is harmless.
    let both = sign(&bytes, &vector_key(), None, parse_time(TIME).unwrap()).unwrap();
    let found = verify(&both, &authorities(vector!("ca.pem"), now)).unwrap();
    assert_eq!(found.signatures.iter().filter(|one| one.trusted && one.x5c).count(), 1);
}

#[test]
fn certificates_that_do_not_fit() {
    let time = parse_time(TIME).unwrap();
    refused(sign(content().as_bytes(), &vector_key(), Some(&chain()), time), Code::InvalidArgument, "another key");
    let x5c = chain().to_header();
    bad(&with_header(|header| *header = json!({"alg": "ES256", "x5c": x5c})), Code::Signature, "does not verify");
    bad(&with_header(|header| header["x5c"] = x5c.clone()), Code::Signature, "different keys");
    for wrong in [json!([]), json!(1), json!(["?"]), json!(["AAAA"]), json!([1]), json!(vec!["AAAA"; 17])] {
        bad(&with_header(|header| *header = json!({"alg": "ES256", "x5c": wrong})), Code::Signature, "");
    }
    refused(certificate::from_pem(text(vector!("rsa-public.pem"))), Code::InvalidArgument, "no CERTIFICATE");
}
