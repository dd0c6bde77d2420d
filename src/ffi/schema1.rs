//! Signed schema-1 manifests.

use std::ffi::c_char;
use std::time::{Duration, SystemTime};

use super::argument::{bytes, text};
use super::entry::enter;
use super::error::ocireg_error;
use super::memory::ocireg_buffer;
use super::options::{self, ocireg_options};
use super::out::{Bytes, Json, Text};
use super::status::ocireg_status;
use crate::error::Result;
use crate::http::pem;
use crate::options::options;
use crate::schema1::certificate::{self, Authorities, Chain};
use crate::schema1::jws::{self, RequiredSigners};
use crate::schema1::private::public_key;
use crate::schema1::private::{KeyFormat, PrivateKey};
use crate::schema1::sign::{parse_time, sign};

options! {
    struct VerifyOptions {
        /// keys that must all have signed, each an id such as "LJ5H:RTFE:…" or a public key as PEM text
        keys: Vec<String>,
        /// certificate authorities as PEM text, one of which must stand behind at least one signature
        ca_pem: Option<String>,
        /// a PEM file of such certificate authorities
        ca_file: Option<String>,
        /// when the certificates must be valid, such as "2015-04-08T18:52:59Z" (default: now)
        time: Option<String>,
    }
}

options! {
    struct SignOptions {
        /// certificates as PEM text, that of the key first; they go into the header instead of the key
        chain: Option<String>,
        /// when it was signed, such as "2015-04-08T18:52:59Z" (default: now)
        time: Option<String>,
    }
}

options! {
    struct KeyOptions {
        /// "pkcs8" ("PRIVATE KEY"), or as libtrust writes it "sec1" ("EC PRIVATE KEY") (default: "pkcs8")
        format: KeyFormat,
    }
}

// The clock is read here: what is beneath must not.
fn moment(time: Option<&str>) -> Result<Duration> {
    match time {
        Some(time) => parse_time(time),
        None => Ok(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()),
    }
}

impl VerifyOptions {
    fn demand(self) -> Result<RequiredSigners> {
        let mut certificates = Vec::new();
        if let Some(text) = &self.ca_pem {
            certificates.extend(certificate::from_pem(text)?);
        }
        if let Some(file) = &self.ca_file {
            certificates.extend(pem::certificates(file, "CA file")?);
        }
        let asked = self.ca_pem.is_some() || self.ca_file.is_some();
        let at = moment(self.time.as_deref())?;
        Ok(RequiredSigners { keys: self.keys, authorities: asked.then(|| Authorities::new(certificates, at)) })
    }
}

/// Verifies a signed schema-1 manifest: every signature must be valid, and everything in the result but the signatures is
/// read from what they sign. Valid signatures alone prove that nothing was changed, and nothing about the signer: the keys
/// stand in the manifest. So ask for a key or an authority where that matters. Any thread.
///
/// Accepted are ES256, ES384, ES512 (P-256, P-384, P-521), RS256, RS384 and RS512 (RSA of 2048 to 8192 bits), each with the
/// key in the header (jwk) or in a certificate (x5c).
///
/// Options: {VerifyOptions}
///
/// Result: {"digest": string (of the payload, which is the manifest's), "name": string, "tag": string, "architecture":
/// string or null, "fs_layers": [string] (digests, the topmost layer first), "history": [{"id": string, "parent": string or
/// null, "throwaway": boolean}] (as many, the topmost first), "signatures": [{"key_id": string, "key_type": "EC" or "RSA",
/// "algorithm": string, "x5c": boolean (the key came in a certificate), "subject": string or null (whose certificate),
/// "time": string or null (as the signer says), "trusted": boolean (of a key or an authority that was asked for)}]}. Free
/// with ocireg_string_free.
///
/// Errors: OCIREG_SIGNATURE (its message says what is wrong), OCIREG_INVALID_MANIFEST (well signed, but not a valid manifest),
/// OCIREG_INVALID_ARGUMENT, OCIREG_IO and OCIREG_TLS (the CA file). Source: Docker's manifest v2 schema 1, libtrust, RFC
/// 7515, RFC 7517, RFC 7518.
#[no_mangle]
pub unsafe extern "C" fn ocireg_schema1_verify(
    data: *const u8,
    size: usize,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        enter(error, Json::required(json), || {
            let data = bytes(data, size, "data")?;
            let options: VerifyOptions = options::read(options)?;
            Ok(jws::verify(data, &options.demand()?)?.to_json())
        })
    }
}

