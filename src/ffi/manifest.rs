//! Manifests.

use std::ffi::c_char;

use super::argument::text;
use super::borrow_or_copy::bytes_for;
use super::call::call;
use super::client::ocireg_client;
use super::context::ocireg_context;
use super::error::ocireg_error;
use super::memory::ocireg_buffer;
use super::options::ocireg_options;
use super::out::{Bytes, Json, Text};
use super::status::ocireg_status;
use crate::error::Result;
use crate::reference::{Reference, Repository};
use crate::registry::Client;

pub(super) unsafe fn repository(client: &Client, argument: *const c_char) -> Result<Repository> {
    client.repository(unsafe { text(&argument, "repository") }?)
}

pub(super) unsafe fn reference(client: &Client, argument: *const c_char) -> Result<Reference> {
    client.reference(unsafe { text(&argument, "reference") }?)
}

/// Gets a manifest, [HOST[:PORT]/]REPOSITORY[:TAG][@DIGEST]; with both, the digest decides. Its bytes are verified against
/// the digest before they are looked at, and its content against its media type. Blocks.
///
/// Options: {GetOptions}
///
/// Result, either may be NULL when not wanted: `bytes`, the exact bytes, freed with ocireg_buffer_free; `json`, {"mediaType",
/// "digest", "size", "schema_version", "kind", "manifest"} as in ocireg_manifest_inspect, "reference" (HOST/REPOSITORY@DIGEST),
/// "repository" (HOST/REPOSITORY), "headers": {name: value}, "rate_limit": {"limit", "remaining", "window_seconds": number or
/// null, "source": string or null} as the registry's headers say, or null [, "platform": {"os", "architecture" [, "variant",
/// "os.version", "os.features"]} when one was picked] [, "signatures": as in ocireg_schema1_verify, when it is a signed schema-1
/// manifest], "served_by": HOST[:PORT], the registry's or a mirror's, freed with ocireg_string_free.
///
/// Errors: the common ones; OCIREG_DIGEST_MISMATCH (after a second try), OCIREG_INVALID_MANIFEST, OCIREG_LIMIT_EXCEEDED,
/// OCIREG_SIZE_MISMATCH (against the index), OCIREG_SIGNATURE (a signed schema-1 manifest with a signature that is not
/// good), OCIREG_NOT_FOUND also when the index has no such platform. Source: distribution-spec end-3.
#[no_mangle]
pub unsafe extern "C" fn ocireg_manifest_get(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    reference: *const c_char,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    bytes: *mut *mut ocireg_buffer,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        call(
            (error, (Json::optional(json), Bytes::optional(bytes)), client, context, options),
            |client| self::reference(client, reference),
            |client, call, reference, options| {
                let manifest = client.get_manifest(call, &reference, &options)?;
                Ok((manifest.to_json(), manifest.bytes))
            },
        )
    }
}

/// The descriptor of a manifest, without its bytes: one HEAD, or a GET where the registry does not answer HEAD well or
/// refuses it (400, 401, 403, 404), because only a GET tells its reason. The digest of a reference by tag is what the
/// registry says. Blocks.
///
/// Options: {HeadOptions}
///
/// Result: {"mediaType": string, "digest": string, "size": number, "headers": {name: value}, "rate_limit": as of
/// ocireg_manifest_get, "served_by": HOST[:PORT], the registry's or a mirror's}. Free with ocireg_string_free.
///
/// Errors: the common ones; OCIREG_DIGEST_MISMATCH. Source: distribution-spec end-3.
#[no_mangle]
pub unsafe extern "C" fn ocireg_manifest_head(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    reference: *const c_char,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        call(
            (error, Json::required(json), client, context, options),
            |client| self::reference(client, reference),
            |client, call, reference, options| client.head_manifest(call, &reference, &options),
        )
    }
}

/// The digest of a manifest, as ocireg_manifest_head finds it; with a platform, of the one in the index for it. Blocks.
///
/// Options: those of ocireg_manifest_get.
///
/// Result: a string; free with ocireg_string_free.
///
/// Errors: those of ocireg_manifest_get. Source: distribution-spec end-3.
#[no_mangle]
pub unsafe extern "C" fn ocireg_manifest_digest(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    reference: *const c_char,
    options: *const ocireg_options,
    digest: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        call(
            (error, Text::required(digest, "digest"), client, context, options),
            |client| self::reference(client, reference),
            |client, call, reference, options| Ok(client.manifest_digest(call, &reference, &options)?.to_string()),
        )
    }
}

