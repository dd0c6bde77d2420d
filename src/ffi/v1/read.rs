//! Protocol v1: what is read but layers, and login.

use std::ffi::c_char;

use serde_json::json;

use super::image_id;
use crate::ffi::argument::string;
use crate::ffi::call::call;
use crate::ffi::client::ocireg_client;
use crate::ffi::context::ocireg_context;
use crate::ffi::error::ocireg_error;
use crate::ffi::manifest::{reference, repository};
use crate::ffi::memory::ocireg_buffer;
use crate::ffi::options::{ocireg_options, NoOptions};
use crate::ffi::out::{Bytes, Json};
use crate::ffi::registry::registry_name;
use crate::ffi::status::ocireg_status;
use crate::registry_v1::tag_of;

/// Asks a registry, HOST[:PORT], whether it speaks protocol v1. No credentials are sent. Blocks.
///
/// Options: none.
///
/// Result: {"registry": string, "url": string, "status": 200, "version": string or null (its X-Docker-Registry-Version),
/// "standalone": boolean (whether it is its own index, by its X-Docker-Registry-Standalone; "mirror" is false) or null, "body":
/// any (its answer: true, or an object, in which verbose ones have "versions" of what they run on) or null (the answer is not
/// JSON), "headers": {name: value}}. Free with ocireg_string_free.
///
/// Errors: the common ones; OCIREG_PROTOCOL for an answer that does not follow protocol v1. Source: Docker's Registry API v1, "_ping".
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
        call(
            (error, Json::required(json), client, context, options),
            |_| registry_name(registry),
            |client, call, registry, NoOptions {}| client.v1_ping(call, &registry),
        )
    }
}

/// Searches the index at HOST[:PORT] for repositories. Blocks.
///
/// Options: {SearchOptions}
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
        call(
            (error, Json::required(json), client, context, options),
            |_| {
                let (registry, term) = (registry_name(registry)?, string(term, "term")?);
                Ok((registry, term))
            },
            |client, call, (registry, term), options| client.v1_search(call, &registry, &term, &options),
        )
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
        call(
            (error, Json::required(json), client, context, options),
            |client| self::repository(client, repository),
            |client, call, repository, NoOptions {}| client.v1(call, &repository)?.images(),
        )
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
        call(
            (error, Json::required(json), client, context, options),
            |client| self::repository(client, repository),
            |client, call, repository, NoOptions {}| client.v1(call, &repository)?.tags(),
        )
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
        call(
            (error, Json::required(json), client, context, options),
            |client| {
                let reference = self::reference(client, reference)?;
                tag_of(&reference)?;
                Ok(reference)
            },
            |client, call, reference, NoOptions {}| {
                let tag = tag_of(&reference)?;
                let id = client.v1(call, reference.repository())?.tag(tag)?;
                Ok(json!({"tag": tag, "id": id}))
            },
        )
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
        call(
            (error, Json::required(json), client, context, options),
            |client| {
                let repository = self::repository(client, repository)?;
                let id = image_id(id)?;
                Ok((repository, id))
            },
            |client, call, (repository, id), NoOptions {}| {
                let ancestry = client.v1(call, &repository)?.ancestry(&id)?;
                Ok(json!({"id": id, "ancestry": ancestry}))
            },
        )
    }
}

/// An image's JSON. Nothing proves that it is unchanged: IDs are not digests. Blocks.
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
        call(
            (error, (Json::optional(json), Bytes::optional(bytes)), client, context, options),
            |client| {
                let repository = self::repository(client, repository)?;
                let id = image_id(id)?;
                Ok((repository, id))
            },
            |client, call, (repository, id), NoOptions {}| {
                let image = client.v1(call, &repository)?.image(&id)?;
                Ok((image.to_json(), image.bytes))
            },
        )
    }
}

/// Checks a user's password at the index of HOST[:PORT], as protocol v1 does. With an e-mail address it asks for a new account first,
/// and checks the password when there is one of that name. Nothing is stored. Blocks.
///
/// Options: {V1LoginOptions}
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
        call(
            (error, Json::required(json), client, context, options),
            |_| registry_name(registry),
            |client, call, registry, options| client.v1_login(call, &registry, &options),
        )
    }
}
