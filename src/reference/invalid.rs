//! What is refused of every name, and how messages quote one: a name may hold a password where a user put one.

use crate::error::{Code, Error, Result};
use crate::text::shorten;

/// Far longer than any name; what is longer is not looked at.
const LONGEST: usize = 64 << 10;

/// Refuses what can be no name by its length alone.
pub(crate) fn check_length(text: &str) -> Result<()> {
    match text.len() > LONGEST {
        true => Err(invalid(format!("a name of {} bytes: none is longer than {LONGEST}", text.len()))),
        false => Ok(()),
    }
}

pub(super) fn invalid(message: String) -> Error {
    Error::new(Code::InvalidReference, message)
}

/// For messages: what stands before an '@' may be a user and a password.
pub(super) fn quoted(text: &str) -> String {
    match text.rsplit_once('@') {
        Some((before, after)) if may_be_userinfo(before, after) => format!("…@{}", shorten(after)),
        _ => shorten(text),
    }
}

fn may_be_userinfo(before: &str, after: &str) -> bool {
    let (scheme, name) = before.split_once("://").map_or((false, before), |(_, name)| (true, name));
    let is_digest = ["sha256:", "sha512:"].iter().any(|algorithm| after.starts_with(algorithm));
    let bare = !name.contains('/') && (scheme || after.contains('/'));
    !is_digest && (name.contains(':') || bare)
}
