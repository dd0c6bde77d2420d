//! Checks for every name, and how messages quote one: a user may have put a password into it.

use crate::error::{Code, Error, Result};
use crate::text::shorten;

/// Far longer than any name; anything longer is refused without parsing.
const LONGEST: usize = 64 << 10;

/// Refuses strings that are too long to be a name.
pub(crate) fn check_length(text: &str) -> Result<()> {
    match text.len() > LONGEST {
        true => Err(invalid(format!("the name has {} bytes; names have at most {LONGEST}", text.len()))),
        false => Ok(()),
    }
}

pub(super) fn invalid(message: String) -> Error {
    Error::new(Code::InvalidReference, message)
}

/// For messages: the part before an '@' may be a user name and password.
pub(crate) fn quoted(text: &str) -> String {
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
