//! Artifacts.

use std::ffi::{c_char, c_void};
use std::path::Path;
use std::sync::Mutex;

use super::argument::{bytes, null, string, text};
use super::byte_callbacks::{ocireg_read_fn, CallerSource};
use super::call::call;
use super::client::ocireg_client;
use super::context::ocireg_context;
use super::entry::enter;
use super::error::ocireg_error;
use super::handle::{self, opaque, Handle};
use super::options::{self, ocireg_options};
use super::out::{Json, New};
use super::panics::quietly;
use super::status::ocireg_status;
use crate::artifact::{waiting, Artifact, StreamPartOptions};
use crate::error::Result;
use crate::mutex::lock;
use crate::place::{attach_artifact, pull_artifact, push_artifact, Place};
use crate::registry::Client;

/// What an artifact is to be made of: files, folders, and bytes. It is read by ocireg_artifact_push and ocireg_artifact_attach,
/// any number of times, and belongs to no client.
pub(super) struct ocireg_artifact(Handle<Mutex<Artifact>>);

opaque!(ocireg_artifact, Mutex<Artifact>, 0x6f63_6972_6567_000c);

unsafe fn change(artifact: *mut ocireg_artifact, change: impl FnOnce(&mut Artifact) -> Result<()>) -> Result<()> {
    let artifact = unsafe { handle::get(artifact, "artifact") }?;
    let mut artifact = lock(&artifact);
    change(&mut artifact)
}

unsafe fn given(client: &Client, artifact: *const ocireg_artifact, place: *const c_char) -> Result<(Artifact, Place)> {
    let artifact = lock(&*unsafe { handle::get(artifact, "artifact") }?).clone();
    Ok((artifact, Place::named(client, unsafe { text(&place, "place") }?)?))
}

/// Makes an artifact without parts. Free with ocireg_artifact_free.
///
/// Errors: OCIREG_INVALID_ARGUMENT.
#[no_mangle]
pub unsafe extern "C" fn ocireg_artifact_new(
    artifact: *mut *mut ocireg_artifact,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe { enter(error, New::required(artifact, "artifact"), || Ok(Mutex::default())) }
}

/// Adds a file or a folder, by its path; it is read when the artifact is pushed. A regular file, through whatever links, has to
/// stay as it is meanwhile, else OCIREG_IO. A folder is packed as a tar of regular files, folders and symbolic links, with gzip
/// and the annotations that let ocireg_artifact_pull and oras unpack it; anything else in it, and a link that leads out of it, is
/// refused. `-` is standard input; that, a named pipe and a character device are read to their ends by the first push, and wait in
/// a temporary file until the artifact is freed. Any thread.
///
/// Options: {PartOptions}
///
/// Errors: OCIREG_INVALID_ARGUMENT, OCIREG_FORKED.
#[no_mangle]
pub unsafe extern "C" fn ocireg_artifact_add_file(
    artifact: *mut ocireg_artifact,
    path: *const c_char,
    options: *const ocireg_options,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        enter(error, (), || {
            let (path, options) = (text(&path, "path")?, options::read(options)?);
            change(artifact, |artifact| artifact.add_path(path, options))
        })
    }
}

/// Adds bytes in memory, which are copied. `data` may be NULL when `size` is 0. Any thread.
///
/// Options: those of ocireg_artifact_add_file.
///
/// Errors: OCIREG_INVALID_ARGUMENT, OCIREG_FORKED.
#[no_mangle]
pub unsafe extern "C" fn ocireg_artifact_add_memory(
    artifact: *mut ocireg_artifact,
    data: *const u8,
    size: usize,
    options: *const ocireg_options,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        enter(error, (), || {
            let (data, options) = (bytes(data, size, "data")?, options::read(options)?);
            change(artifact, |artifact| artifact.add_bytes(data.to_vec().into(), options))
        })
    }
}

/// Adds everything that a callback gives, which is called on this thread until it returns 0. The bytes wait in a temporary file
/// until the artifact is freed.
///
/// Options: {StreamPartOptions}
///
/// Errors: OCIREG_INVALID_ARGUMENT, OCIREG_CALLBACK, OCIREG_IO, OCIREG_LIMIT_EXCEEDED, OCIREG_FORKED.
#[no_mangle]
pub unsafe extern "C" fn ocireg_artifact_add_stream(
    artifact: *mut ocireg_artifact,
    callback: ocireg_read_fn,
    userdata: *mut c_void,
    options: *const ocireg_options,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        enter(error, (), || {
            change(artifact, |_| Ok(()))?;
            let read = callback.ok_or_else(|| null("callback"))?;
            let options: StreamPartOptions = options::read(options)?;
            let item = waiting(&mut CallerSource::new(read, userdata), &options.temporary)?;
            change(artifact, |artifact| artifact.add_waiting(item, options.part))
        })
    }
}

/// Frees an artifact. NULL is allowed.
#[no_mangle]
pub unsafe extern "C" fn ocireg_artifact_free(artifact: *mut ocireg_artifact) {
    quietly((), || unsafe { handle::free(artifact) });
}

