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
use crate::place::{self, BlobName, Place};
use crate::reference::{Reference, Repository};
use crate::registry::Client;

/// A repository, for what no other place has.
pub(super) unsafe fn repository(client: &Client, argument: *const c_char) -> Result<Repository> {
    Place::only_repository(client, unsafe { text(&argument, "repository") }?)
}

/// A reference, for what no other place has.
pub(super) unsafe fn reference(client: &Client, argument: *const c_char) -> Result<Reference> {
    Place::only_registry(client, unsafe { text(&argument, "reference") }?)
}

/// A reference, or another place.
pub(super) unsafe fn place(client: &Client, argument: *const c_char) -> Result<Place> {
    Place::named(client, unsafe { text(&argument, "reference") }?)
}

/// A blob in a repository or at another place.
pub(super) unsafe fn blob(client: &Client, argument: *const c_char) -> Result<BlobName> {
    BlobName::named(client, unsafe { text(&argument, "reference") }?)
}

/// A repository, or another place that holds what one does.
pub(super) unsafe fn holder(client: &Client, argument: *const c_char) -> Result<Place> {
    Place::holder(client, unsafe { text(&argument, "repository") }?)
}

/// Gets a manifest, [HOST[:PORT]/]REPOSITORY[:TAG][@DIGEST]; with both, the digest decides. Or that of another place (see
/// ocireg_endpoint_parse). Its bytes are verified against the digest before they are looked at, and its content against its media
/// type. Blocks.
///
/// Options: {GetOptions}
///
/// A place that is not a registry is not asked for media types (accept).
///
/// Result, either may be NULL when not wanted: `bytes`, the exact bytes, freed with ocireg_buffer_free; `json`, {"mediaType",
/// "digest", "size", "schema_version", "kind", "manifest"} as in ocireg_manifest_inspect, "reference" (HOST/REPOSITORY@DIGEST;
/// of another place oci:DIR@DIGEST, or the place itself), "repository" (HOST/REPOSITORY, null of another place), "headers": {name:
/// value} (none there), "rate_limit": {"limit", "remaining", "window_seconds": number or null, "source": string or null} as the
/// registry's headers say, or null [, "platform": {"os", "architecture" [, "variant", "os.version", "os.features"]} when one was
/// picked] [, "signatures": as in ocireg_schema1_verify, when it is a signed schema-1 manifest], "served_by": HOST[:PORT], the
/// registry's or a mirror's, null of another place, "resolved_by": [HOST[:PORT]] (with `platform`: the endpoints that sent the
/// indexes in which it was found), freed with ocireg_string_free.
///
/// Errors: the common ones; OCIREG_DIGEST_MISMATCH (after a second try), OCIREG_INVALID_MANIFEST, OCIREG_LIMIT_EXCEEDED,
/// OCIREG_SIZE_MISMATCH (against the index), OCIREG_SIGNATURE (a signed schema-1 manifest with a signature that is not
/// good), OCIREG_NOT_FOUND also when the index has no such platform; of another place those of ocireg_endpoint_manifest. Source:
/// distribution-spec end-3.
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
            |client| place(client, reference),
            |client, call, place, options| {
                let mut manifest = place::get_manifest(client, call, &place, &options)?;
                let bytes = std::mem::take(&mut manifest.bytes);
                Ok((manifest, bytes))
            },
        )
    }
}

/// The descriptor of a manifest in a registry or at another place, without its bytes. It takes one HEAD, or a GET where the
/// registry does not answer HEAD well or refuses it (400, 401, 403, 404), because only a GET tells its reason. A password that was
/// refused is not sent again by a GET. The digest of a reference by tag is what the registry says. Blocks.
///
/// Options: {HeadOptions}
///
/// Result: {"mediaType": string, "digest": string, "size": number, "headers": {name: value}, "rate_limit" and "served_by" as in
/// ocireg_manifest_get}. Free with ocireg_string_free.
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
            |client| place(client, reference),
            |client, call, place, options| place::head_manifest(client, call, &place, &options),
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
            |client| place(client, reference),
            |client, call, place, options| Ok(place::manifest_digest(client, call, &place, &options)?.to_string()),
        )
    }
}

