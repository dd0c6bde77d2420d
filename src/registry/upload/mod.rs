//! Putting blobs: in one request, in chunks, by mounting, or as the caller feeds them (distribution-spec end-4 to end-6,
//! end-11, end-13).

pub(crate) mod attempt;
pub(crate) mod blob_info_cache;
mod blob_locations;
pub(crate) mod chunk;
mod chunk_sizes;
pub(crate) mod confirm;
pub(crate) mod from_store;
pub(crate) mod mount;
pub(crate) mod mount_hints;
pub(crate) mod negotiate;
pub(crate) mod put;
pub(crate) mod resumable;
pub(crate) mod session;
mod writer;

pub use crate::stream::source::Source;
pub use mount::{MountOptions, MountResult};
pub use put::BlobPutOptions;
pub use resumable::{ChunkOptions, StartOptions};
pub use session::SavedSession;
pub use writer::{Upload, UploadOptions};

use serde::Serialize;

use crate::digest::Digest;

/// The chunk size that every registry accepts.
pub(crate) const CHUNK: u64 = 4 << 20;

/// The result of putting a blob.
#[derive(Debug, Serialize)]
pub struct StoredBlob {
    /// The digest of the bytes, computed here.
    pub digest: Digest,
    /// The number of bytes of the blob.
    pub size: u64,
    /// The Location that the registry returned; None when absent.
    pub location: Option<String>,
    /// false when the registry had it already.
    pub uploaded: bool,
    /// Whether it was mounted from another repository.
    pub mounted: bool,
}
