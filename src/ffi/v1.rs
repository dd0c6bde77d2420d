//! Protocol v1, what registries spoke before 2015.

use std::ffi::c_char;
use std::path::Path;

use serde_json::json;

use super::blob::{new_reader, ocireg_blob_reader};
use super::client::{begin, ocireg_client};
use super::context::ocireg_context;
use super::error::ocireg_error;
use super::guard::{bytes, descriptor, enter_blocking, text, Out};
use super::manifest::reference;
use super::memory::ocireg_buffer;
use super::options::{self, ocireg_options};
use super::registry::NoOptions;
use super::status::ocireg_status;
use crate::convert::push::push;
use crate::endpoint::Endpoint;
use crate::error::{Result, Side};
use crate::reference::Repository;
use crate::registry_v1::id::ImageId;
use crate::registry_v1::tag_of;

unsafe fn repository(argument: *const c_char) -> Result<Repository> {
    Repository::parse(unsafe { text(argument, "repository") }?, None)
}

unsafe fn image_id(argument: *const c_char) -> Result<ImageId> {
    unsafe { text(argument, "id") }?.parse()
}

/// Asks a registry, HOST[:PORT], whether it speaks protocol v1. No credentials are sent. Blocks.
///
/// Options: none.
///
/// Result: {"registry": string, "url": string, "status": 200, "version": string or null (its X-Docker-Registry-Version),
/// "standalone": boolean (whether it is its own index, by its X-Docker-Registry-Standalone; "mirror" is false) or null,
/// "body": any (its answer: true, or an object, in which verbose ones have "versions" of what they run on) or null (it is no JSON),
/// "headers": {name: value}}. Free with ocireg_string_free.
///
/// Errors: the common ones; OCIREG_PROTOCOL for an answer that is none of protocol v1. Source: Docker's Registry API v1, "_ping".
#[no_mangle]
pub unsafe extern "C" fn ocireg_v1_ping(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    registry: *const c_char,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        enter_blocking(error, || {
            let out = Out::required(json, std::ptr::null_mut(), "json")?;
            let registry = text(registry, "registry")?;
            let _: NoOptions = options::read(options)?;
            let (client, call) = begin(client, context)?;
            out.put_json(&client.v1_ping(&call, registry)?)
        })
    }
}

/// Searches the index at HOST[:PORT] for repositories. Blocks.
///
/// Options: n (integer: how many a page has), page (integer, from 1), for indexes that have pages.
///
/// Result: {"query": string, "num_results": number, "results": [{"name": string, …}]}, and further members that the index sends,
/// here and in each result ("description", "is_official", "star_count", "num_pages", …). Free with ocireg_string_free.
///
/// Errors: the common ones. Source: Docker's Hub API v1, "Search".
#[no_mangle]
pub unsafe extern "C" fn ocireg_v1_search(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    registry: *const c_char,
    term: *const c_char,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        enter_blocking(error, || {
            let out = Out::required(json, std::ptr::null_mut(), "json")?;
            let (registry, term) = (text(registry, "registry")?, text(term, "term")?);
            let options = options::read(options)?;
            let (client, call) = begin(client, context)?;
            out.put_json(&client.v1_search(&call, registry, term, &options)?)
        })
    }
}

/// Lists the images of [HOST[:PORT]/]REPOSITORY as the index knows them. Begins the session that the other calls use: the index
/// gets the credentials, and names the registry that has the images, which gets the index's token. Blocks.
///
/// Options: none.
///
/// Result: {"name": string, "images": [{"id": string, …}] (with what the index says of each, such as "checksum"; some indexes
/// know of none), "endpoint": string (the registry's URL)}. Free with ocireg_string_free.
///
/// Errors: the common ones; OCIREG_REDIRECT when the index names a registry that it may not. Source: Docker's Hub API v1, "List
/// repository images", X-Docker-Token, X-Docker-Endpoints.
#[no_mangle]
pub unsafe extern "C" fn ocireg_v1_images(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    repository: *const c_char,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        enter_blocking(error, || {
            let out = Out::required(json, std::ptr::null_mut(), "json")?;
            let repository = self::repository(repository)?;
            let _: NoOptions = options::read(options)?;
            let (client, call) = begin(client, context)?;
            out.put_json(&client.v1(&call, &repository)?.images()?)
        })
    }
}

