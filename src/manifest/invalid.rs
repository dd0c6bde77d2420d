use crate::error::{Code, Error};

/// What every refusal of a manifest is.
pub(super) fn invalid(message: impl Into<String>) -> Error {
    Error::new(Code::InvalidManifest, message)
}
