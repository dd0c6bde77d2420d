//! Vectors from real files (tests/schema1/README.md), and what must not be accepted.

use serde_json::{json, Value};

use super::certificate::{Authorities, Chain};
use super::jws::{verify, RequiredSigners, VerifiedPayload};
use super::private::{KeyFormat, PrivateKey};
use super::public_key::PublicKey;
use super::sign::{format_time, parse_time, sign};
use super::*;
use crate::digest::{Algorithm, Digest};

mod keys;
mod mutations;
mod vectors;

macro_rules! vector {
    ($name:literal) => {
        include_bytes!(concat!("../../../tests/schema1/", $name)).as_slice()
    };
}
use vector;

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn good(bytes: &[u8]) -> VerifiedPayload {
    verify(bytes, &RequiredSigners::default()).unwrap()
}

#[track_caller]
fn bad(bytes: &[u8], code: Code, part: &str) {
    refused(verify(bytes, &RequiredSigners::default()), code, part);
}

#[track_caller]
fn refused<T>(outcome: Result<T>, code: Code, part: &str) {
    let error = outcome.err().expect("this must fail");
    assert_eq!(error.code(), code, "{error}");
    assert!(error.message().contains(part), "{:?} lacks {part:?}", error.message());
}

fn vector_key() -> PrivateKey {
    PrivateKey::from_pem(text(vector!("a-key.pem"))).unwrap()
}

const TIME: &str = "2015-04-08T18:52:59Z";

/// A small image: two layers, the upper one throwaway.
fn content() -> String {
    let (upper, lower) = ("a".repeat(64), "b".repeat(64));
    let entry = |image: Value| json!({"v1Compatibility": image.to_string()});
    let document = json!({
        "schemaVersion": 1,
        "name": "a/b",
        "tag": "1",
        "architecture": "amd64",
        "fsLayers": [{"blobSum": Algorithm::Sha256.digest(b"upper")}, {"blobSum": Algorithm::Sha256.digest(b"lower")}],
        "history": [entry(json!({"id": upper, "parent": lower, "throwaway": true})), entry(json!({"id": lower}))],
    });
    let mut out = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b"   ");
    serde::Serialize::serialize(&document, &mut serde_json::Serializer::with_formatter(&mut out, formatter)).unwrap();
    String::from_utf8(out).unwrap()
}

fn signed() -> Vec<u8> {
    sign(content().as_bytes(), &vector_key(), None, parse_time(TIME).unwrap()).unwrap()
}

/// A manifest with these signatures, valid or not.
fn assemble(payload: &str, signatures: Value) -> Vec<u8> {
    let length = payload.trim_end_matches('}').trim_end().len();
    format!("{},\n   \"signatures\": {signatures}\n}}", &payload[..length]).into_bytes()
}

fn protected_of(payload: &str) -> String {
    let length = payload.trim_end_matches('}').trim_end().len();
    encode(json!({"formatLength": length, "formatTail": encode(&payload.as_bytes()[length..])}).to_string().as_bytes())
}

/// A manifest signed with any header and function.
fn signed_by(header: Value, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let payload = content();
    let protected = protected_of(&payload);
    let message = format!("{protected}.{}", encode(payload.as_bytes()));
    let signature = encode(&sign(message.as_bytes()));
    assemble(&payload, json!([{"header": header, "signature": signature, "protected": protected}]))
}

/// A valid signature by the vector's key, with a changed header.
fn with_header(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut header = json!({"jwk": vector_key().public().to_jwk().unwrap(), "alg": "ES256"});
    change(&mut header);
    signed_by(header, |message| vector_key().sign(message))
}
