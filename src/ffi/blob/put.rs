//! Blobs put and deleted.

use std::ffi::{c_char, c_void};
use std::path::Path;

use crate::ffi::argument::{null, string, text};
use crate::ffi::borrow_or_copy::bytes_for;
use crate::ffi::byte_callbacks::{ocireg_read_fn, CallerSource};
use crate::ffi::call::call;
use crate::ffi::client::ocireg_client;
use crate::ffi::context::ocireg_context;
use crate::ffi::error::ocireg_error;
use crate::ffi::manifest::{holder, reference};
use crate::ffi::options::{ocireg_options, NoOptions};
use crate::ffi::out::Json;
use crate::ffi::status::ocireg_status;
use crate::place::{self, BlobName, Place};

/// Puts a file's bytes as a blob into [HOST[:PORT]/]REPOSITORY, oci:DIR, dir:DIR, oci-archive:FILE or docker-archive:FILE, unless
/// it is there already. A failure on the way is tried again from the start. Blocks. After OCIREG_TIMEOUT or OCIREG_CANCELLED the
/// outcome is unknown.
///
/// Options: {BlobPutOptions}
///
/// Into a layout or a dir:, which is made if it is not there, only digest and size count. The blob appears whole and verified, under its
/// digest. Until a manifest names it, cleaning the layout removes it (ocireg_layout_clean). The bytes are read, and have to be those of
/// the option digest, also when the place has that blob. A folder that has files and is neither a layout nor a dir: is refused. A killed
/// call may leave a hidden file (`.` to `.partial`) there, which a clean-up of the layout removes, and nothing in a dir:.
///
/// An archive, which is made if it is not there, is written anew with the blob and replaced whole: all of it is read, hashed and
/// written each time, within the timeout of the call, and the disk needs room for the old one, the new one and the blob once more.
/// For many blobs a layout is faster. What stays of the archive is as in ocireg_copy. The blob stays whatever else is put, copied, tagged
/// and taken away, until a manifest that needs it has come and gone; a copy of the images to a new file leaves it behind. A blob that the
/// archive has with another size or with wrong bytes is replaced. One that is damaged and that nothing names is left out whenever the
/// archive is written, with a warning; one that another image there needs stays as it is, with a warning too.
///
/// A registry that finds a blob too large for one request (413) gets it in chunks, smaller and smaller.
///
/// Result, `json` may be NULL: {"digest": string, "size": number, "location": string or null, "uploaded": boolean (false
/// when the registry had it, or it was mounted), "mounted": boolean}. Free with ocireg_string_free.
///
/// Errors: the common ones; OCIREG_IO, OCIREG_DIGEST_MISMATCH, OCIREG_SIZE_MISMATCH. Source: distribution-spec end-4a to
/// end-6.
#[no_mangle]
pub unsafe extern "C" fn ocireg_blob_put_file(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    repository: *const c_char,
    path: *const c_char,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        call(
            (error, Json::optional(json), client, context, options),
            |client| {
                let holder = holder(client, repository)?;
                let path = string(path, "path")?;
                Ok((holder, path))
            },
            |client, call, (holder, path), options| {
                place::put_blob_file(client, call, &holder, Path::new(&path), &options)
            },
        )
    }
}

/// Puts bytes in memory as a blob; as ocireg_blob_put_file. `data` may be NULL when `size` is 0.
///
/// Options, result and errors: those of ocireg_blob_put_file.
#[no_mangle]
pub unsafe extern "C" fn ocireg_blob_put_memory(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    repository: *const c_char,
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
                let holder = holder(client, repository)?;
                let data = bytes_for(context, data, size, "data")?;
                Ok((holder, data))
            },
            |client, call, (holder, data), options| place::put_blob(client, call, &holder, &data, &options),
        )
    }
}

/// Puts what a callback gives as a blob: in one request when size and digest are given, which cannot be made again when it fails, else in
/// chunks, each of which is kept until the registry has it, and is sent again. The callback runs on this thread; of a job on one of the
/// library's, until OCIREG_EVENT_DONE (see ocireg_job). Blocks.
///
/// Options: those of ocireg_blob_put_file.
///
/// Result and errors: those of ocireg_blob_put_file; OCIREG_CALLBACK.
#[no_mangle]
pub unsafe extern "C" fn ocireg_blob_put_stream(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    repository: *const c_char,
    callback: ocireg_read_fn,
    userdata: *mut c_void,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        call(
            (error, Json::optional(json), client, context, options),
            |client| {
                let holder = holder(client, repository)?;
                let read = callback.ok_or_else(|| null("callback"))?;
                Ok((holder, CallerSource::new(read, userdata)))
            },
            |client, call, (holder, source), options| {
                place::put_blob_stream(client, call, &holder, &mut source.of(call), &options)
            },
        )
    }
}

/// Copies one blob from a place to another, as ocireg_copy does with those of an image, and nothing else: from a registry into a layout,
/// say, for a program that puts the manifest there itself (ocireg_manifest_put). `source` names a blob as for ocireg_blob_head,
/// `destination` a repository or place as for ocireg_blob_put_file. It passes in pieces, and is verified; within a registry it is
/// mounted where that can be; what an ended call has moved into a layout, a dir: or an archive, the next one does not move again, of
/// an archive as long as it was not written meanwhile. What a
/// layout, archive or dir: has must be of the option's size, and at most max_blob_bytes (ocireg_client_new), before anything is made.
/// Blocks. After OCIREG_TIMEOUT or OCIREG_CANCELLED the outcome is unknown.
///
/// Options: {BlobCopyOptions}
///
/// Result, `json` may be NULL: {"source": string, "destination": string, "digest": string, "size": number, "uploaded": boolean (false
/// when the destination had it, or it was mounted), "mounted": boolean, "resumed": number (how many bytes an earlier call had
/// moved), "served_by": [HOST[:PORT]] (the endpoints that told its size or sent it: the source's registry, its mirrors, or several of
/// them)}. Free with ocireg_string_free.
///
/// Errors: those of ocireg_blob_put_file, with "side" "source" or "destination"; OCIREG_MISSING_BLOB when the source has no such blob.
/// Source: distribution-spec "Pulling blobs", "Pushing blobs".
#[no_mangle]
pub unsafe extern "C" fn ocireg_blob_copy(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    source: *const c_char,
    destination: *const c_char,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        call(
            (error, Json::optional(json), client, context, options),
            |client| {
                let source = BlobName::named(client, text(&source, "source")?)?;
                let destination = Place::holder(client, text(&destination, "destination")?)?;
                Ok((source, destination))
            },
            |client, call, (source, destination), options| {
                place::copy_blob(client, call, &source, &destination, &options)
            },
        )
    }
}

/// Deletes a blob, HOST[:PORT]/REPOSITORY@DIGEST. Blocks.
///
/// Options: none.
///
/// Result, `json` may be NULL: {"status": the registry's HTTP status}. Free with ocireg_string_free.
///
/// Errors: the common ones; OCIREG_UNSUPPORTED. Source: distribution-spec end-10.
#[no_mangle]
pub unsafe extern "C" fn ocireg_blob_delete(
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
            |client| self::reference(client, reference),
            |client, call, reference, NoOptions {}| client.delete_blob(call, &reference),
        )
    }
}
