//! Old images: signed manifests, the JSON of protocol v1, keys.

use ocireg::digest::Algorithm;
use ocireg::manifest::Document;
use ocireg::media_type::SCHEMA1_SIGNED;
use ocireg::schema1::certificate::Chain;
use ocireg::schema1::jws::{verify, RequiredSigners};
use ocireg::schema1::manifest::{HistoryEntry, Schema1Manifest};
use ocireg::schema1::private::{public_key, PrivateKey};
use ocireg::schema1::public_key::PublicKey;

use crate::sandbox::{fit, text};

/// What is signed is what is read.
pub fn signed(bytes: &[u8]) {
    if let Some(payload) = fit(verify(bytes, &RequiredSigners::default())) {
        assert_eq!(payload.digest, Algorithm::Sha256.digest(&payload.payload));
        assert_eq!(Schema1Manifest::parse(&payload.payload).unwrap().to_json(), payload.manifest.to_json());
        assert!(!payload.signatures.is_empty());
    }
    if let Some(document) = fit(Document::parse(bytes, Some(SCHEMA1_SIGNED), Algorithm::Sha256)) {
        fit(document.fs_layers());
        fit(document.verify_signatures(bytes));
    }
    fit(Schema1Manifest::parse(bytes));
}

pub fn v1_json(bytes: &[u8]) {
    if let Some(entry) = fit(HistoryEntry::parse(bytes)) {
        assert!(entry.id.len() == 64 && entry.id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{}", entry.id);
    }
}

/// Keys and certificates in PEM, DER and JSON.
pub fn keys(bytes: &[u8]) {
    let text = text(bytes);
    if let Some(key) = fit(PrivateKey::from_pem(&text)) {
        assert_eq!(key.sign(b"message").len(), 64);
    }
    if let Some(key) = fit(public_key(&text)) {
        let again = public_key(&key.to_pem().unwrap()).unwrap();
        assert_eq!(again.id().unwrap(), key.id().unwrap());
    }
    fit(Chain::from_pem(&text));
    fit(PublicKey::from_spki(bytes));
    if let Ok(jwk) = serde_json::from_str(&text) {
        if let Some(key) = fit(PublicKey::from_jwk(&jwk)) {
            assert_eq!(PublicKey::from_jwk(&key.to_jwk().unwrap()).unwrap().id().unwrap(), key.id().unwrap());
        }
    }
}
