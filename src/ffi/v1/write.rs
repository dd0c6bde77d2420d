//! Protocol v1: what is written and deleted.

use std::ffi::c_char;
use std::path::Path;

use serde_json::json;

use super::image_id;
use crate::convert::push::push;
use crate::error::Side;
use crate::ffi::argument::{string, text};
use crate::ffi::borrow_or_copy::bytes_for;
use crate::ffi::call::call;
use crate::ffi::client::ocireg_client;
use crate::ffi::context::ocireg_context;
use crate::ffi::error::ocireg_error;
use crate::ffi::manifest::{reference, repository};
use crate::ffi::options::{ocireg_options, NoOptions};
use crate::ffi::out::Json;
use crate::ffi::status::ocireg_status;
use crate::place::Place;
use crate::registry_v1::tag_of;

/// Puts the JSON of an image, its bytes unchanged, for [HOST[:PORT]/]REPOSITORY. Its "id" names it, and its "parent" must be at
/// the registry. Its layer follows by ocireg_v1_put_layer. Blocks.
/// After OCIREG_TIMEOUT or OCIREG_CANCELLED the outcome is unknown.
///
/// Options: none.
///
/// Result, `json` may be NULL: {"id": string, "uploaded": boolean (false when the registry has a whole image of this id, whatever
/// it holds)}. Free with ocireg_string_free.
///
/// Errors: the common ones; OCIREG_INVALID_MANIFEST for JSON that does not describe an image. Source: Docker's Registry API v1,
/// "Put image layer".
#[no_mangle]
pub unsafe extern "C" fn ocireg_v1_put_image(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    repository: *const c_char,
    image: *const u8,
    image_size: usize,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        call(
            (error, Json::optional(json), client, context, options),
            |client| {
                let repository = self::repository(client, repository)?;
                let image = bytes_for(context, image, image_size, "image")?;
                Ok((repository, image))
            },
            |client, call, (repository, image), NoOptions {}| client.v1(call, &repository)?.put_image(&image),
        )
    }
}

/// Puts the layer, from memory, of an image whose JSON was put, and its checksum, which makes the image whole. `image` is the
/// same JSON: the checksum is over it too. Blocks.
/// After OCIREG_TIMEOUT or OCIREG_CANCELLED the outcome is unknown.
///
/// Options: {PutLayerOptions}
///
/// Result, `json` may be NULL: {"id": string, "size": number, "checksum": "sha256:…" (over the JSON, a newline and the layer),
/// "uploaded": boolean (false when the registry has a whole image of this id)}. Free with ocireg_string_free.
///
/// Errors: the common ones; OCIREG_INVALID_MANIFEST, OCIREG_DIGEST_MISMATCH when the registry got other bytes. Source: Docker's
/// Registry API v1, "Put image layer"; docker-registry 0.9.1 for the checksum.
#[no_mangle]
pub unsafe extern "C" fn ocireg_v1_put_layer(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    repository: *const c_char,
    image: *const u8,
    image_size: usize,
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
                let repository = self::repository(client, repository)?;
                let (image, data) =
                    (bytes_for(context, image, image_size, "image")?, bytes_for(context, data, size, "data")?);
                Ok((repository, image, data))
            },
            |client, call, (repository, image, data), options| {
                client.v1(call, &repository)?.put_layer(&image, &data, &options)
            },
        )
    }
}

/// Puts the layer, from a file, of an image whose JSON was put; as ocireg_v1_put_layer. Blocks.
///
/// Options, result and errors: those of ocireg_v1_put_layer; OCIREG_IO.
#[no_mangle]
pub unsafe extern "C" fn ocireg_v1_put_layer_file(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    repository: *const c_char,
    image: *const u8,
    image_size: usize,
    path: *const c_char,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        call(
            (error, Json::optional(json), client, context, options),
            |client| {
                let repository = self::repository(client, repository)?;
                let image = bytes_for(context, image, image_size, "image")?;
                let path = string(path, "path")?;
                Ok((repository, image, path))
            },
            |client, call, (repository, image, path), options| {
                client.v1(call, &repository)?.put_layer_file(&image, Path::new(&path), &options)
            },
        )
    }
}

/// Puts the checksum of an image, "sha256:…" or "tarsum…", after its layer was put with `finish` false. Blocks.
/// After OCIREG_TIMEOUT or OCIREG_CANCELLED the outcome is unknown.
///
/// Options: none.
///
/// Result, `json` may be NULL: {"status": the registry's HTTP status}. Free with ocireg_string_free.
///
/// Errors: the common ones; OCIREG_DIGEST_MISMATCH when it is not what the registry got. Source: docker-registry 0.9.1.
#[no_mangle]
pub unsafe extern "C" fn ocireg_v1_put_checksum(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    repository: *const c_char,
    id: *const c_char,
    checksum: *const c_char,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        call(
            (error, Json::optional(json), client, context, options),
            |client| {
                let repository = self::repository(client, repository)?;
                let id = image_id(id)?;
                let checksum = string(checksum, "checksum")?;
                Ok((repository, id, checksum))
            },
            |client, call, (repository, id, checksum), NoOptions {}| {
                let status = client.v1(call, &repository)?.put_checksum(&id, &checksum)?;
                Ok(json!({"status": status}))
            },
        )
    }
}

