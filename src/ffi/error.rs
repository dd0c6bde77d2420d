//! Errors as C sees them.

use std::ffi::{c_char, CString};

use super::handle::{self, opaque, Handle};
use super::panics::quietly;
use super::status::{ocireg_status, OCIREG_INVALID_ARGUMENT};
use crate::error::Error;

/// What went wrong in one call. Read-only, so any threads may read it at once. It holds no secret: URLs are without
/// userinfo and query, and no credential or token is ever part of a text.
pub(super) struct ocireg_error(Handle<Told>);

/// The error, and its texts as C reads them.
pub(super) struct Told {
    error: Error,
    message: CString,
    hint: Option<CString>,
    json: CString,
}

opaque!(ocireg_error, Told, 0x6f63_6972_6567_0006, survives_fork: true);

impl ocireg_error {
    /// An error for the caller.
    pub(super) fn new(error: Error) -> *mut ocireg_error {
        handle::new(ocireg_error::content(error))
    }

    /// What the handle of an error holds.
    pub(super) fn content(error: Error) -> Told {
        let message = c_text(error.message());
        let hint = error.hint().map(c_text);
        let json = c_text(&crate::json::text(&error.to_json()).unwrap_or_default());
        Told { error, message, hint, json }
    }
}

fn c_text(text: &str) -> CString {
    CString::new(text.replace('\0', "\u{fffd}")).unwrap_or_default()
}

/// The code of an error: the same number that the call returned. OCIREG_INVALID_ARGUMENT for NULL.
#[no_mangle]
pub unsafe extern "C" fn ocireg_error_code(error: *const ocireg_error) -> ocireg_status {
    unsafe { handle::peek(error) }.map_or(OCIREG_INVALID_ARGUMENT, |error| error.error.code().number())
}

/// The name of an error's code, such as "NOT_FOUND". Static: never freed. NULL for NULL.
#[no_mangle]
pub unsafe extern "C" fn ocireg_error_name(error: *const ocireg_error) -> *const c_char {
    unsafe { handle::peek(error) }.map_or(std::ptr::null(), |error| error.error.code().c_name().as_ptr())
}

/// A text in English that names what was wrong. Borrowed until the error is freed. NULL for NULL.
#[no_mangle]
pub unsafe extern "C" fn ocireg_error_message(error: *const ocireg_error) -> *const c_char {
    unsafe { handle::peek(error) }.map_or(std::ptr::null(), |error| error.message.as_ptr())
}

/// What to do about an error, in English: "check the user name and the password". Borrowed until the error is freed. NULL when there is
/// nothing to say, and for NULL.
#[no_mangle]
pub unsafe extern "C" fn ocireg_error_hint(error: *const ocireg_error) -> *const c_char {
    unsafe { handle::peek(error) }.and_then(|error| error.hint.as_ref()).map_or(std::ptr::null(), |hint| hint.as_ptr())
}

/// The system's number for what failed at a file or descriptor, as in errno.h, such as ENOSPC, or EPIPE when the reader of a pipe went
/// away; 0 when there is none, and for NULL.
#[no_mangle]
pub unsafe extern "C" fn ocireg_error_errno(error: *const ocireg_error) -> i32 {
    unsafe { handle::peek(error) }.and_then(|error| error.error.errno()).unwrap_or(0)
}

/// The HTTP status of the answer that failed the call; 0 when there was none, and for NULL.
#[no_mangle]
pub unsafe extern "C" fn ocireg_error_http_status(error: *const ocireg_error) -> i32 {
    unsafe { handle::peek(error) }.and_then(|error| error.error.http_status()).map_or(0, i32::from)
}

/// The whole error as JSON. Borrowed until the error is freed. NULL for NULL.
///
/// {"code": number, "name": string, "message": string, "hint": string or null (what to do about it), "side": "source",
/// "destination" or null, "errno": number or null (as ocireg_error_errno), "http_status": number or null, "registry_errors":
/// [{"code", "message"[, "detail"]}] (the registry's own words), "url": string or null, "attempts": number (how often the request
/// was sent), "retryable": boolean (the same call may succeed later), "retry_after": seconds or null, "rate_limit": of
/// OCIREG_RATE_LIMITED what the registry says, as in ocireg_manifest_get, else null, "conflict": {"name", "digest": string or
/// null} or null (the tag or name that was not to be set, and what it refers to now), "cause": [string] (the errors underneath,
/// outermost first)}
#[no_mangle]
pub unsafe extern "C" fn ocireg_error_json(error: *const ocireg_error) -> *const c_char {
    unsafe { handle::peek(error) }.map_or(std::ptr::null(), |error| error.json.as_ptr())
}

/// Frees an error. NULL is accepted, and anything that is not an error is ignored.
#[no_mangle]
pub unsafe extern "C" fn ocireg_error_free(error: *mut ocireg_error) {
    quietly((), || unsafe { handle::free(error) });
}
