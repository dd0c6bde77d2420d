//! What places hold, registries as well as layouts and archives.

use std::ffi::c_char;

use super::argument::text;
use super::call::call;
use super::client::ocireg_client;
use super::context::ocireg_context;
use super::error::ocireg_error;
use super::memory::ocireg_buffer;
use super::options::{ocireg_options, NoOptions};
use super::out::{Bytes, Json};
use super::status::ocireg_status;
use crate::image::place_contents;
use crate::place::Place;

/// The manifest that any place names (see ocireg_endpoint_parse), as ocireg_manifest_get, which says more about one in a registry. Its
/// bytes are verified. Blocks.
///
/// Options: {PlaceManifestOptions}
///
/// Result, either may be NULL when not wanted: `bytes`, the exact bytes, freed with ocireg_buffer_free; `json`, {"mediaType", "digest",
/// "size", "schema_version", "kind", "manifest"} as in ocireg_manifest_inspect, "place": string, "served_by": [HOST[:PORT]] (the
/// endpoints that sent it: the registry, its mirrors, or several of them) [, "platform": {"os", "architecture", ...} when one was
/// picked], freed with ocireg_string_free.
///
/// Errors: the common ones; OCIREG_INVALID_REFERENCE when the place holds several images and names none, OCIREG_NOT_FOUND also when
/// the index has no such platform, OCIREG_INVALID_MANIFEST, OCIREG_DIGEST_MISMATCH, OCIREG_IO. Source: image-spec image-layout.md.
#[no_mangle]
pub unsafe extern "C" fn ocireg_endpoint_manifest(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    place: *const c_char,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    bytes: *mut *mut ocireg_buffer,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        call(
            (error, (Json::optional(json), Bytes::optional(bytes)), client, context, options),
            |client| Place::named(client, text(&place, "place")?),
            |client, call, named, options| {
                let store = named.source(client)?;
                place_contents::manifest(call, store.as_ref(), &options)
            },
        )
    }
}

/// Lists everything that a layout, an archive or a directory holds (see ocireg_endpoint_parse), whatever image the place's name
/// names; for the tags of a repository there is ocireg_repository_tags. Blocks.
///
/// Options: none.
///
/// Result: {"place": string, "tags": [string] (all names), "images": [descriptor with "names": [string]], in the order of the place:
/// the position is the INDEX of a name @INDEX}. Free with ocireg_string_free.
///
/// Errors: the common ones; OCIREG_UNSUPPORTED for a place in a registry, OCIREG_NOT_FOUND when there is nothing, OCIREG_INVALID_MANIFEST,
/// OCIREG_IO. Source: image-spec image-layout.md.
#[no_mangle]
pub unsafe extern "C" fn ocireg_endpoint_list(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    place: *const c_char,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        call(
            (error, Json::required(json), client, context, options),
            |client| Place::named(client, text(&place, "place")?),
            |client, call, named, NoOptions {}| {
                let store = named.source(client)?;
                place_contents::list(call, store.as_ref())
            },
        )
    }
}

/// Lists what refers to the manifest that any place names (see ocireg_endpoint_parse), such as signatures and attestations that were
/// copied with it; as ocireg_referrers, which says more about those in a registry. Blocks.
///
/// Options: {PlaceReferrersOptions}
///
/// Result: {"place": string, "subject": digest, "referrers": [descriptor as in ocireg_referrers], "served_by":
/// [HOST[:PORT]] (the endpoints that sent the manifest and the list, or said what the tag is)}. Free with ocireg_string_free.
///
/// Errors: those of ocireg_endpoint_manifest; OCIREG_LIMIT_EXCEEDED. Source: distribution-spec "Listing Referrers".
#[no_mangle]
pub unsafe extern "C" fn ocireg_endpoint_referrers(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    place: *const c_char,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        call(
            (error, Json::required(json), client, context, options),
            |client| Place::named(client, text(&place, "place")?),
            |client, call, named, options| {
                let store = named.source(client)?;
                place_contents::referrers(call, store.as_ref(), &options)
            },
        )
    }
}
