//! Protocol v1: layers, got in several ways.

use std::ffi::c_char;
use std::path::Path;

use super::image_id;
use crate::ffi::argument::string;
use crate::ffi::blob::{ocireg_blob_reader, OpenBlob};
use crate::ffi::borrow_or_copy::descriptor_for;
use crate::ffi::call::call;
use crate::ffi::client::ocireg_client;
use crate::ffi::context::ocireg_context;
use crate::ffi::error::ocireg_error;
use crate::ffi::manifest::repository;
use crate::ffi::memory::ocireg_buffer;
use crate::ffi::options::ocireg_options;
use crate::ffi::out::{Bytes, Json, New};
use crate::ffi::status::ocireg_status;

/// Gets the layer of an image into a file, which appears under its name only whole. The bytes are checked against the image's
/// checksum when the registry gives one that can be checked. A broken transfer is continued within the call; and where the bytes can
/// be checked what a broken call left, in a hidden file beside the target, is continued by the next call, in this process or
/// another. Blocks.
///
/// Options: offset, length, if_exists and resume, as in ocireg_blob_get_file; the image is requested in any case, its layer is not when the
/// file stays.
///
/// Result, `json` may be NULL: {"id": string, "checksum": string or null, "verified": boolean (false for a piece, without a
/// checksum, and with a "tarsum…"), "size": number or null (of the whole layer), "offset": number, "length": number (bytes
/// delivered), "resumed": number (how many of them were there from an earlier call), "path": string, "skipped": boolean (the file
/// was there already and the layer was not requested)}. Free with ocireg_string_free.
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
        call(
            (error, Json::optional(json), client, context, options),
            |client| {
                let repository = self::repository(client, repository)?;
                let id = image_id(id)?;
                let path = string(path, "path")?;
                Ok((repository, id, path))
            },
            |client, call, (repository, id, path), options| {
                client.v1(call, &repository)?.layer_file(&id, Path::new(&path), &options)
            },
        )
    }
}

/// Gets the layer of an image and writes it to a descriptor, which stays open. The bytes are written as they come: on an error,
/// OCIREG_DIGEST_MISMATCH too, what was written must not be trusted. The descriptor is as
/// for ocireg_blob_get_fd. Blocks.
///
/// Options: offset and length, as in ocireg_blob_get_fd. Result and errors: those of ocireg_v1_layer_file, without "path" and "skipped".
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
        call(
            (error, Json::optional(json), client, context, options),
            |client| {
                let repository = self::repository(client, repository)?;
                let id = image_id(id)?;
                let fd = descriptor_for(context, fd)?;
                Ok((repository, id, fd))
            },
            |client, call, (repository, id, fd), options| {
                let mut into = call.output(&fd)?;
                client.v1(call, &repository)?.layer_to(&id, &mut into, &options)
            },
        )
    }
}

/// Gets the layer of an image into memory. Blocks.
///
/// Options: offset, length and limit, as in ocireg_blob_get_fd.
///
/// Result: `bytes`, freed with ocireg_buffer_free; `json`, may be NULL: as in ocireg_v1_layer_fd, freed with
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
        call(
            (error, (Json::optional(json), Bytes::required(bytes, "bytes")), client, context, options),
            |client| {
                let repository = self::repository(client, repository)?;
                let id = image_id(id)?;
                Ok((repository, id))
            },
            |client, call, (repository, id), options| client.v1(call, &repository)?.layer(&id, &options),
        )
    }
}

/// Opens the layer of an image for reading by ocireg_blob_reader_read. ocireg_blob_reader_info says of it: {"id": string,
/// "checksum": string or null, "size": number or null (a hint until bytes have come), "offset": number, "verifiable": boolean
/// (whether the end of the reads will have checked the checksum)}. Free with ocireg_blob_reader_free. Blocks.
///
/// Options: those of ocireg_v1_layer_fd. Errors: those of ocireg_v1_layer_file.
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
        call(
            (error, New::required(reader, "reader"), client, context, options),
            |client| {
                let repository = self::repository(client, repository)?;
                let id = image_id(id)?;
                Ok((repository, id))
            },
            |client, call, (repository, id), options| {
                Ok(OpenBlob::new(Box::new(client.v1(call, &repository)?.open(&id, &options)?)))
            },
        )
    }
}
