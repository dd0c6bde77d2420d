//! Which bytes a caller wants.

use crate::error::{Code, Error, Result};
use crate::options::{above_zero, options};
use crate::text::shorten;

options! {
    /// Which bytes of a blob to read, and what is known about it.
    #[derive(Debug, Clone)]
    pub struct ReadOptions {
        /// only a piece, which cannot be verified, wherever it comes from: from this byte on
        ///
        /// a piece that a mirror sent is a warning that names it (ocireg_context_warnings)
        pub offset: u64 = 0,
        /// only a piece, which cannot be verified, wherever it comes from: this many bytes (default: all that follow)
        pub length: Option<u64>,
        /// the blob's size from its descriptor
        pub size: Option<u64>,
        /// the most bytes to read; more are OCIREG_LIMIT_EXCEEDED (default: 67108864)
        pub limit: Option<u64>,
    }
}

options! {
    /// How bytes get into a file.
    #[derive(Debug, Clone)]
    pub struct SaveOptions {
        /// "replace", or "skip": a file that holds the blob already stays as it is (default: "replace")
        ///
        /// with "skip", a regular file of this user or root is found to hold the blob by its digest, and by its size if that is
        /// given; nothing is requested for it then
        pub if_exists: Option<String>,
        /// false: begin at the first byte, remove what an earlier call has left, and leave nothing after a failure
        pub resume: bool = true,
    } and {
        #[doc = "What of it."]
        pub read: ReadOptions,
    }
}

options! {
    /// How large blobs may be.
    #[derive(Debug, Clone)]
    pub struct BlobLimit {
        /// the largest blob or layer taken, by copies too (default: any of known size, else 8589934592)
        ///
        /// the size of a blob is known if the registry or the caller says it. By default blobs of any known size are taken, and
        /// 8589934592 bytes of one whose size neither says
        pub max_blob_bytes: Option<u64>,
    }
}

/// The largest blob of unknown size that is accepted without `max_blob_bytes`.
const UNSAID: u64 = 8 << 30;

impl BlobLimit {
    pub(crate) fn check_itself(&self) -> Result<()> {
        above_zero(&[("max_blob_bytes", self.max_blob_bytes.unwrap_or(1))])
    }

    /// Refuses a blob that is too large: it has `size` bytes or, where its size is unknown, that many so far.
    pub(crate) fn check(&self, size: u64, is_said: bool, what: impl FnOnce() -> String) -> Result<()> {
        let most = self.max_blob_bytes.unwrap_or(if is_said { u64::MAX } else { UNSAID });
        if size <= most {
            return Ok(());
        }
        let message = match is_said {
            true => format!("{} has {size} bytes, more than max_blob_bytes, {most}", what()),
            false => format!("{} has more than max_blob_bytes, {most}, and its size is unknown", what()),
        };
        Err(Error::new(Code::LimitExceeded, message))
    }
}

impl ReadOptions {
    /// Refuses the option that only a read into memory has.
    pub(crate) fn without_limit(&self) -> Result<()> {
        match self.limit {
            Some(_) => Err(Error::new(Code::InvalidArgument, "the option limit is for reads into memory only")),
            None => Ok(()),
        }
    }

    /// Whether only a piece is wanted; a piece cannot be verified.
    pub(crate) fn is_piece(&self) -> bool {
        self.offset > 0 || self.length.is_some()
    }
}

impl SaveOptions {
    /// Refuses what makes no sense together.
    pub(crate) fn check(&self) -> Result<()> {
        self.read.without_limit()?;
        match self.skips()? && self.read.is_piece() {
            true => {
                Err(Error::new(Code::InvalidArgument, "the option if_exists is for whole blobs: a piece has no digest"))
            }
            false => Ok(()),
        }
    }

    /// Whether a file that is right already stays.
    pub(crate) fn skips(&self) -> Result<bool> {
        match self.if_exists.as_deref() {
            None | Some("replace") => Ok(false),
            Some("skip") => Ok(true),
            Some(other) => {
                let message = format!("the option if_exists is '{}', not \"replace\" or \"skip\"", shorten(other));
                Err(Error::new(Code::InvalidArgument, message))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_is_bounded_where_its_size_is_not_known() {
        let check = |most, size, is_said| {
            BlobLimit { max_blob_bytes: most }.check(size, is_said, || "the blob".to_owned()).is_ok()
        };
        assert!(check(None, u64::MAX, true) && check(None, 8 << 30, false) && !check(None, (8 << 30) + 1, false));
        for is_said in [true, false] {
            assert!(check(Some(10), 10, is_said) && !check(Some(10), 11, is_said));
        }
        assert!(check(Some(9 << 30), 9 << 30, false), "more than the default, too");
    }
}
