//! Images: config, size, tags, and whole repositories.

use std::ffi::c_char;

use super::argument::{string, text};
use super::call::call;
use super::client::ocireg_client;
use super::context::ocireg_context;
use super::error::ocireg_error;
use super::manifest::place;
use super::memory::ocireg_buffer;
use super::options::ocireg_options;
use super::out::{Bytes, Json};
use super::registry::repository_name;
use super::status::ocireg_status;
use crate::image::config::ImageConfig;
use crate::image::size::size;
use crate::image::validate::validate;
use crate::image::{Image, Selection};
use crate::place::{self, Place};

/// The config of an image at any place (see ocireg_endpoint_parse). Its bytes are verified. Blocks.
///
/// Options: {Selection}
///
/// Wherever an option is a platform, the image is looked for in the same way. If an index does not say what its entries run on,
/// they are read: an index in it has entries of its own, an image says it in its config. At most 16 levels and 256 manifests are
/// read. What refers to images, such as an attestation, is never taken.
///
/// Result, either may be NULL when not wanted: `bytes`, the exact bytes, freed with ocireg_buffer_free; `json`, {"digest":
/// string, "size": number, "mediaType": string (of the config), "manifest": string (the image's digest), "config": the
/// config parsed, or null when it is not an image's and not JSON, "served_by": [HOST[:PORT]] (the endpoints that sent the manifest and the config: the
/// registry, its mirrors, or several of them) [, "platform": {"os", "architecture", ...} of an image in an index]},
/// freed with ocireg_string_free.
///
/// Errors: the common ones; OCIREG_UNSUPPORTED when the manifest has no config (schema 1), OCIREG_NOT_FOUND also when the
/// index has no such platform, OCIREG_MISSING_BLOB, OCIREG_INVALID_MANIFEST, OCIREG_DIGEST_MISMATCH, OCIREG_SIZE_MISMATCH,
/// OCIREG_LIMIT_EXCEEDED. Source: image-spec config.md.
#[no_mangle]
pub unsafe extern "C" fn ocireg_image_config(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    image: *const c_char,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    bytes: *mut *mut ocireg_buffer,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        call(
            (error, (Json::optional(json), Bytes::optional(bytes)), client, context, options),
            |client| Place::named(client, text(&image, "image")?),
            |client, call, place, options: Selection| {
                let store = place.source(client)?;
                let image = Image::find(call, store.as_ref(), options.platform.as_deref())?;
                let config = ImageConfig::read(call, store.as_ref(), &image)?;
                Ok((config.to_json(call, &image), config.bytes))
            },
        )
    }
}

/// Validates what any place names (see ocireg_endpoint_parse): an image, an index with all its images, or an artifact. It reports
/// everything that is wrong instead of the first error. That is what is missing or has another digest or size, and descriptors and
/// configs that are wrong (media types, the platforms of an index, the number of diff_ids, which are none where an image's config
/// does not say them, and an OCI config without architecture or os). It is also layers that are packed in another way than their
/// media types say, do not unpack to their diff_ids or are not valid tar archives. Each blob is read once, a layer
/// of an image unpacked as well (and read again if it cannot be, for its digest). A folder or a pipe in the place of a layout's
/// blob is a missing one. Layers that their manifest says to be elsewhere are not looked for. What cannot be found out for another
/// reason, such as a registry that does not answer or a file that may not be read, is an error of the call. So is what is wrong
/// with a docker-archive's layers, of which its manifest is made. Blocks.
///
/// Options: {ValidateOptions}
///
/// Result: {"place": string, "digest": string, "mediaType": string (both of the manifest), "valid": boolean (whether there is no
/// problem), "quick": boolean, "manifests": number, "blobs": number, "bytes": number (of these blobs), "foreign": [string] (digests of
/// layers that come from elsewhere, which were not looked for), "problems": [{"digest": string (of what is wrong), "manifest": string
/// or null (the digest of the manifest that names it), "code": string (the name of an error: MISSING_BLOB for whatever is not there), "problem":
/// string}], "served_by": [HOST[:PORT]] (the endpoints that sent what was read, or said that it is there: the registry, its mirrors, or
/// several of them)}. Free with ocireg_string_free.
///
/// Progress: bytes of the blobs.
///
/// Errors: the common ones; of the place's own manifest OCIREG_NOT_FOUND, OCIREG_MISSING_BLOB, OCIREG_DIGEST_MISMATCH and
/// OCIREG_INVALID_MANIFEST, since there is nothing to report then; OCIREG_LIMIT_EXCEEDED (more than 100,000 manifests, or indexes
/// in indexes 16 deep). Source: image-spec manifest.md, config.md, image-index.md.
#[no_mangle]
pub unsafe extern "C" fn ocireg_image_validate(
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
            |client, call, place, options| {
                let store = place.source(client)?;
                validate(call, store.as_ref(), &options)
            },
        )
    }
}

