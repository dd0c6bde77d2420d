//! Which bytes a caller wants.

use crate::error::{Code, Error, Result};
use crate::options::options;

options! {
    /// Which bytes of a blob, and what is known of it.
    #[derive(Debug, Clone)]
    pub struct ReadOptions {
        /// only a piece, which cannot be verified: from this byte on
        pub offset: u64 = 0,
        /// only a piece, which cannot be verified: so many bytes; without it all that follow
        pub length: Option<u64>,
        /// the blob's size from its descriptor
        pub size: Option<u64>,
        /// of a read into memory, the most bytes to take, 67108864 without it
        pub limit: Option<u64>,
    }
}

impl ReadOptions {
    /// Refuses what only a read into memory has.
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