/// The exact bytes that the signatures of a schema-1 manifest sign: their digest is the manifest's. The signatures are not
/// verified. Any thread.
///
/// Result: `payload`, freed with ocireg_buffer_free.
///
/// Errors: OCIREG_INVALID_ARGUMENT, OCIREG_SIGNATURE. Source: Docker's manifest v2 schema 1, libtrust.
#[no_mangle]
pub unsafe extern "C" fn ocireg_schema1_payload(
    data: *const u8,
    size: usize,
    payload: *mut *mut ocireg_buffer,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe { enter(error, Bytes::required(payload, "payload"), || crate::schema1::payload(bytes(data, size, "data")?)) }
}

/// Signs a schema-1 manifest with ES256, as libtrust does; its bytes stay unchanged inside. A manifest with valid
/// signatures gets another one; an earlier one of the same key is replaced. The same key, content and time give the
/// same bytes. To put them, use ocireg_manifest_put. Any thread.
///
/// `key` is a private key as PEM text, of the curve P-256, not encrypted: "PRIVATE KEY" or "EC PRIVATE KEY".
///
/// Options: {SignOptions}
///
/// Result: `signed_manifest`, freed with ocireg_buffer_free.
///
/// Errors: OCIREG_INVALID_ARGUMENT, OCIREG_UNSUPPORTED (another kind of key, or an encrypted one), OCIREG_INVALID_MANIFEST,
/// OCIREG_SIGNATURE (its signatures are not valid). Source: Docker's manifest v2 schema 1, libtrust, RFC 6979.
#[no_mangle]
pub unsafe extern "C" fn ocireg_schema1_sign(
    data: *const u8,
    size: usize,
    key: *const c_char,
    options: *const ocireg_options,
    signed_manifest: *mut *mut ocireg_buffer,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        enter(error, Bytes::required(signed_manifest, "signed_manifest"), || {
            let data = bytes(data, size, "data")?;
            let key = text(&key, "key")?;
            let options: SignOptions = options::read(options)?;
            let key = PrivateKey::from_pem(key)?;
            let chain = options.chain.as_deref().map(Chain::from_pem).transpose()?;
            sign(data, &key, chain.as_ref(), moment(options.time.as_deref())?)
        })
    }
}

/// Makes a private key for ocireg_schema1_sign, on the curve P-256, from the system's random numbers. Any thread.
///
/// Options: {KeyOptions}
///
/// Result: PEM text, not encrypted; overwrite it before it is freed with ocireg_string_free, where that matters.
///
/// Errors: OCIREG_INVALID_ARGUMENT. Source: RFC 5958, RFC 5915.
#[no_mangle]
pub unsafe extern "C" fn ocireg_schema1_key(
    options: *const ocireg_options,
    pem: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        enter(error, Text::required(pem, "pem"), || {
            let options: KeyOptions = options::read(options)?;
            Ok(PrivateKey::generate()?.to_pem(options.format)?.to_string())
        })
    }
}

/// What a key is: a public one as PEM text ("PUBLIC KEY": EC of the curves P-256, P-384, P-521, or RSA), or a private one
/// that can sign. Any thread.
///
/// Result: {"key_id": string (libtrust's), "key_type": "EC" or "RSA", "crv": string or null, "public_key": string (PEM
/// text)}. Free with ocireg_string_free.
///
/// Errors: OCIREG_INVALID_ARGUMENT, OCIREG_UNSUPPORTED. Source: libtrust, RFC 5280, RFC 7517.
#[no_mangle]
pub unsafe extern "C" fn ocireg_schema1_key_info(
    pem: *const c_char,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe { enter(error, Json::required(json), || public_key(text(&pem, "pem")?)?.to_json()) }
}
