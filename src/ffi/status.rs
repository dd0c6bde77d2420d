//! The status codes.

use std::ffi::c_char;

use crate::error::Code;

/// The result of a call: OCIREG_OK or one of the codes below. A plain integer, so that new codes break no program.
pub type ocireg_status = i32;

/// Success.
pub const OCIREG_OK: ocireg_status = 0;
/// An argument or option is NULL, unknown, of the wrong type or out of range; the message names it.
pub const OCIREG_INVALID_ARGUMENT: ocireg_status = 1;
/// A name, tag or digest is malformed; the message says what is wrong with it.
pub const OCIREG_INVALID_REFERENCE: ocireg_status = 2;
/// The registry wants credentials, or does not take these.
pub const OCIREG_UNAUTHENTICATED: ocireg_status = 3;
/// The credentials are valid, but do not allow this.
pub const OCIREG_FORBIDDEN: ocireg_status = 4;
/// There is no such repository, tag, manifest, blob or platform.
pub const OCIREG_NOT_FOUND: ocireg_status = 5;
/// The registry cannot or will not do this.
pub const OCIREG_UNSUPPORTED: ocireg_status = 6;
/// Too many requests; the error's retry_after says when to come back, if the registry did.
pub const OCIREG_RATE_LIMITED: ocireg_status = 7;
/// No connection to the host.
pub const OCIREG_CONNECT: ocireg_status = 8;
/// The TLS handshake failed: certificate, name, date or protocol.
pub const OCIREG_TLS: ocireg_status = 9;
/// The deadline has passed, or the server was silent or too slow. After a write the outcome is unknown.
pub const OCIREG_TIMEOUT: ocireg_status = 10;
/// The context was cancelled. After a write the outcome is unknown.
pub const OCIREG_CANCELLED: ocireg_status = 11;
/// A redirect, upload location or token server was refused: a loop, too many, a downgrade, or an address that a server may not name.
pub const OCIREG_REDIRECT: ocireg_status = 12;
/// The server's answer breaks the protocol.
pub const OCIREG_PROTOCOL: ocireg_status = 13;
/// The bytes do not have the digest that they should have, or a name refers to another one than the call allows.
pub const OCIREG_DIGEST_MISMATCH: ocireg_status = 14;
/// There are more or fewer bytes than there should be.
pub const OCIREG_SIZE_MISMATCH: ocireg_status = 15;
/// Something is larger than its limit.
pub const OCIREG_LIMIT_EXCEEDED: ocireg_status = 16;
/// A manifest is malformed, ambiguous, or of a kind that was not accepted.
pub const OCIREG_INVALID_MANIFEST: ocireg_status = 17;
/// A schema-1 signature is missing or wrong.
pub const OCIREG_SIGNATURE: ocireg_status = 18;
/// A manifest names a blob that the registry does not have.
pub const OCIREG_MISSING_BLOB: ocireg_status = 19;
/// The server failed (5xx), retries spent.
pub const OCIREG_SERVER: ocireg_status = 20;
/// Any other HTTP error (4xx).
pub const OCIREG_HTTP: ocireg_status = 21;
/// A local file or descriptor failed.
pub const OCIREG_IO: ocireg_status = 22;
/// A callback of the caller stopped the call.
pub const OCIREG_CALLBACK: ocireg_status = 23;
/// The handle belongs to the parent of this forked process.
pub const OCIREG_FORKED: ocireg_status = 24;
/// The handle is closed.
pub const OCIREG_CLOSED: ocireg_status = 25;
/// The handle is in use on another thread.
pub const OCIREG_BUSY: ocireg_status = 26;
/// A bug in the library.
pub const OCIREG_INTERNAL: ocireg_status = 27;
/// An established connection broke, retries spent.
pub const OCIREG_NETWORK: ocireg_status = 28;
/// The host name is unknown.
pub const OCIREG_RESOLVE: ocireg_status = 29;

/// The name of a status without its prefix, such as "NOT_FOUND"; "OK" for OCIREG_OK, "UNKNOWN" for a number that this
/// version does not know. Static: never freed. Any thread.
#[no_mangle]
pub extern "C" fn ocireg_status_name(status: ocireg_status) -> *const c_char {
    let name = match status {
        OCIREG_OK => c"OK",
        other => Code::from_number(other).map_or(c"UNKNOWN", Code::c_name),
    };
    name.as_ptr()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_are_the_codes() {
        let constants = [
            OCIREG_INVALID_ARGUMENT,
            OCIREG_INVALID_REFERENCE,
            OCIREG_UNAUTHENTICATED,
            OCIREG_FORBIDDEN,
            OCIREG_NOT_FOUND,
            OCIREG_UNSUPPORTED,
            OCIREG_RATE_LIMITED,
            OCIREG_CONNECT,
            OCIREG_TLS,
            OCIREG_TIMEOUT,
            OCIREG_CANCELLED,
            OCIREG_REDIRECT,
            OCIREG_PROTOCOL,
            OCIREG_DIGEST_MISMATCH,
            OCIREG_SIZE_MISMATCH,
            OCIREG_LIMIT_EXCEEDED,
            OCIREG_INVALID_MANIFEST,
            OCIREG_SIGNATURE,
            OCIREG_MISSING_BLOB,
            OCIREG_SERVER,
            OCIREG_HTTP,
            OCIREG_IO,
            OCIREG_CALLBACK,
            OCIREG_FORKED,
            OCIREG_CLOSED,
            OCIREG_BUSY,
            OCIREG_INTERNAL,
            OCIREG_NETWORK,
            OCIREG_RESOLVE,
        ];
        let codes: Vec<i32> = Code::ALL.iter().map(|code| code.number()).collect();
        assert_eq!(codes, constants);
    }
}
