//! The files of images.

use std::ffi::c_char;
use std::path::Path;

use super::argument::{string, text};
use super::borrow_or_copy::descriptor_for;
use super::call::call;
use super::client::ocireg_client;
use super::context::ocireg_context;
use super::error::ocireg_error;
use super::options::ocireg_options;
use super::out::Json;
use super::status::ocireg_status;
use crate::image::cat::cat;
use crate::image::extract::extract_through;
use crate::image::files::files;
use crate::place::Place;

/// Extracts the files of an image at any place (see ocireg_endpoint_parse) into a folder, which is created if it does not exist.
/// The layers are applied from the oldest on, packed by gzip, zstd or not at all, with their whiteouts, hard and symbolic links,
/// permissions and times. Nothing is written outside of the folder, whatever the layers say: names that lead out are refused,
/// links are followed as if the folder were the root. Layers are verified by digest, and against the config's diff_ids.
/// With overwrite, what the image has as a folder is a folder afterwards, in whatever order its entries come: a link or a file that was
/// there before the call is not followed but replaced by it, and nothing behind such a link is changed. The image's own links are followed.
/// Neither the folder nor a file in it is reached through a link that, in a folder that all users may write to, another user than
/// its owner has. After an error it holds a part. The holes of sparse files (GNU tar's old form, and its versions 0.0, 0.1 and
/// 1.0 in POSIX headers) are written as zeros, which count to max_bytes and max_ratio. Extended attributes are left out. Blocks.
///
/// Options: {ExtractOptions}
///
/// With paths, as ocireg_image_files lists them (links are not followed), only what they name is written, with everything below it and
/// the folders above it, which get the modes of the image. The layers are read from the newest on, as by ocireg_image_export_file,
/// to their ends. Where each path is exactly one file, they are read no further than to the one that has the last of the paths.
/// What is written waits in a temporary file (the client's temporary_dir) until all of it is there and verified, so that any
/// failure leaves the folder as it was but one of writing itself. A path that names nothing is OCIREG_NOT_FOUND.
///
/// Result, `json` may be NULL: {"digest": string (the image's) [, "platform": {"os", "architecture", ...}], "path": string,
/// "layers": [{"digest": string, "diff_id": string, "diff_id_checked": boolean (false when the config does not tell it)}],
/// the oldest first, of those that were read, "files", "directories", "symlinks", "hard_links", "devices", "skipped" (devices and pipes
/// left out), "whiteouts" (0 with paths), "bytes" (of the files): numbers,
/// "served_by": [HOST[:PORT]] (the endpoints that sent manifests and blobs of it: the registry, its mirrors, or several of them)}. Free with
/// ocireg_string_free.
///
/// Progress: bytes of the layers, as they are stored.
///
/// Errors: the common ones; OCIREG_IO, also when the folder is not empty, OCIREG_INVALID_MANIFEST when a layer is not a valid tar
/// archive or a name leads out, OCIREG_DIGEST_MISMATCH, OCIREG_LIMIT_EXCEEDED, OCIREG_UNSUPPORTED (another packing;
/// with paths, what cannot be told from the newest layer on), OCIREG_NOT_FOUND also when the index has no such platform,
/// OCIREG_MISSING_BLOB. Source: image-spec layer.md.
#[no_mangle]
pub unsafe extern "C" fn ocireg_image_extract(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    image: *const c_char,
    folder: *const c_char,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        call(
            (error, Json::optional(json), client, context, options),
            |client| {
                let place = Place::named(client, text(&image, "image")?)?;
                let folder = string(folder, "folder")?;
                Ok((place, folder))
            },
            |client, call, (place, folder), options| {
                let store = place.source(client)?;
                extract_through(call, store.as_ref(), Path::new(&folder), &options, &client.temporary_space())
            },
        )
    }
}