/// Puts a manifest, its bytes unchanged, under a tag or a digest; with both the digest is checked and the tag is put. Into a registry,
/// oci:DIR:NAME, oci:DIR@DIGEST, an oci-archive: likewise, docker-archive:FILE:REF or dir:DIR. Blocks. After OCIREG_TIMEOUT or
/// OCIREG_CANCELLED the outcome is unknown.
///
/// A layout or a dir: takes it only when everything that it refers to is there, with the right size, unless the option
/// allow_missing says otherwise: config and layers, of schema 1 by their digests alone, and what an index lists, but not the
/// subject. There the tag comes last too, and a condition holds because no other process can change the layout meanwhile
/// ("locked"). A reader, or the next process after one that was killed, finds the name either as it was or as it is.
///
/// An archive is a file, which is written anew with each call and replaced whole (for the cost see ocireg_blob_put_file); what
/// stays of it is as in ocireg_copy, and blobs that nothing names stay too. Other processes that write to it wait. It has to be
/// one that a copy could add to (see ocireg_copy), and not packed or a pipe (OCIREG_UNSUPPORTED). With allow_missing an index in
/// it may lack some of its images, but an image has its config and layers (OCIREG_MISSING_BLOB), and nothing that is there has
/// another size than the manifest says (OCIREG_SIZE_MISMATCH). A docker-archive: takes images alone, and no index.
///
/// What an index lists is put before it, by its digest, and is an image of its own in a layout or an archive only until the index is put: then it is
/// found by that, and goes with it. A dir: has one image, what was put last; the manifests before stay under their digests, so that an
/// index can list them. A folder that has files and is not such a directory is refused (OCIREG_IO). No name may be a digest or end
/// with one, here or in a copy: as an option's tag that is OCIREG_INVALID_REFERENCE.
///
/// With the option `tags` it is put by its digest with all tags in one request; tags that the answer does not confirm
/// (most registries do not know of it yet) are put one by one. The reference's own tag comes first, if it has one: a bare
/// REPOSITORY does not stand for `latest` beside that option.
///
/// With if_exists or if_digest a tag is set only if it refers to nothing, or to what the caller has seen. The tags are looked at
/// first: when one does not allow it, nothing is written, and the "conflict" of the error (see ocireg_error_json) says what it refers to
/// now. Then the manifest is put by its digest, and each tag is set on the condition. The registry checks it (If-None-Match,
/// If-Match), if it supports that, which is found out by one more PUT of the manifest and remembered for ten minutes. Otherwise the
/// tag is looked at once more just before. "condition" in the result says which it was: "registry", which is sure, or "looked",
/// which guarantees nothing: another client may write between the look and the PUT. Few registries check conditions; distribution
/// does not.
///
/// A manifest with a subject is listed among the subject's referrers: by the registry, which says so by its OCI-Subject
/// header, else in the referrers tag (`sha256-` and the hexadecimal digits). That tag is read, added to and written back, three
/// requests more. Calls of one client take turns at that. Against other writers the write is conditional (If-Match,
/// If-None-Match), and after three times as long as it took, at most a second, the list is read again and repaired if the entry was
/// lost. Where a registry ignores conditions, as distribution does, an entry can still be lost to a writer that is slower than
/// that.
///
/// Options: {PutOptions}
///
/// Result, `json` may be NULL: {"digest": string, "size": number, "mediaType": string, "location": string or null, "tags":
/// [string], all that were set, "skipped": [string], those that were left as they are (if_exists "skip"; when it is all of them,
/// nothing was written), "condition": "registry", "locked" or "looked" (for several tags the weaker), null without a condition,
/// "subject": digest or null, "referrers": how it is listed, "api", "tag", "index" (by a place that is not a registry) or "none",
/// null without a subject}. Free with ocireg_string_free.
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
                let place = place(client, reference)?;
                let data = bytes_for(context, data, size, "data")?;
                Ok((place, data))
            },
            |client, call, (place, data), options| place::put_manifest(client, call, &place, &data, &options),
        )
    }
}

/// Deletes a manifest by its digest, and with it every tag of that digest; by tag only that tag, on registries that can
/// (ocireg_tag_delete does that with more care). In a registry, in a layout, oci:DIR@DIGEST, or in an archive,
/// oci-archive:FILE@DIGEST, or docker-archive:FILE:REF by the name. Blocks.
///
/// In a layout its names go at once; its bytes, what only it named, and what refers to it without a name (signatures, SBOMs), when the
/// layout is cleaned (ocireg_layout_clean). An archive is written anew without all of that, and replaced whole, as by
/// ocireg_manifest_put. What an index that stays lists there, or a manifest with a name refers to, stays with that, and a warning says
/// so; if it has no entry of its own, that is OCIREG_UNSUPPORTED.
///
/// At a registry without the referrers API, a manifest with a subject is taken out of the subject's referrers tag. That
/// costs one GET of the manifest there, and nothing where the registry has the API; that is asked once for a repository
/// and remembered for ten minutes. A referrers tag that has become empty is deleted, or left as an empty
/// index where it cannot be.
///
/// Options: {DeleteOptions}
///
/// Result, `json` may be NULL: {"status": the registry's HTTP status, null in a layout or an archive, "subject": digest or null,
/// "referrers": "tag" when the manifest was taken out of the referrers tag, else null}. Free with ocireg_string_free.
///
/// Errors: the common ones; OCIREG_UNSUPPORTED where the registry deletes nothing, or no single tag, and of a dir:, a pipe and an archive that is
/// packed or that a copy could not add to. Source:
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
            |client| place(client, reference),
            |client, call, place, options| place::delete_manifest(client, call, &place, &options),
        )
    }
}