/// The bytes of an image at any place (see ocireg_endpoint_parse), as its manifest says: no blob is read. Blocks.
///
/// Options: {SizeOptions}
///
/// Result: {"digest": string, "mediaType": string (of the manifest) [, "platform": {"os", "architecture", ...}],
/// "manifest": number (its own bytes), "config": number, "layers": [{"digest": string, "size": number, "mediaType":
/// string}], the oldest first, "layers_total": number (their sizes, as listed), "total": number (config and layers, each
/// blob once), "served_by": [HOST[:PORT]] (the endpoints that sent the manifests: the registry, its mirrors, or several of them)};
/// with all, {"images": [such an object without served_by], "total": number (the blobs of all, each once), "served_by"}. Free with
/// ocireg_string_free.
///
/// Errors: the common ones; OCIREG_NOT_FOUND also when the index has no such platform, OCIREG_INVALID_MANIFEST. Source:
/// image-spec manifest.md.
#[no_mangle]
pub unsafe extern "C" fn ocireg_image_size(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    image: *const c_char,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        call(
            (error, Json::required(json), client, context, options),
            |client| Place::named(client, text(&image, "image")?),
            |client, call, place, options| {
                let store = place.source(client)?;
                size(call, store.as_ref(), &options)
            },
        )
    }
}

/// Gives what [HOST[:PORT]/]REPOSITORY[:TAG][@DIGEST] names another tag, byte for byte; an index stays whole. `tag` is a tag in
/// the same repository, or a whole name, [HOST[:PORT]/]REPOSITORY[:TAG], on the same registry: then what the manifest needs
/// comes before it, by mounts where the registry can. Of a layout or an archive it is another name in that; an archive is
/// rewritten for it as by ocireg_copy. Blocks. After OCIREG_TIMEOUT or OCIREG_CANCELLED the outcome is unknown.
///
/// Options: {TagOptions}
///
/// Result, `json` may be NULL: {"source": string, "destination": string, "digest": string, "mediaType": string,
/// "skipped": [string], "condition": string or null, "served_by": [HOST[:PORT]], as in ocireg_copy}. Free with ocireg_string_free.
///
/// Errors: the common ones; OCIREG_DIGEST_MISMATCH when the tag refers to what if_exists or if_digest do not allow (see
/// ocireg_manifest_put); OCIREG_INVALID_REFERENCE when `tag` is neither, OCIREG_INVALID_ARGUMENT when it is on another
/// registry. Source: distribution-spec "Pushing manifests".
#[no_mangle]
pub unsafe extern "C" fn ocireg_image_tag(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    reference: *const c_char,
    tag: *const c_char,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        call(
            (error, Json::optional(json), client, context, options),
            |client| {
                let from = self::place(client, reference)?;
                let to = string(tag, "tag")?;
                from.check_tag(&to)?;
                Ok((from, to))
            },
            |client, call, (from, to), options| place::tag(client, call, &from, &to, &options),
        )
    }
}

/// Puts layers on top of an image at any place (see ocireg_endpoint_parse): tar files, compressed by gzip or zstd, or not. Those
/// that are compressed are stored as they are; plain ones are packed on their way to a registry, the same to the same bytes. The
/// config gets their diff_ids and history, the manifest their descriptors, with media types of Docker or OCI as it has them;
/// everything else stays as it was. The same layers on the same image give the same image. Blocks. After OCIREG_TIMEOUT or
/// OCIREG_CANCELLED the outcome is unknown.
///
/// Options: {AppendOptions}
///
/// Result, `json` may be NULL: {"destination": string, "digest": string, "mediaType": string, "base": string or null (the digest
/// of what they were put on, null with scratch), "images": [{"digest": string, "config": string [, "platform": {"os",
/// "architecture", ...}]}], "layers": [{"digest": string, "size": number, "diff_id": string}] (the new ones), "skipped":
/// [string], "condition": string or null, "served_by": [HOST[:PORT]], as in ocireg_copy; what was left as it is has no images and layers}. Free with
/// ocireg_string_free.
///
/// Errors: the common ones; OCIREG_DIGEST_MISMATCH when the result's name refers to what if_exists or if_digest do not allow (see
/// ocireg_manifest_put); OCIREG_INVALID_ARGUMENT without layers, OCIREG_INVALID_REFERENCE when the image is named by digest and
/// `to` is missing, OCIREG_INVALID_MANIFEST when a file is not a valid tar archive or the config does not fit the layers,
/// OCIREG_UNSUPPORTED when it is not an image (artifacts, schema 1), OCIREG_IO. Source: image-spec config.md, manifest.md.
#[no_mangle]
pub unsafe extern "C" fn ocireg_image_append(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    image: *const c_char,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        call(
            (error, Json::optional(json), client, context, options),
            |client| Place::named(client, text(&image, "image")?),
            |client, call, image, options| place::append(client, call, &image, &options),
        )
    }
}

/// Deletes everything in a repository, [HOST[:PORT]/]REPOSITORY: the manifest of every tag, and of an index what it holds.
/// The plan is made before anything is deleted. What no tag leads to stays, and so does the registry's name for the
/// repository. Blocks. After OCIREG_TIMEOUT or OCIREG_CANCELLED the outcome is unknown; the next call goes on.
///
/// Options: {RemoveRepositoryOptions}
///
/// Result, `json` may be NULL: {"repository": string, "manifests": [{"digest": string, "mediaType": string (empty when it
/// cannot be read), "tags": [string], "deleted": boolean}], indexes before what they hold, "tags": number, "deleted":
/// number, "dry_run": boolean}. Free with ocireg_string_free.
///
/// Errors: the common ones; OCIREG_UNSUPPORTED where the registry deletes nothing, OCIREG_LIMIT_EXCEEDED. The message says how many
/// manifests were deleted before, the hint which are left. Source: distribution-spec end-8a, end-9.
#[no_mangle]
pub unsafe extern "C" fn ocireg_repository_remove(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    repository: *const c_char,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        call(
            (error, Json::optional(json), client, context, options),
            |client| repository_name(client, repository),
            |client, call, repository, options| client.remove_repository(call, &repository, &options),
        )
    }
}