/// Lists the tags of [HOST[:PORT]/]REPOSITORY and their images. Blocks.
///
/// Options: none.
///
/// Result: {"name": string, "tags": {tag: image id}}; an id may be cut to its first digits in the lists of Docker Hub's time:
/// ocireg_v1_tag gives the whole. Free with ocireg_string_free.
///
/// Errors: the common ones. Source: Docker's Registry API v1, "List repository tags".
#[no_mangle]
pub unsafe extern "C" fn ocireg_v1_tags(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    repository: *const c_char,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        enter_blocking(error, || {
            let out = Out::required(json, std::ptr::null_mut(), "json")?;
            let repository = self::repository(repository)?;
            let _: NoOptions = options::read(options)?;
            let (client, call) = begin(client, context)?;
            out.put_json(&client.v1(&call, &repository)?.tags()?)
        })
    }
}

/// The image of a tag, [HOST[:PORT]/]REPOSITORY[:TAG]. Blocks.
///
/// Options: none.
///
/// Result: {"tag": string, "id": string}. Free with ocireg_string_free.
///
/// Errors: the common ones; OCIREG_INVALID_REFERENCE for a reference with a digest. Source: Docker's Registry API v1, "Get a tag".
#[no_mangle]
pub unsafe extern "C" fn ocireg_v1_tag(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    reference: *const c_char,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        enter_blocking(error, || {
            let out = Out::required(json, std::ptr::null_mut(), "json")?;
            let reference = self::reference(reference)?;
            let tag = tag_of(&reference)?;
            let _: NoOptions = options::read(options)?;
            let (client, call) = begin(client, context)?;
            let id = client.v1(&call, reference.repository())?.tag(tag)?;
            out.put_json(&json!({"tag": tag, "id": id}))
        })
    }
}

/// An image and its ancestors. `id` is 64 hexadecimal digits. Blocks.
///
/// Options: none.
///
/// Result: {"id": string, "ancestry": [string] (the image itself, its parent, and so on)}. Free with ocireg_string_free.
///
/// Errors: the common ones; OCIREG_PROTOCOL for one that has an image twice or does not begin with the image,
/// OCIREG_LIMIT_EXCEEDED. Source: Docker's Registry API v1, "Get image ancestry".
#[no_mangle]
pub unsafe extern "C" fn ocireg_v1_ancestry(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    repository: *const c_char,
    id: *const c_char,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        enter_blocking(error, || {
            let out = Out::required(json, std::ptr::null_mut(), "json")?;
            let repository = self::repository(repository)?;
            let id = image_id(id)?;
            let _: NoOptions = options::read(options)?;
            let (client, call) = begin(client, context)?;
            let ancestry = client.v1(&call, &repository)?.ancestry(&id)?;
            out.put_json(&json!({"id": id, "ancestry": ancestry}))
        })
    }
}

/// An image's JSON. Nothing says that it is unchanged: ids are no digests. Blocks.
///
/// Options: none.
///
/// Result, either may be NULL when not wanted: `bytes`, the exact bytes of the JSON, freed with ocireg_buffer_free; `json`,
/// {"id": string, "size": number or null (of the layer, as the registry has it), "checksum": string or null (its
/// X-Docker-Checksum-Payload, "sha256:…" over the JSON, a newline and the layer; or an older "tarsum…"), "image": the document,
/// "headers": {name: value}}, freed with ocireg_string_free.
///
/// Errors: the common ones; OCIREG_PROTOCOL, also for the JSON of another image, OCIREG_LIMIT_EXCEEDED over 4 MiB. Source: Docker's
/// Registry API v1, "Get image layer".
#[no_mangle]
pub unsafe extern "C" fn ocireg_v1_image(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    repository: *const c_char,
    id: *const c_char,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    bytes: *mut *mut ocireg_buffer,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        enter_blocking(error, || {
            let out = Out::optional(json, std::ptr::null_mut());
            let bytes = Out::optional(bytes, std::ptr::null_mut());
            let repository = self::repository(repository)?;
            let id = image_id(id)?;
            let _: NoOptions = options::read(options)?;
            let (client, call) = begin(client, context)?;
            let image = client.v1(&call, &repository)?.image(&id)?;
            out.put_json(&image.to_json())?;
            if bytes.is_wanted() {
                bytes.put(ocireg_buffer::new(image.bytes));
            }
            Ok(())
        })
    }
}