/// Puts a manifest, its bytes unchanged, under a tag or a digest; with both the digest is checked and the tag is put.
/// Blocks. After OCIREG_TIMEOUT or OCIREG_CANCELLED the outcome is unknown.
///
/// With the option `tags` it is put by its digest with all tags in one request; tags that the answer does not confirm
/// (most registries do not know of it yet) are put one by one. The reference's own tag comes first, if it has one: a bare
/// REPOSITORY does not stand for `latest` beside that option.
///
/// With if_exists or if_digest a tag is set only if it refers to nothing, or to what the caller has seen. The tags are looked at
/// first: when one does not allow it, nothing is written, and the "conflict" of the error (see ocireg_error_json) says what it refers to
/// now. Then the manifest is put by its digest, and each tag is set on the condition: by the registry (If-None-Match, If-Match), where
/// it looks at those, which is found out by one more PUT of the manifest and remembered for ten minutes, else by another look just
/// before. "condition" in the result says which it was: "registry", which is sure, or "looked", which guarantees nothing: somebody may
/// write between the look and the PUT. Few registries look at conditions; distribution does not.
///
/// A manifest with a subject is listed among the subject's referrers: by the registry, which says so by its OCI-Subject
/// header, else in the referrers tag (`sha256-` and the hexadecimal digits), which is read, added to and written back,
/// three requests more. Calls of one client take turns at that. Against other writers the write is conditional (If-Match,
/// If-None-Match), and after three times as long as it took, at most a second, the list is read again and mended if the
/// entry was lost; where a registry ignores conditions, as distribution does, an entry can still be lost to a writer that
/// is slower than that.
///
/// Options: {PutOptions}
///
/// Result, `json` may be NULL: {"digest": string, "size": number, "mediaType": string, "location": string or null, "tags":
/// [string], all that were set, "skipped": [string], those that were left as they are (if_exists "skip"; when it is all of them,
/// nothing was written), "condition": "registry" or "looked" (for several tags the weaker), null without a condition, "subject":
/// digest or null, "referrers": how it is listed, "api", "tag" or "none", null without a subject}. Free with ocireg_string_free.
///
/// Errors: the common ones; OCIREG_INVALID_MANIFEST, OCIREG_DIGEST_MISMATCH (also when a tag refers to what if_exists or if_digest
/// do not allow), OCIREG_MISSING_BLOB, OCIREG_LIMIT_EXCEEDED;
/// OCIREG_PROTOCOL when the referrers tag is not an index, OCIREG_HTTP when it changes all the time: then the manifest is
/// stored, and the message says so. Source: distribution-spec end-7a, end-7b, "Pushing Manifests with Subject", "Referrers
/// Tag Schema".
#[no_mangle]
pub unsafe extern "C" fn ocireg_manifest_put(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    reference: *const c_char,
    data: *const u8,
    size: usize,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        call(
            (error, Json::optional(json), client, context, options),
            |client| {
                let reference = self::reference(client, reference)?;
                let data = bytes_for(context, data, size, "data")?;
                Ok((reference, data))
            },
            |client, call, (reference, data), options| client.put_manifest(call, &reference, &data, &options),
        )
    }
}

/// Deletes a manifest by its digest, and with it every tag of that digest; by tag only that tag, on registries that can
/// (ocireg_tag_delete does that with more care). Blocks.
///
/// At a registry without the referrers API, a manifest with a subject is taken out of the subject's referrers tag. That
/// costs one GET of the manifest there, and nothing where the registry has the API; that is asked once for a repository
/// and remembered for ten minutes. A referrers tag that has become empty is deleted, or left as an empty
/// index where it cannot be.
///
/// Options: {DeleteOptions}
///
/// Result, `json` may be NULL: {"status": the registry's HTTP status, "subject": digest or null, "referrers": "tag" when the
/// manifest was taken out of the referrers tag, else null}. Free with ocireg_string_free.
///
/// Errors: the common ones; OCIREG_UNSUPPORTED where the registry deletes nothing, or no single tag. Source:
/// distribution-spec end-9, "Deleting Manifests".
#[no_mangle]
pub unsafe extern "C" fn ocireg_manifest_delete(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    reference: *const c_char,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        call(
            (error, Json::optional(json), client, context, options),
            |client| self::reference(client, reference),
            |client, call, reference, options| client.delete_manifest(call, &reference, &options),
        )
    }
}
