//! Image IDs: 64 hexadecimal digits, which are not a digest of anything. Nothing else becomes part of a URL or path
//! (CVE-2014-9358).

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::error::{Code, Error, Result};
use crate::text::shorten;

/// An image's ID. It can only be created by parsing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ImageId(String);

impl ImageId {
    /// Its 64 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Parses what a server says: an error is about its answer, and not about an argument.
    pub(super) fn of_server(text: &str, what: &str) -> Result<ImageId> {
        text.parse().map_err(|error: Error| error.with_code(Code::Protocol).within(what))
    }
}

impl FromStr for ImageId {
    type Err = Error;

    fn from_str(text: &str) -> Result<ImageId> {
        let is_hex = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        match text.len() == 64 && is_hex {
            true => Ok(ImageId(text.to_owned())),
            false => Err(Error::new(
                Code::InvalidArgument,
                format!("'{}' is not an image id: those are 64 hexadecimal digits", shorten(text)),
            )),
        }
    }
}

impl fmt::Display for ImageId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl Serialize for ImageId {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_64_hexadecimal_digits_are_an_id() {
        let good = "0123456789abcdef".repeat(4);
        assert_eq!(good.parse::<ImageId>().unwrap().as_str(), good);
        let upper = good.to_uppercase();
        let slash = format!("../{}", &good[3..]);
        let long = format!("{good}0");
        for bad in ["", "latest", &good[1..], &long, &upper, &slash, "é".repeat(32).as_str()] {
            assert_eq!(bad.parse::<ImageId>().unwrap_err().code(), Code::InvalidArgument, "{bad}");
            let error = ImageId::of_server(bad, "the tag t").unwrap_err();
            assert_eq!(error.code(), Code::Protocol);
            assert!(error.message().starts_with("the tag t: "), "{error}");
        }
    }
}