/// Gets the layer of an image into a file, which appears under its name only whole. The bytes are checked against the image's
/// checksum when the registry gives one that can be checked. A broken transfer is continued within the call; and where the bytes can
/// be checked what a broken call left, in a hidden file beside the target, is continued by the next call, in this process or
/// another. Blocks.
///
/// Options: offset and length (integers: only a piece, which cannot be verified).
///
/// Result, `json` may be NULL: {"id": string, "checksum": string or null, "verified": boolean (false for a piece, without a
/// checksum, and with a "tarsum…"), "size": number or null (of the whole layer), "offset": number, "length": number (bytes
/// delivered), "resumed": number (how many of them were there from an earlier call), "path": string}. Free with
/// ocireg_string_free.
///
/// Errors: the common ones; OCIREG_DIGEST_MISMATCH (after a second try), OCIREG_SIZE_MISMATCH, OCIREG_IO. Source: Docker's
/// Registry API v1, "Get image layer"; docker-registry 0.9.1 for the checksum.
#[no_mangle]
pub unsafe extern "C" fn ocireg_v1_layer_file(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    repository: *const c_char,
    id: *const c_char,
    path: *const c_char,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        enter_blocking(error, || {
            let out = Out::optional(json, std::ptr::null_mut());
            let repository = self::repository(repository)?;
            let id = image_id(id)?;
            let path = text(path, "path")?;
            let options = options::read(options)?;
            let (client, call) = begin(client, context)?;
            out.put_json(&client.v1(&call, &repository)?.layer_file(&id, Path::new(path), &options)?)
        })
    }
}

/// Gets the layer of an image and writes it to a descriptor, which stays open. The bytes are written as they come: on an error,
/// OCIREG_DIGEST_MISMATCH too, what was written is not to be trusted. The descriptor is as
/// for ocireg_blob_get_fd. Blocks.
///
/// Options, result and errors: those of ocireg_v1_layer_file, without "path".
#[no_mangle]
pub unsafe extern "C" fn ocireg_v1_layer_fd(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    repository: *const c_char,
    id: *const c_char,
    fd: i32,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        enter_blocking(error, || {
            let out = Out::optional(json, std::ptr::null_mut());
            let repository = self::repository(repository)?;
            let id = image_id(id)?;
            let fd = descriptor(fd)?;
            let options = options::read(options)?;
            let (client, call) = begin(client, context)?;
            let mut into = call.output(fd)?;
            out.put_json(&client.v1(&call, &repository)?.layer_to(&id, &mut into, &options)?)
        })
    }
}

/// Gets the layer of an image into memory. Blocks.
///
/// Options: those of ocireg_v1_layer_file, and limit (integer, 67108864: the most bytes to take).
///
/// Result: `bytes`, freed with ocireg_buffer_free; `json`, may be NULL: as of ocireg_v1_layer_file without "path", freed with
/// ocireg_string_free.
///
/// Errors: those of ocireg_v1_layer_file, and OCIREG_LIMIT_EXCEEDED.
#[no_mangle]
pub unsafe extern "C" fn ocireg_v1_layer_memory(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    repository: *const c_char,
    id: *const c_char,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    bytes: *mut *mut ocireg_buffer,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        enter_blocking(error, || {
            let out = Out::optional(json, std::ptr::null_mut());
            let bytes = Out::required(bytes, std::ptr::null_mut(), "bytes")?;
            let repository = self::repository(repository)?;
            let id = image_id(id)?;
            let options = options::read(options)?;
            let (client, call) = begin(client, context)?;
            let (delivered, content) = client.v1(&call, &repository)?.layer(&id, &options)?;
            out.put_json(&delivered)?;
            bytes.put(ocireg_buffer::new(content));
            Ok(())
        })
    }
}

