//! Referrers, and tags without their manifests.

use std::ffi::c_char;

use super::call::call;
use super::client::ocireg_client;
use super::context::ocireg_context;
use super::error::ocireg_error;
use super::manifest::place;
use super::options::ocireg_options;
use super::out::Json;
use super::status::ocireg_status;
use crate::place;

/// Lists what refers to a manifest (signatures, attestations, bills of materials), [HOST[:PORT]/]REPOSITORY@DIGEST; a tag
/// is resolved first. At another place (see ocireg_endpoint_parse) it lists what that holds. From the registry's referrers API,
/// all pages; where there is none (404, 400, 405, 406, or a web page), from the index under the referrers tag. Which one it was
/// is remembered for a repository for ten minutes. Blocks.
///
/// Options: {ReferrersOptions}
///
/// Result: {"subject": digest, "referrers": [descriptor: {"mediaType", "digest", "size" [, "artifactType", "annotations",
/// "urls", "data", "platform"]}], each digest once, "source": "api", "tag", "index" of another place, or "none" when there is
/// neither the API nor the tag, "served_by": HOST[:PORT], the registry's or a mirror's, null of another place,
/// "resolved_by": [HOST[:PORT]] (the endpoint that said what the tag refers to; none for a digest), "filters_applied": [string],
/// the filters that the registry says it applied, "truncated": whether there are more than `max`, "next": string or null (give it
/// as `next` to go on; null at the end; opaque, as that of ocireg_registry_catalog)}. Free with ocireg_string_free.
///
/// Errors: the common ones; OCIREG_PROTOCOL when what is there is not an image index, or more than 100 pages in a row bring nothing new,
/// OCIREG_LIMIT_EXCEEDED (100,000 referrers, or as many pages),
/// OCIREG_INVALID_ARGUMENT for a `next` of another list, or one that no list gave. Source: distribution-spec end-12a, end-12b,
/// "Listing Referrers", "Referrers Tag Schema".
#[no_mangle]
pub unsafe extern "C" fn ocireg_referrers(
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
            |client, call, place, options| place::referrers(client, call, &place, &options),
        )
    }
}

/// Deletes one tag, [HOST[:PORT]/]REPOSITORY:TAG, and leaves its manifest and the manifest's other tags; with a digest
/// too, only if the tag names it. Or the name of a layout or an archive, oci:DIR:NAME[@DIGEST]: what no name or index leads to any
/// more lies in a layout until that is cleaned (ocireg_layout_clean), and in an archive, which is written anew and replaced whole as
/// by ocireg_manifest_put, no longer, unless an index there lacks some of its images: these may need any of it. A manifest with a
/// subject stays there without a name, among the subject's referrers, as long as the subject, or until it is deleted by its
/// digest (ocireg_manifest_delete). There it is a name as ocireg_manifest_put sets it, taken from all images that have it: not a
/// digest, and not the last part of a name that containerd has written. Blocks.
///
/// distribution 3 and go-containerregistry's registry delete a tag; distribution 2.8 refuses. A registry that deletes the
/// whole manifest instead is not noticed before: so the manifest is read first, and put back by its digest, with its
/// other tags if `list_others` has found them.
///
/// Options: {DeleteTagOptions}
///
/// Result, `json` may be NULL: {"tag": string, "digest": what it named (of several images the first), "status": the registry's
/// HTTP status, null in a layout or an archive, "manifest": "kept", "restored" (the registry deleted it, and it was put back),
/// "deleted", "unknown" when the registry does not say, or "unnamed" (in a layout or an archive: no name and no index leads to it
/// any more), "replaced": boolean, whether it took the empty index [, "other_tags": [string], with list_others]}. Free with
/// ocireg_string_free.
///
/// Errors: the common ones; OCIREG_INVALID_REFERENCE without a tag, OCIREG_UNSUPPORTED where the registry deletes no
/// single tag (the hint says what else to do, and the other tags of the digest if they were looked for), and of a dir:, a pipe
/// and an archive that is packed or that a copy could not add to, OCIREG_NOT_FOUND, OCIREG_DIGEST_MISMATCH. Source:
/// distribution-spec end-9, "Deleting tags".
#[no_mangle]
pub unsafe extern "C" fn ocireg_tag_delete(
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
            |client, call, place, options| place::delete_tag(client, call, &place, &options),
        )
    }
}
