//! Blobs as a whole, got in several ways.

use std::ffi::c_char;
use std::path::Path;

use super::{ocireg_blob_reader, OpenBlob};
use crate::ffi::argument::string;
use crate::ffi::borrow_or_copy::descriptor_for;
use crate::ffi::call::call;
use crate::ffi::client::ocireg_client;
use crate::ffi::context::ocireg_context;
use crate::ffi::error::ocireg_error;
use crate::ffi::manifest::blob;
use crate::ffi::memory::ocireg_buffer;
use crate::ffi::options::{ocireg_options, NoOptions};
use crate::ffi::out::{Bytes, Json, New};
use crate::ffi::status::ocireg_status;
use crate::place;

/// What a registry knows about a blob, HOST[:PORT]/REPOSITORY@DIGEST, or another place, PLACE@DIGEST: oci:DIR@DIGEST,
/// oci-archive:FILE@DIGEST, docker-archive:FILE@DIGEST, dir:DIR@DIGEST. A missing blob is not an error. What such a place says is not
/// verified before the blob is got. Blocks.
///
/// Options: none.
///
/// Result: {"exists": boolean, "digest": string, "size": number or null, "mediaType": string or null, "redirects":
/// [{"status": number, "url": string}] (the way to the server that has the bytes, without queries), "headers": {name: value} of the last
/// answer [, "first_headers": {name: value} of the registry's own, when that was a redirect], "served_by": HOST[:PORT], the
/// registry's or a mirror's, null of another place}. Free with ocireg_string_free.
///
/// Errors: the common ones. Source: distribution-spec end-2.
#[no_mangle]
pub unsafe extern "C" fn ocireg_blob_head(
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
            |client| blob(client, reference),
            |client, call, blob, NoOptions {}| place::head_blob(client, call, &blob),
        )
    }
}

/// Gets a blob, named as for ocireg_blob_head, into a file. The file appears under its name only whole and verified, replacing
/// what was there, whose permissions it keeps where it was the caller's. Until then the bytes are in a hidden file beside it,
/// which a later call for the same blob and path continues after a broken transfer. Links are followed to what they name. A named
/// pipe, a character device, `-` (standard output) and the names of the process's own descriptors, such as /dev/stdout, are
/// written through, as by ocireg_blob_get_fd. Blocks.
///
/// Options: {SaveOptions} without limit
///
/// Result, `json` may be NULL: {"digest": string, "size": number or null (of the whole blob), "offset": number, "length": number
/// (bytes delivered), "verified": boolean (false for a piece), "resumed": number (how many of them an earlier call had left),
/// "served_by": HOST[:PORT], the registry's or a mirror's that sent it or its last part, null when nothing was requested, "path":
/// string, "skipped": boolean (the file was there already and nothing was requested: then all its bytes were left by an earlier
/// call)}. Free with ocireg_string_free.
///
/// Errors: the common ones; OCIREG_DIGEST_MISMATCH (after a second try), OCIREG_SIZE_MISMATCH, OCIREG_IO. Source:
/// distribution-spec end-2, RFC 9110 14 (ranges).
#[no_mangle]
pub unsafe extern "C" fn ocireg_blob_get_file(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    reference: *const c_char,
    path: *const c_char,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        call(
            (error, Json::optional(json), client, context, options),
            |client| {
                let blob = blob(client, reference)?;
                let path = string(path, "path")?;
                Ok((blob, path))
            },
            |client, call, (blob, path), options| place::get_blob_file(client, call, &blob, Path::new(&path), &options),
        )
    }
}

/// Gets a blob and writes it to a descriptor, which stays open. The bytes are written as they come: on an error,
/// OCIREG_DIGEST_MISMATCH too, what was written must not be trusted. It may be a file, a pipe, a socket or a terminal, with or without
/// O_NONBLOCK; while nothing reads from its other end, the call waits, and cancel, deadline and close end that wait like any other.
/// A reader that went away is OCIREG_IO with ocireg_error_errno EPIPE; no SIGPIPE comes. Blocks.
///
/// Options: {ReadOptions} without limit
///
/// Result, `json` may be NULL: as in ocireg_blob_get_file without "path" and "skipped". Free with ocireg_string_free.
///
/// Errors: those of ocireg_blob_get_file.
#[no_mangle]
pub unsafe extern "C" fn ocireg_blob_get_fd(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    reference: *const c_char,
    fd: i32,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        call(
            (error, Json::optional(json), client, context, options),
            |client| {
                let blob = blob(client, reference)?;
                let fd = descriptor_for(context, fd)?;
                Ok((blob, fd))
            },
            |client, call, (blob, fd), options| {
                let mut into = call.output(&fd)?;
                place::get_blob_to(client, call, &blob, &mut into, &options)
            },
        )
    }
}

/// Gets a blob into memory. Blocks.
///
/// Options: {ReadOptions}
///
/// Result: `bytes`, freed with ocireg_buffer_free; `json`, may be NULL: as in ocireg_blob_get_fd, freed with
/// ocireg_string_free.
///
/// Errors: those of ocireg_blob_get_file, and OCIREG_LIMIT_EXCEEDED.
#[no_mangle]
pub unsafe extern "C" fn ocireg_blob_get_memory(
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
            (error, (Json::optional(json), Bytes::required(bytes, "bytes")), client, context, options),
            |client| blob(client, reference),
            |client, call, blob, options| place::get_blob(client, call, &blob, &options),
        )
    }
}

/// Opens a blob for reading. The context, if given, also governs the reads. Close or free it before its end to stop the
/// transfer. Free with ocireg_blob_reader_free. Blocks.
///
/// Options: those of ocireg_blob_get_fd.
///
/// Errors: those of ocireg_blob_get_file.
#[no_mangle]
pub unsafe extern "C" fn ocireg_blob_open(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    reference: *const c_char,
    options: *const ocireg_options,
    reader: *mut *mut ocireg_blob_reader,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        call(
            (error, New::required(reader, "reader"), client, context, options),
            |client| blob(client, reference),
            |client, call, blob, options| place::open_blob(client, call, &blob, &options).map(OpenBlob::new),
        )
    }
}