/// Opens the layer of an image for reading by ocireg_blob_reader_read. ocireg_blob_reader_info says of it: {"id": string,
/// "checksum": string or null, "size": number or null (a hint until bytes have come), "offset": number, "verifiable": boolean
/// (whether the end of the reads will have checked the checksum)}. Free with ocireg_blob_reader_free. Blocks.
///
/// Options and errors: those of ocireg_v1_layer_file.
#[no_mangle]
pub unsafe extern "C" fn ocireg_v1_layer_open(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    repository: *const c_char,
    id: *const c_char,
    options: *const ocireg_options,
    reader: *mut *mut ocireg_blob_reader,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        enter_blocking(error, || {
            let out = Out::required(reader, std::ptr::null_mut(), "reader")?;
            let repository = self::repository(repository)?;
            let id = image_id(id)?;
            let options = options::read(options)?;
            let (client, call) = begin(client, context)?;
            let reader = client.v1(&call, &repository)?.open(&id, &options)?;
            out.put(new_reader(Box::new(reader)));
            Ok(())
        })
    }
}

/// Checks a user's password at the index of HOST[:PORT], as protocol v1 does. With an e-mail address it asks for a new account first,
/// and checks the password when there is one of that name. Nothing is stored. Blocks.
///
/// Options: username and password (strings; the host's when neither is given); email (string: make the account).
///
/// Result: {"status": string (what Docker showed: "Login Succeeded" or "Account created. …"), "username": string, "created":
/// boolean}. Free with ocireg_string_free.
///
/// Errors: the common ones; OCIREG_UNAUTHENTICATED for a wrong password, OCIREG_FORBIDDEN for an account that is not active yet,
/// OCIREG_HTTP with "Registration: …" when the index makes no such account. Source: Docker's Hub API v1, "Users".
#[no_mangle]
pub unsafe extern "C" fn ocireg_v1_login(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    registry: *const c_char,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        enter_blocking(error, || {
            let out = Out::required(json, std::ptr::null_mut(), "json")?;
            let registry = text(registry, "registry")?;
            let options = options::read(options)?;
            let (client, call) = begin(client, context)?;
            out.put_json(&client.v1_login(&call, registry, &options)?)
        })
    }
}

/// Puts the JSON of an image, its bytes unchanged, for [HOST[:PORT]/]REPOSITORY. Its "id" names it, and its "parent" must be at
/// the registry. Its layer follows by ocireg_v1_put_layer. Blocks.
/// After OCIREG_TIMEOUT or OCIREG_CANCELLED the outcome is unknown.
///
/// Options: none.
///
/// Result, `json` may be NULL: {"id": string, "uploaded": boolean (false when the registry has a whole image of this id, whatever
/// it holds)}. Free with ocireg_string_free.
///
/// Errors: the common ones; OCIREG_INVALID_MANIFEST for JSON that is no image. Source: Docker's Registry API v1, "Put image layer".
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
        enter_blocking(error, || {
            let out = Out::optional(json, std::ptr::null_mut());
            let repository = self::repository(repository)?;
            let image = bytes(image, image_size, "image")?;
            let _: NoOptions = options::read(options)?;
            let (client, call) = begin(client, context)?;
            out.put_json(&client.v1(&call, &repository)?.put_image(image)?)
        })
    }
}