/// Makes an artifact of its parts and puts it where a place says (see ocireg_endpoint_parse): blobs first, several at once, and
/// the manifest last, under the place's tag or name. It is what `oras push` makes of the same files and types, byte for byte, but
/// for the time of its making, which is left out unless annotations has org.opencontainers.image.created, and for the tars of
/// folders. The same parts give the same artifact. `artifact` may be changed and pushed again afterwards. Blocks. After
/// OCIREG_TIMEOUT or OCIREG_CANCELLED the outcome is unknown.
///
/// Options: {ArtifactPushOptions}
///
/// Result, `json` may be NULL: {"destination": string, "digest": string, "mediaType": string, "size": number (of the manifest),
/// "artifactType": string or null, "config": descriptor, "layers": [descriptor], "subject": descriptor or null, "blobs": as in
/// ocireg_copy, "skipped": [string], "condition": string or null, as in ocireg_copy, "served_by": [HOST[:PORT]] (the endpoint that
/// sent the subject's manifest); what was left as it is has no size, config and layers}. Free with ocireg_string_free.
///
/// Errors: the common ones; OCIREG_INVALID_ARGUMENT for titles that cannot both be, OCIREG_IO for what cannot be read or changes
/// meanwhile, OCIREG_DIGEST_MISMATCH as in ocireg_copy, OCIREG_LIMIT_EXCEEDED, OCIREG_NOT_FOUND without the subject,
/// OCIREG_UNSUPPORTED for docker-archive and docker-v1. Source: image-spec manifest.md "Guidelines for Artifact Usage".
#[no_mangle]
pub unsafe extern "C" fn ocireg_artifact_push(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    artifact: *const ocireg_artifact,
    place: *const c_char,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        call(
            (error, Json::optional(json), client, context, options),
            |client| given(client, artifact, place),
            |client, call, (artifact, place), options| push_artifact(client, call, &artifact, &place, &options),
        )
    }
}

/// Makes an artifact that refers to what a place names (see ocireg_endpoint_parse), its subject, and puts it into the same
/// repository or layout, under its digest alone: ocireg_referrers finds it. At a registry without the referrers API it gets
/// onto the list under the referrers tag. Blocks. After OCIREG_TIMEOUT or OCIREG_CANCELLED the outcome is unknown.
///
/// Options: {ArtifactAttachOptions}
///
/// Result, `json` may be NULL: as in ocireg_artifact_push. Free with ocireg_string_free.
///
/// Errors: those of ocireg_artifact_push; OCIREG_INVALID_ARGUMENT also for an artifact without files, annotations and a config;
/// OCIREG_UNSUPPORTED also for a dir:. Source: distribution-spec "Pushing Manifests with Subject".
#[no_mangle]
pub unsafe extern "C" fn ocireg_artifact_attach(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    artifact: *const ocireg_artifact,
    place: *const c_char,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        call(
            (error, Json::optional(json), client, context, options),
            |client| given(client, artifact, place),
            |client, call, (artifact, place), options| attach_artifact(client, call, &artifact, &place, &options),
        )
    }
}

/// Pulls the files of an artifact at any place (see ocireg_endpoint_parse), made by oras or another program, into a folder, which
/// is created if it does not exist. Each gets its title as name, in folders where that has slashes; a folder that was packed is
/// unpacked. Everything is kept in a private folder in that one, .ocireg-pull, until all of it is there, verified and unpacked.
/// Only then each file gets its name, whole, and replaces what has that name; folders that are there get the files that are new.
/// What a broken pull has left there, whole blobs and parts, the next one goes on with. What belongs on another disk, which is mounted in
/// the folder, is copied there before that, into a private folder .ocireg-pull-disk-NUMBER, which the next pull empties and uses if the
/// process was killed; so a full disk leaves the old files. Nothing is written outside of the folder. Titles that are absolute, lead
/// upwards, contain control characters, are the same or in one another are refused before anything is fetched. Links in the folder are
/// followed within it; one that leads out of it is OCIREG_IO, and so is, in a folder that all users may write to, one of another
/// user than its owner. A symbolic link that leads out of a packed folder is refused. Special files are replaced by nothing; a
/// file that replaces one of the caller's keeps its permissions. Other pulls into the same folder wait. Blocks.
///
/// Options: {ArtifactPullOptions}
///
/// Result, `json` may be NULL: {"source": string, "digest": string, "mediaType": string, "artifactType": string or null, "path":
/// string (the folder), "files": [{"title": string, "path": string, "digest": string, "size": number, "mediaType": string (of its
/// blob), "unpacked": boolean (a folder), "kept": boolean (it was there, with keep_old)}], "skipped": [{"digest", "size",
/// "mediaType", "title": string or null, "reason": "no title" or "not wanted"}], "kept": number (names left as they are, those in
/// folders too), "bytes_resumed": number (left by earlier calls), "served_by": [HOST[:PORT]] (the endpoints that sent its manifests
/// and blobs: the registry, its mirrors, or several of them)}. Free with ocireg_string_free.
///
/// Progress: bytes of the blobs.
///
/// Errors: the common ones; OCIREG_INVALID_MANIFEST for titles and archives that cannot be, OCIREG_NOT_FOUND also when titles or
/// media_types choose nothing, OCIREG_DIGEST_MISMATCH, OCIREG_SIZE_MISMATCH, OCIREG_MISSING_BLOB, OCIREG_LIMIT_EXCEEDED,
/// OCIREG_UNSUPPORTED (another packing), OCIREG_IO. Source: image-spec annotations.md.
#[no_mangle]
pub unsafe extern "C" fn ocireg_artifact_pull(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    place: *const c_char,
    folder: *const c_char,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        call(
            (error, Json::optional(json), client, context, options),
            |client| {
                let place = Place::named(client, text(&place, "place")?)?;
                Ok((place, string(folder, "folder")?))
            },
            |client, call, (place, folder), options| pull_artifact(client, call, &place, Path::new(&folder), &options),
        )
    }
}
