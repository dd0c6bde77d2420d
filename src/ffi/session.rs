//! The steps of an upload as calls of their own, and mounts.

use std::ffi::c_char;

use super::argument::{optional_text, text};
use super::borrow_or_copy::bytes_for;
use super::call::call;
use super::client::ocireg_client;
use super::context::ocireg_context;
use super::error::ocireg_error;
use super::manifest::{reference, repository};
use super::options::{ocireg_options, NoOptions};
use super::out::Json;
use super::status::ocireg_status;
use crate::digest::Digest;
use crate::error::Result;
use crate::registry::upload::session::SavedSession;

unsafe fn session(argument: *const c_char) -> Result<SavedSession> {
    SavedSession::parse(unsafe { text(&argument, "session") }?)
}

/// Opens an upload session in [HOST[:PORT]/]REPOSITORY, to be continued by the ocireg_upload_session_ functions, by this
/// process or another: keep the result. Nothing is cancelled automatically; a registry lets a forgotten session expire.
/// For an upload that is simply fed with bytes see ocireg_upload_start. Blocks.
///
/// Options: {StartOptions}
///
/// Result, a session: {"url": string (absolute; any client that has it may be able to write to the session), "repository": string,
/// "offset":
/// number (bytes that the registry has), "min_chunk_size": number (the registry's OCI-Chunk-Min-Length; every chunk but the last must be
/// that long; 0: any)}. Free with ocireg_string_free.
///
/// Errors: the common ones. Source: distribution-spec end-4a; 1.2 end-4c.
#[no_mangle]
pub unsafe extern "C" fn ocireg_upload_session_start(
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
            |client, call, repository, options| client.session_start(call, &repository, &options),
        )
    }
}

/// Asks a registry how far a session is. `session` is the JSON of an earlier call, or the bare URL of a session at
/// HOST/v2/REPOSITORY/blobs/uploads/. Blocks.
///
/// Options: none.
///
/// Result: the session as it stands, to be used from now on; its url may have changed. A registry that answers with the range
/// 0-0 has one byte or none; it is taken for none when the session that was given has the offset 0. Free with ocireg_string_free.
///
/// Errors: the common ones; OCIREG_NOT_FOUND when the registry has forgotten the session; OCIREG_INVALID_ARGUMENT when `session` is
/// neither. Source: distribution-spec end-13.
#[no_mangle]
pub unsafe extern "C" fn ocireg_upload_session_status(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    session: *const c_char,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        call(
            (error, Json::required(json), client, context, options),
            |_| self::session(session),
            |client, call, session, NoOptions {}| client.session_status(call, &session),
        )
    }
}

/// Sends the next bytes of a session, in smaller pieces where the registry finds them too many at once. A chunk that breaks is
/// continued where the registry has it. Blocks.
///
/// Options: {ChunkOptions}
///
/// Result: the session behind the chunk, as in ocireg_upload_session_start. Free with ocireg_string_free.
///
/// Errors: the common ones; OCIREG_INVALID_ARGUMENT for an empty chunk, OCIREG_PROTOCOL when the registry is at another offset. After an
/// error ocireg_upload_session_status tells where to go on. Source: distribution-spec end-5.
#[no_mangle]
pub unsafe extern "C" fn ocireg_upload_session_chunk(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    session: *const c_char,
    data: *const u8,
    size: usize,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        call(
            (error, Json::required(json), client, context, options),
            |_| {
                let session = self::session(session)?;
                let data = bytes_for(context, data, size, "data")?;
                Ok((session, data))
            },
            |client, call, (session, data), options| client.session_chunk(call, &session, &data, &options),
        )
    }
}

/// Ends a session: the blob exists from now on, if its bytes have this digest; the registry checks that. `data` are the last
/// bytes, if there are any left. Blocks. After OCIREG_TIMEOUT or OCIREG_CANCELLED the outcome is unknown.
///
/// Options: none.
///
/// Result, `json` may be NULL: as in ocireg_blob_put_file, its size counted from the session's offset. Free with ocireg_string_free.
///
/// Errors: the common ones; OCIREG_HTTP or OCIREG_DIGEST_MISMATCH when the bytes have another digest. Source: distribution-spec end-6.
#[no_mangle]
pub unsafe extern "C" fn ocireg_upload_session_finish(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    session: *const c_char,
    digest: *const c_char,
    data: *const u8,
    size: usize,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        call(
            (error, Json::optional(json), client, context, options),
            |_| {
                let session = self::session(session)?;
                let digest: Digest = text(&digest, "digest")?.parse()?;
                let last = bytes_for(context, data, size, "data")?;
                Ok((session, digest, last))
            },
            |client, call, (session, digest, last), NoOptions {}| client.session_finish(call, &session, &digest, &last),
        )
    }
}

/// Gives a session up. No error where the registry has no way to cancel, or has forgotten it. Blocks.
///
/// Options: none.
///
/// Errors: the common ones. Source: distribution's API, "Canceling an upload"; distribution-spec 1.2 end-14.
#[no_mangle]
pub unsafe extern "C" fn ocireg_upload_session_cancel(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    session: *const c_char,
    options: *const ocireg_options,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        call(
            (error, (), client, context, options),
            |_| self::session(session),
            |client, call, session, NoOptions {}| client.session_cancel(call, &session),
        )
    }
}

/// Makes a blob, HOST[:PORT]/REPOSITORY@DIGEST, out of the same blob in another repository of that registry, without moving its
/// bytes. `from` is that repository, with its host; NULL asks the registry to find the blob itself. That a registry declines is not an
/// error. Blocks.
///
/// Options: {MountOptions}
///
/// Result, `json` may be NULL: {"mounted": boolean, "digest": string, "location": string or null, "session": a session, as in
/// ocireg_upload_session_start, or null}. Free with ocireg_string_free.
///
/// Errors: the common ones; OCIREG_INVALID_ARGUMENT when `from` is at another registry. Source: distribution-spec end-11.
#[no_mangle]
pub unsafe extern "C" fn ocireg_blob_mount(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    reference: *const c_char,
    from: *const c_char,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        call(
            (error, Json::optional(json), client, context, options),
            |client| {
                let reference = self::reference(client, reference)?;
                let from = optional_text(&from, "from")?.map(|name| client.repository(name)).transpose()?;
                Ok((reference, from))
            },
            |client, call, (reference, from), options| client.mount_blob(call, &reference, from.as_ref(), &options),
        )
    }
}