/// Puts the layer, from memory, of an image whose JSON was put, and its checksum, which makes the image whole. `image` is the
/// same JSON: the checksum is over it too. Blocks.
/// After OCIREG_TIMEOUT or OCIREG_CANCELLED the outcome is unknown.
///
/// Options: finish (boolean, true: put the checksum).
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
        enter_blocking(error, || {
            let out = Out::optional(json, std::ptr::null_mut());
            let repository = self::repository(repository)?;
            let (image, data) = (bytes(image, image_size, "image")?, bytes(data, size, "data")?);
            let options = options::read(options)?;
            let (client, call) = begin(client, context)?;
            out.put_json(&client.v1(&call, &repository)?.put_layer(image, data, &options)?)
        })
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
        enter_blocking(error, || {
            let out = Out::optional(json, std::ptr::null_mut());
            let repository = self::repository(repository)?;
            let image = bytes(image, image_size, "image")?;
            let path = text(path, "path")?;
            let options = options::read(options)?;
            let (client, call) = begin(client, context)?;
            out.put_json(&client.v1(&call, &repository)?.put_layer_file(image, Path::new(path), &options)?)
        })
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
        enter_blocking(error, || {
            let out = Out::optional(json, std::ptr::null_mut());
            let repository = self::repository(repository)?;
            let id = image_id(id)?;
            let checksum = text(checksum, "checksum")?;
            let _: NoOptions = options::read(options)?;
            let (client, call) = begin(client, context)?;
            let status = client.v1(&call, &repository)?.put_checksum(&id, checksum)?;
            out.put_json(&json!({"status": status}))
        })
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
        enter_blocking(error, || {
            let out = Out::optional(json, std::ptr::null_mut());
            let reference = self::reference(reference)?;
            let tag = tag_of(&reference)?;
            let id = image_id(id)?;
            let _: NoOptions = options::read(options)?;
            let (client, call) = begin(client, context)?;
            let status = client.v1(&call, reference.repository())?.put_tag(tag, &id)?;
            out.put_json(&json!({"status": status}))
        })
    }
}

/// Pushes one image as a chain of old ones to a tag, [HOST[:PORT]/]REPOSITORY[:TAG], of a registry that speaks protocol v1.
/// `source` is any place that ocireg_endpoint_parse knows; a schema-1 image is converted first. There is an old image for each step
/// of the image's history (a step without a layer gets an empty one), or for each layer when the history does not fit them; their ids follow
/// from the config and the digests of the layers, so that the same image is the same chain, and what the registry has is not moved. Layers
/// go as they are, and are verified. The tag comes last. Blocks. After OCIREG_TIMEOUT or OCIREG_CANCELLED the outcome is unknown; the
/// next call goes on.
///
/// Options: platform (string, OS/ARCH[/VARIANT]: of an index, the image for this platform, instead of this machine's).
///
/// Result, `json` may be NULL: {"source": string, "destination": string, "digest": string (of the image's manifest, which the registry
/// does not know), "id": string (what the tag stands for now), "images": [{"id": string, "layer": string (digest) or null for an empty
/// one, "size": number (of the layer), "uploaded": boolean (false: it is there)}], the lowest first}. Free with ocireg_string_free.
///
/// Progress: bytes of all layers.
///
/// Errors: the common ones, with "side" "source" or "destination"; OCIREG_UNSUPPORTED for what is no image, for layers packed by zstd
/// or meant to be fetched from elsewhere; OCIREG_INVALID_REFERENCE for a reference with a digest; OCIREG_DIGEST_MISMATCH. Source:
/// Docker's Registry API v1, "Put image layer", Hub API "Update user repository images".
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
        enter_blocking(error, || {
            let out = Out::optional(json, std::ptr::null_mut());
            let source = Endpoint::parse(text(source, "source")?)?;
            let reference = self::reference(reference)?;
            tag_of(&reference)?;
            let options = options::read(options)?;
            let (client, call) = begin(client, context)?;
            let from = source.source(&client).map_err(|error| error.with_side(Side::Source))?;
            out.put_json(&push(&client, &call, from, &reference, &options)?)
        })
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
        enter_blocking(error, || {
            let out = Out::optional(json, std::ptr::null_mut());
            let reference = self::reference(reference)?;
            let tag = tag_of(&reference)?;
            let _: NoOptions = options::read(options)?;
            let (client, call) = begin(client, context)?;
            let status = client.v1(&call, reference.repository())?.delete_tag(tag)?;
            out.put_json(&json!({"status": status}))
        })
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
        enter_blocking(error, || {
            let out = Out::optional(json, std::ptr::null_mut());
            let repository = self::repository(repository)?;
            let _: NoOptions = options::read(options)?;
            let (client, call) = begin(client, context)?;
            let status = client.v1(&call, &repository)?.delete_repository()?;
            out.put_json(&json!({"status": status}))
        })
    }
}
