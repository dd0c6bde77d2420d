//! Which bytes a caller wants.

use serde::Deserialize;

use crate::error::{Code, Error, Result};

/// Which bytes of a blob, and what is known of it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReadOptions {
    /// The first byte.
    pub offset: u64,
    /// How many; without it all that follow.
    pub length: Option<u64>,
    /// The blob's size, from its descriptor.
    pub size: Option<u64>,
    /// The most that a read into memory may take.
    pub limit: Option<u64>,
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
