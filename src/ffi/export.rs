//! The file system of an image as one tar archive.

use std::ffi::{c_char, c_void};
use std::path::Path;

use super::argument::{null, string, text};
use super::borrow_or_copy::descriptor_for;
use super::byte_callbacks::{ocireg_write_fn, CallerSink};
use super::call::call;
use super::client::ocireg_client;
use super::context::ocireg_context;
use super::error::ocireg_error;
use super::options::ocireg_options;
use super::out::Json;
use super::status::ocireg_status;
use crate::image::export::{export_file_from, export_from};
use crate::place::Place;

/// Writes the file system of an image at any place (see ocireg_endpoint_parse) as one tar archive (POSIX pax) to a file: what is there
/// after the last layer. The file appears under its name only whole and verified, replacing what was there, as by
/// ocireg_blob_get_file; what is not a file is written through, as by ocireg_image_export_fd: the reader of a pipe gets its end, and no
/// whole archive, also when the place cannot be opened. A process that is killed meanwhile leaves a hidden file beside it
/// (`.` to `.partial`). Blocks.
///
/// The layers are read from the newest on, each once, and written as they come, without temporary files. An entry is in the archive
/// unless a newer layer has its name, removes it, or has something else in the place of a folder above it. Types, permissions with
/// set-user-ID, set-group-ID and sticky bit, numbers of owners, times with their parts of a second, devices and extended attributes
/// are as in the layer; names of owners are left out, which mean something only within the image. Whiteouts are not in it, nor is the
/// root. Names are relative, without `.` and `..`. Each folder follows everything in it, so that folders without write permission
/// can be unpacked. A folder that has no entry of its own in any layer has the mode 0755, and zeros for owner and time. A hard link
/// follows its target; where a newer layer hides that, the link has the bytes itself, for which its layer is read once more. What a layer
/// has twice is there twice, the last time as it should be. Files in folders with a name for marks of aufs (`.wh..wh.`) are left out.
///
/// What a layer has behind a link of an older layer, or has twice, as a folder with files in it and as something else, cannot be told
/// in this order and is OCIREG_UNSUPPORTED; ocireg_image_extract can do it. No more than 512 MiB of memory are used for names.
///
/// Options: {ExportOptions}
///
/// Result, `json` may be NULL: {"digest": string (the image's) [, "platform": {"os", "architecture", ...}] [, "path": string, of
/// ocireg_image_export_file], "layers": [{"digest": string, "diff_id": string, "diff_id_checked": boolean (false when the config does
/// not tell it)}], the oldest first, "files", "directories", "symlinks", "hard_links", "devices" (and pipes), "bytes" (of the files),
/// "size" (of the archive): numbers,
/// "served_by": [HOST[:PORT]] (the endpoints that sent manifests and blobs of it: the registry, its mirrors, or several of them)}. Free with
/// ocireg_string_free.
///
/// Progress: bytes of the layers, as they are stored.
///
/// Errors: the common ones; OCIREG_INVALID_MANIFEST when a layer is not a valid tar archive or a name leads out, OCIREG_DIGEST_MISMATCH,
/// OCIREG_LIMIT_EXCEEDED, OCIREG_UNSUPPORTED (another packing too), OCIREG_NOT_FOUND also when the index has no such
/// platform, OCIREG_MISSING_BLOB, OCIREG_IO. Source: image-spec layer.md.
#[no_mangle]
pub unsafe extern "C" fn ocireg_image_export_file(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    image: *const c_char,
    path: *const c_char,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        call(
            (error, Json::optional(json), client, context, options),
            |client| Ok((Place::named(client, text(&image, "image")?)?, string(path, "path")?)),
            |client, call, (place, path), options| {
                export_file_from(call, || place.source(client), Path::new(&path), &options)
            },
        )
    }
}

/// As ocireg_image_export_file, to a descriptor, which stays open and is as for ocireg_blob_get_fd. The bytes are written as they come:
/// on an error, OCIREG_DIGEST_MISMATCH and a place that cannot be opened too, what was written must not be trusted. As far as
/// more can be written, the archive then ends with an extended header that is cut short, or in the middle of a file: so tar and
/// others that read it fail too. Blocks.
///
/// Options, result and errors: those of ocireg_image_export_file.
#[no_mangle]
pub unsafe extern "C" fn ocireg_image_export_fd(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    image: *const c_char,
    fd: i32,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        call(
            (error, Json::optional(json), client, context, options),
            |client| Ok((Place::named(client, text(&image, "image")?)?, descriptor_for(context, fd)?)),
            |client, call, (place, fd), options| {
                let mut into = call.output(&fd)?;
                export_from(call, || place.source(client), &mut into, &options)
            },
        )
    }
}

/// As ocireg_image_export_fd, to a callback, which gets at most 256 KiB at a time, on this thread; of a job on one of the library's, until
/// OCIREG_EVENT_DONE (see ocireg_job). Blocks.
///
/// Options, result and errors: those of ocireg_image_export_file; OCIREG_CALLBACK.
#[no_mangle]
pub unsafe extern "C" fn ocireg_image_export_stream(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    image: *const c_char,
    callback: ocireg_write_fn,
    userdata: *mut c_void,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        call(
            (error, Json::optional(json), client, context, options),
            |client| {
                let place = Place::named(client, text(&image, "image")?)?;
                let write = callback.ok_or_else(|| null("callback"))?;
                Ok((place, CallerSink::new(write, userdata)))
            },
            |client, call, (place, mut into), options| export_from(call, || place.source(client), &mut into, &options),
        )
    }
}
