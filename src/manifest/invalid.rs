use crate::error::{Code, Error};

/// The error for every refused manifest.
pub(super) fn invalid(message: impl Into<String>) -> Error {
    Error::new(Code::InvalidManifest, message)
}