/// Puts a tag, [HOST[:PORT]/]REPOSITORY[:TAG], on an image. Blocks.
/// After OCIREG_TIMEOUT or OCIREG_CANCELLED the outcome is unknown.
///
/// Options: none.
///
/// Result, `json` may be NULL: {"status": the registry's HTTP status}. Free with ocireg_string_free.
///
/// Errors: the common ones; OCIREG_NOT_FOUND without such an image. Source: Docker's Registry API v1, "Set a tag".
#[no_mangle]
pub unsafe extern "C" fn ocireg_v1_put_tag(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    reference: *const c_char,
    id: *const c_char,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        call(
            (error, Json::optional(json), client, context, options),
            |client| {
                let reference = self::reference(client, reference)?;
                tag_of(&reference)?;
                Ok((reference, image_id(id)?))
            },
            |client, call, (reference, id), NoOptions {}| {
                let tag = tag_of(&reference)?;
                let status = client.v1(call, reference.repository())?.put_tag(tag, &id)?;
                Ok(json!({"status": status}))
            },
        )
    }
}

/// Pushes one image as a chain of old ones to a tag, [HOST[:PORT]/]REPOSITORY[:TAG], of a registry that speaks protocol v1.
/// `source` is any place that ocireg_endpoint_parse knows; a schema-1 image is converted first. There is an old image for each
/// step of the image's history (a step without a layer gets an empty one), or for each layer when the history does not fit them.
/// Their ids follow from the config and the digests of the layers, so that the same image is the same chain, and what the registry
/// has is not moved. Layers go as they are, and are verified. The tag comes last. Blocks. After OCIREG_TIMEOUT or
/// OCIREG_CANCELLED the outcome is unknown; the next call goes on.
///
/// Options: {PushOptions}
///
/// Result, `json` may be NULL: {"source": string, "destination": string, "digest": string (of the image's manifest, which the registry
/// does not know), "id": string (what the tag stands for now), "images": [{"id": string, "layer": string (digest) or null for an empty
/// one, "size": number (of the layer), "uploaded": boolean (false: it is there)}], the lowest first, "served_by": [HOST[:PORT]], as in
/// ocireg_copy}. Free with ocireg_string_free.
///
/// Progress: bytes of all layers.
///
/// Errors: the common ones, with "side" "source" or "destination"; OCIREG_UNSUPPORTED for anything that is not an image, for
/// layers packed by zstd or meant to be fetched from elsewhere; OCIREG_INVALID_REFERENCE for a reference with a digest;
/// OCIREG_DIGEST_MISMATCH. Source: Docker's Registry API v1, "Put image layer", Hub API "Update user repository images".
#[no_mangle]
pub unsafe extern "C" fn ocireg_v1_push(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    source: *const c_char,
    reference: *const c_char,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        call(
            (error, Json::optional(json), client, context, options),
            |client| {
                let source = Place::named(client, text(&source, "source")?)?;
                let reference = self::reference(client, reference)?;
                tag_of(&reference)?;
                Ok((source, reference))
            },
            |client, call, (source, reference), options| {
                let from = source.source(client).map_err(|error| error.with_side(Side::Source))?;
                push(client, call, from, &reference, &options)
            },
        )
    }
}

/// Deletes a tag, [HOST[:PORT]/]REPOSITORY[:TAG]. Blocks.
/// After OCIREG_TIMEOUT or OCIREG_CANCELLED the outcome is unknown.
///
/// Options: none.
///
/// Result, `json` may be NULL: {"status": the registry's HTTP status}. Free with ocireg_string_free.
///
/// Errors: the common ones. Source: Docker's Registry API v1, "Delete a tag".
#[no_mangle]
pub unsafe extern "C" fn ocireg_v1_delete_tag(
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
            |client| {
                let reference = self::reference(client, reference)?;
                tag_of(&reference)?;
                Ok(reference)
            },
            |client, call, reference, NoOptions {}| {
                let tag = tag_of(&reference)?;
                let status = client.v1(call, reference.repository())?.delete_tag(tag)?;
                Ok(json!({"status": status}))
            },
        )
    }
}

/// Deletes [HOST[:PORT]/]REPOSITORY with all its tags, at the registry and at the index; the registry may keep the images.
/// Blocks.
/// After OCIREG_TIMEOUT or OCIREG_CANCELLED the outcome is unknown.
///
/// Options: none.
///
/// Result, `json` may be NULL: {"status": the registry's HTTP status}. Free with ocireg_string_free.
///
/// Errors: the common ones. Source: Docker's Registry API v1, "Delete a repository".
#[no_mangle]
pub unsafe extern "C" fn ocireg_v1_delete_repository(
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
            |client| self::repository(client, repository),
            |client, call, repository, NoOptions {}| {
                let status = client.v1(call, &repository)?.delete_repository()?;
                Ok(json!({"status": status}))
            },
        )
    }
}