/// The files of an image at any place (see ocireg_endpoint_parse), as ocireg_image_extract would leave them: what is there after
/// the last layer, whiteouts heeded and links on the way followed. Nothing is written. Layers are read to their ends and verified
/// by digest, and against the config's diff_ids. Blocks.
///
/// Options: {FilesOptions}
///
/// Result: {"digest": string (the image's) [, "platform": {"os", "architecture", ...}], "layers": [{"digest": string, "diff_id":
/// string, "diff_id_checked": boolean (false when the config does not tell it)}], the oldest first, "bytes": number (of the
/// regular files), "files": [{"path": string (from "/" on; bytes that are not UTF-8 are replaced by U+FFFD), "type": "file",
/// "directory", "symlink", "hardlink", "character", "block" or "fifo", "size": number (0 but for files and hard links), "mode":
/// number (permissions, with set-user-ID, set-group-ID and sticky bit), "uid": number, "gid": number, "mtime": number (seconds
/// since 1970), "link": string or null (what a symbolic link says; the name that a hard link was made of, which later layers may
/// have changed or removed) [, "device": {"major": number, "minor": number}, of a device], "layer": string (the digest of the
/// layer that it is from)}],
/// "served_by": [HOST[:PORT]] (the endpoints that sent manifests and blobs of it: the registry, its mirrors, or several of them)}, the files
/// sorted by the bytes of their paths, the root left out. A folder that the layers name only in the
/// paths of others has the mode 0755 and zeros. A sparse file has its whole size, but its holes do not count to max_bytes and max_ratio,
/// as they do where the file is read: what ocireg_image_extract refuses for them is listed. Free with ocireg_string_free.
///
/// With paths only what they name is listed, with everything below it and the folders above it. The layers are read from the newest on,
/// as ocireg_image_extract does with paths, and "layers" has those that were read. Which of the names of a hard link is the file may
/// differ from the whole list; what cannot be told from the newest layer on is OCIREG_UNSUPPORTED.
///
/// Progress: bytes of the layers, as they are stored.
///
/// Errors: the common ones; OCIREG_INVALID_MANIFEST when a layer is not a valid tar archive or a name leads out, OCIREG_DIGEST_MISMATCH,
/// OCIREG_LIMIT_EXCEEDED (also when the names need more than 512 MiB of memory), OCIREG_UNSUPPORTED (another
/// packing), OCIREG_NOT_FOUND also when the index has no such platform, or a path names nothing, OCIREG_MISSING_BLOB. Source: image-spec layer.md.
#[no_mangle]
pub unsafe extern "C" fn ocireg_image_files(
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
                files(call, store.as_ref(), &options)
            },
        )
    }
}

/// Writes one file of an image at any place (see ocireg_endpoint_parse) to a descriptor, which stays open: the bytes that
/// ocireg_image_extract would leave there. Layers are read from the newest on until no older one can change what is there, as
/// ocireg_image_export and ocireg_image_extract with paths do, and what cannot be told in that order is OCIREG_UNSUPPORTED: that a layer has
/// files behind a link of an older layer, or the file twice, if only behind a link. Symbolic links are followed within the image, at most 40,
/// to a file that is looked for in all layers again. The bytes are written as they come: on an error, OCIREG_DIGEST_MISMATCH too, what
/// was written must not be trusted. The descriptor is as for ocireg_blob_get_fd. Blocks.
///
/// Options: {CatOptions}
///
/// Result, `json` may be NULL: {"digest": string (the image's) [, "platform": {"os", "architecture", ...}], "path": string (behind all
/// symbolic links), "size": number, "mode": number, "layer": string (the digest of the layer that has its bytes), "verified": boolean,
/// "served_by": [HOST[:PORT]] (the endpoints that sent manifests and blobs of it: the registry, its mirrors, or several of them)}.
/// Free with ocireg_string_free.
///
/// Errors: the common ones; OCIREG_NOT_FOUND, OCIREG_INVALID_ARGUMENT when it is not a regular file, OCIREG_INVALID_MANIFEST when
/// a layer is not a valid tar archive, OCIREG_DIGEST_MISMATCH, OCIREG_LIMIT_EXCEEDED, OCIREG_UNSUPPORTED,
/// OCIREG_MISSING_BLOB, OCIREG_IO. Source: image-spec layer.md.
#[no_mangle]
pub unsafe extern "C" fn ocireg_image_cat(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    image: *const c_char,
    path: *const c_char,
    fd: i32,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        call(
            (error, Json::optional(json), client, context, options),
            |client| {
                let place = Place::named(client, text(&image, "image")?)?;
                let path = string(path, "path")?;
                Ok((place, path, descriptor_for(context, fd)?))
            },
            |client, call, (place, path, fd), options| {
                let store = place.source(client)?;
                let mut into = call.output(&fd)?;
                cat(call, store.as_ref(), &path, &mut into, &options)
            },
        )
    }
}
