//! Indexes: made of what references name, and changed.

use std::ffi::c_char;

use super::argument::text;
use super::call::call;
use super::client::ocireg_client;
use super::context::ocireg_context;
use super::error::ocireg_error;
use super::options::ocireg_options;
use super::out::Json;
use super::status::ocireg_status;
use crate::place::{append_to_index, create_index, remove_from_index, Place};

/// Makes an index of what references name, in any repositories, layouts and archives, and puts it at a place (see
/// ocireg_endpoint_parse). First everything is put there that is missing, mounted from other repositories of the same registry or
/// copied from elsewhere, then the index under the place's tag or name. So whatever fails, the name refers to what it referred to
/// before. An image is an entry for the platform that its config says (with variant, os.version and os.features); an index gives
/// its entries as they stand in it, with the platforms that it leaves out, and what attests something about them. An index in an
/// index stays one entry. An image has one entry for a platform, the first, and two only where an index names it for two; two images
/// for one platform are two entries. What several references lead to comes from the first of them that has it.
///
/// The index is OCI's, unless nothing but Docker's images is put in and it has no annotations, subject or artifact_type: then it
/// is Docker's list, as docker makes it. Its entries keep all that they say. The same references give the same bytes; of different
/// OCI images `oras manifest index create` makes the same. Blocks. After OCIREG_TIMEOUT or OCIREG_CANCELLED the outcome is unknown.
///
/// Options: {IndexCreateOptions}
///
/// Result, `json` may be NULL: {"destination": string, "digest": string, "mediaType": string, "size": number (of the index),
/// "before": string or null (the digest of the index before, of a change), "manifests": [descriptor] (all entries, with
/// "platform"), "added": [descriptor] (the new ones of them), "removed": [descriptor] (what is not in it any more), "subject":
/// descriptor or null, "copied": {"manifests": {...}, "blobs": {...}} as in ocireg_copy (with the index itself), "attempts":
/// number, "served_by": [HOST[:PORT]] (the endpoints that sent manifests and blobs), "skipped": [string], "condition": string or null, as in
/// ocireg_copy, or "unconfirmed" (see ocireg_index_append), "tags": [string] (the other names that it was given, in the order of the
/// option), "manifest": string or null (with dry_run the exact bytes that would be put); what was left as it is has no size and
/// entries}. Other names are set when the index is there under its own; with if_exists each of them is looked at before anything is
/// written.
/// Free with ocireg_string_free.
///
/// Progress: as for ocireg_copy; each try begins anew.
///
/// Errors: those of ocireg_copy; OCIREG_NOT_FOUND also when no reference has an image for one of the platforms,
/// OCIREG_DIGEST_MISMATCH also for a place with a digest that the index does not have, OCIREG_SIZE_MISMATCH and
/// OCIREG_INVALID_MANIFEST also when an index says something else of an entry than that is, OCIREG_INVALID_MANIFEST also for a
/// Docker list that were to have what it cannot, OCIREG_LIMIT_EXCEEDED (1000 references, 10000 entries in all, 32 MiB),
/// OCIREG_UNSUPPORTED for schema 1 and for a docker-archive or docker-v1 as the place. Source: image-spec image-index.md.
#[no_mangle]
pub unsafe extern "C" fn ocireg_index_create(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    place: *const c_char,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        call(
            (error, Json::optional(json), client, context, options),
            |client| Place::named(client, text(&place, "place")?),
            |client, call, place, options| create_index(client, call, &place, &options),
        )
    }
}

/// Puts what references name into the index that a place names, as ocireg_index_create does it, behind the entries that are
/// there, which stay as they are, as does everything else in the index. What is in it already is not added again, but copied
/// where it is missing, and with the option referrers what refers to it too; when all of that is there, nothing is written. An
/// image for a platform that has an entry is one more entry, as with crane, regctl, oras and buildx, unless the option replace
/// is set. A Docker list takes Docker's images only, unless media_type makes it OCI's.
///
/// The index is put only if the name still refers to the one that was read, else all of that is done again, up to 16 times: when
/// several users of this library change it at once, none of the changes is lost. In an oci: layout no other process can write in
/// between. In an oci-archive:, a dir: and a registry that does not check conditions (see ocireg_manifest_put) the index is read
/// once more, after about three times as long as writing took, at most 10 seconds. If the change was lost, it is made again. A
/// client that writes even later, without reading what is there, can still undo it. When that look fails, "condition" is
/// "unconfirmed". An index with a subject stays among the subject's referrers when another takes its name. Blocks. After
/// OCIREG_TIMEOUT or OCIREG_CANCELLED the outcome is unknown.
///
/// Options: {IndexAppendOptions}
///
/// With put_as the index goes under another name, whatever that refers to, and what is read stays as it is.
///
/// Result, `json` may be NULL: as in ocireg_index_create; "removed" is what was replaced. Free with ocireg_string_free.
///
/// Errors: those of ocireg_index_create; OCIREG_NOT_FOUND when there is no index, OCIREG_UNSUPPORTED when the name refers to
/// something else, OCIREG_INVALID_REFERENCE for a place with a digest or without a name, or with a part of an image's name,
/// OCIREG_DIGEST_MISMATCH when if_digest is another, or others changed the index each time.
#[no_mangle]
pub unsafe extern "C" fn ocireg_index_append(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    place: *const c_char,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        call(
            (error, Json::optional(json), client, context, options),
            |client| Place::named(client, text(&place, "place")?),
            |client, call, place, options| append_to_index(client, call, &place, &options),
        )
    }
}

/// Takes entries out of the index that a place names, with what attests something about them; everything else stays as it is.
/// The manifests themselves stay in the repository; in a layout nothing names them any more, so that a clean-up takes them, and an
/// archive drops them. It is put as ocireg_index_append does it; what other clients remove at the same moment is gone, which is not
/// an error. Blocks. After OCIREG_TIMEOUT or OCIREG_CANCELLED the outcome is unknown.
///
/// Options: {IndexRemoveOptions}
///
/// Result, `json` may be NULL: as in ocireg_index_create. Free with ocireg_string_free.
///
/// Errors: those of ocireg_index_append; OCIREG_NOT_FOUND also when a digest or a platform is not in the index as it is read first:
/// then nothing is written.
#[no_mangle]
pub unsafe extern "C" fn ocireg_index_remove(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    place: *const c_char,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        call(
            (error, Json::optional(json), client, context, options),
            |client| Place::named(client, text(&place, "place")?),
            |client, call, place, options| remove_from_index(client, call, &place, &options),
        )
    }
}
