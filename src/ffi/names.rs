//! Names, digests and manifests taken apart, without any network.

use std::ffi::c_char;

use super::argument::{bytes, text};
use super::entry::enter;
use super::error::ocireg_error;
use super::memory::ocireg_buffer;
use super::options::{self, ocireg_options};
use super::out::{Bytes, Json, Text};
use super::status::ocireg_status;
use crate::digest::Algorithm;
use crate::error::Result;
use crate::manifest::{build, Document};
use crate::options::options;
use crate::reference::{Index, Reference};

options! {
    struct ReferenceOptions {
        /// the registry of names without one, instead of Docker Hub
        default_index: Option<String>,
    }
}

options! {
    struct DigestOptions {
        /// "sha256" or "sha512" (default: "sha256")
        algorithm: Option<String>,
    }
}

options! {
    struct InspectOptions {
        /// what the bytes are said to be, which they are checked against
        media_type: Option<String>,
    }
}

/// Takes the name of a registry apart: [SCHEME://]HOST[:PORT]; "" is Docker Hub. Any thread.
///
/// Result: {"name": string, "host": string (the same for all spellings of a registry: HOST for HOST:443 and https://HOST, HOST:80 for
/// http://HOST), "official": boolean (Docker Hub), "scheme": "https", "http" or null}. Free with ocireg_string_free.
///
/// Errors: OCIREG_INVALID_ARGUMENT, OCIREG_INVALID_REFERENCE.
#[no_mangle]
pub unsafe extern "C" fn ocireg_index_parse(
    name: *const c_char,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe { enter(error, Json::required(json), || Index::parse(text(&name, "name")?)) }
}

/// Takes a name apart: [[SCHEME://]HOST[:PORT]/]REPOSITORY[:TAG][@DIGEST]. Any thread.
///
/// Options: {ReferenceOptions}
///
/// Result: {"index": as in ocireg_index_parse, "official": boolean, "remote_name": "library/mongo" (what the registry calls
/// it), "local_name": "mongo", "canonical_name": "docker.io/mongo", "tag": string or null ("latest" when there is neither
/// tag nor digest), "digest": string or null, "canonical_ref": "docker.io/mongo:latest", "reference":
/// "docker.io/library/mongo:latest", "repository": "docker.io/library/mongo"}. Free with ocireg_string_free.
///
/// Errors: OCIREG_INVALID_ARGUMENT, OCIREG_INVALID_REFERENCE. Source: distribution's reference grammar.
#[no_mangle]
pub unsafe extern "C" fn ocireg_reference_parse(
    name: *const c_char,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        enter(error, Json::required(json), || {
            let name = text(&name, "name")?;
            let options: ReferenceOptions = options::read(options)?;
            let index = options.default_index.as_deref().map(Index::parse).transpose()?;
            Ok(Reference::parse(name, index.as_ref())?.to_json())
        })
    }
}

/// The digest of bytes in memory, as "sha256:…". `data` may be NULL when `size` is 0. Any thread.
///
/// Options: {DigestOptions}
///
/// Result: a string; free with ocireg_string_free.
///
/// Errors: OCIREG_INVALID_ARGUMENT. Source: OCI image-spec, descriptor.md "Digests".
#[no_mangle]
pub unsafe extern "C" fn ocireg_digest_bytes(
    data: *const u8,
    size: usize,
    options: *const ocireg_options,
    digest: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        enter(error, Text::required(digest, "digest"), || {
            let data = bytes(data, size, "data")?;
            let options: DigestOptions = options::read(options)?;
            Ok(options.algorithm()?.digest(data).to_string())
        })
    }
}

impl DigestOptions {
    fn algorithm(&self) -> Result<Algorithm> {
        self.algorithm.as_deref().unwrap_or("sha256").parse().map_err(invalid)
    }
}

fn invalid(error: crate::digest::DigestError) -> crate::error::Error {
    crate::error::Error::new(crate::error::Code::InvalidArgument, format!("the option algorithm: {error}"))
}

/// Checks the bytes of a manifest and says what it is. The digest of a signed schema-1 manifest is that of its payload; its
/// signatures are ocireg_schema1_verify's business. Any thread.
///
/// Options: {InspectOptions}
///
/// Result: {"mediaType": string, "digest": string, "size": number, "schema_version": 1 or 2, "kind": "image", "index",
/// "artifact" or "schema1", "manifest": the document}. Free with ocireg_string_free.
///
/// Errors: OCIREG_INVALID_ARGUMENT, OCIREG_INVALID_MANIFEST, OCIREG_SIGNATURE, OCIREG_LIMIT_EXCEEDED. Source: OCI image-spec
/// manifest.md and image-index.md, Docker's manifest v2 schema 1 and 2.
#[no_mangle]
pub unsafe extern "C" fn ocireg_manifest_inspect(
    data: *const u8,
    size: usize,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        enter(error, Json::required(json), || {
            let data = bytes(data, size, "data")?;
            let options: InspectOptions = options::read(options)?;
            Ok(Document::parse(data, options.media_type.as_deref(), Algorithm::Sha256)?.to_json())
        })
    }
}

/// Makes a manifest or an index from descriptors, so that callers need not join strings. `parts` is a JSON object with the members
/// of the manifest: "manifests" for an index, or "config" and "layers" for an image or an artifact; "artifactType", "subject",
/// "annotations" and "mediaType" as wanted. A descriptor is {"mediaType", "digest", "size" [, "urls", "annotations", "data",
/// "platform", "artifactType"]}. What is left out is filled in: "schemaVersion", which may only be 2; "mediaType", the OCI one; for an
/// artifact the empty descriptor as "config", and as the only one of "layers" if there are none (an image, by the type of its config,
/// has none then). A manifest that exists may be given, with changes. Refused are members that do not exist, descriptors that
/// are not valid, annotations that are not strings, and what Docker's own kinds do not have. The members come in the order that Go's
/// programs write, annotations by name: the same parts make the same bytes. Put them with ocireg_manifest_put. Any thread.
///
/// Options: {DigestOptions}
///
/// Result, either may be NULL when not wanted: `bytes`, the exact bytes, freed with ocireg_buffer_free; `json`, as in
/// ocireg_manifest_inspect, freed with ocireg_string_free.
///
/// Errors: OCIREG_INVALID_ARGUMENT (`parts` is not a JSON object), OCIREG_INVALID_MANIFEST, OCIREG_LIMIT_EXCEEDED. Source: OCI
/// image-spec manifest.md, image-index.md and descriptor.md.
#[no_mangle]
pub unsafe extern "C" fn ocireg_manifest_build(
    parts: *const c_char,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    bytes: *mut *mut ocireg_buffer,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        enter(error, (Json::optional(json), Bytes::optional(bytes)), || {
            let options: DigestOptions = options::read(options)?;
            let made = build::build(text(&parts, "parts")?.as_bytes(), options.algorithm()?)?;
            Ok((made.document.to_json(), made.bytes))
        })
    }
}
