//! What a caller may want of a blob, and what he reads piece by piece.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
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
    pub fn without_limit(&self) -> Result<()> {
        match self.limit {
            Some(_) => Err(Error::new(Code::InvalidArgument, "the option limit is for reads into memory only")),
            None => Ok(()),
        }
    }

    /// Whether only a piece is wanted; a piece cannot be verified.
    pub fn is_piece(&self) -> bool {
        self.offset > 0 || self.length.is_some()
    }
}

/// What is known of an open blob.
#[derive(Debug, Clone, Serialize)]
pub struct Info {
    /// Its digest.
    pub digest: Digest,
    /// The size of the whole blob, once known.
    pub size: Option<u64>,
    /// The first byte that is read.
    pub offset: u64,
    /// The media type that the registry gives.
    #[serde(rename = "mediaType")]
    pub media_type: Option<String>,
}

/// What a caller reads piece by piece: a blob, or a layer of protocol v1.
pub trait Pieces: Send {
    /// The next bytes. None is the end, and then what can be checked has been checked.
    fn piece(&mut self) -> Result<Option<Bytes>>;
    /// Tells the caller's context how many bytes he has.
    fn report(&self, delivered: u64) -> Result<()>;
    /// What is known of it, as a result.
    fn info(&self) -> serde_json::Value;
}
