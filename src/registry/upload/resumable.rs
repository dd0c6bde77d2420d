//! The steps of an upload as separate calls: the state between them is a session's JSON.

use bytes::Bytes;

use crate::call::Call;
use crate::digest::{Algorithm, Digest};
use crate::error::{Code, Error, Result};
use crate::http::upload::Body;
use crate::options::options;
use crate::reference::Repository;
use crate::registry::blob::has_all;
use crate::registry::repository::Remote;
use crate::registry::upload::session::{behind, location_text, may_be_done, SavedSession, UploadSession};
use crate::registry::upload::StoredBlob;
use crate::registry::Client;

options! {
    /// Options of [`Client::session_start`].
    #[derive(Debug, Clone)]
    pub struct StartOptions {
        /// of the digest that the blob will have; newer registries are told any other (default: "sha256")
        pub digest_algorithm: Option<String>,
    }
}

options! {
    /// Options of [`Client::session_chunk`].
    #[derive(Debug, Clone)]
    pub struct ChunkOptions {
        /// where the bytes start in the blob (default: the session's offset)
        pub offset: Option<u64>,
    }
}

impl Client {
    /// Opens a session.
    pub fn session_start(&self, call: &Call, repository: &Repository, options: &StartOptions) -> Result<SavedSession> {
        let algorithm = options.digest_algorithm.as_deref().map_or(Ok(Algorithm::Sha256), str::parse)?;
        Ok(UploadSession::start(Remote::to_write(self, call, repository)?, algorithm)?.saved())
    }

    /// Asks how far a session is.
    pub fn session_status(&self, call: &Call, saved: &SavedSession) -> Result<SavedSession> {
        let mut session = UploadSession::resume(self, call, saved)?;
        // A registry that does not tell knows no better than the caller.
        session.offset = session.told_offset()?.unwrap_or(saved.offset);
        // "0-0" means one byte or none; one only if the session knows of a sent byte.
        if session.offset == 1 && saved.offset == 0 {
            session.offset = 0;
        }
        Ok(session.saved())
    }

    /// Sends the next bytes.
    pub fn session_chunk(
        &self,
        call: &Call,
        saved: &SavedSession,
        bytes: &[u8],
        options: &ChunkOptions,
    ) -> Result<SavedSession> {
        let mut session = UploadSession::resume(self, call, saved)?;
        session.offset = options.offset.unwrap_or(saved.offset);
        if bytes.is_empty() {
            return Err(Error::new(Code::InvalidArgument, "a chunk must have at least one byte"));
        }
        call.begin("blob put", Some(bytes.len() as u64))?;
        session.chunk(&Bytes::copy_from_slice(bytes))?;
        call.moved_to(bytes.len() as u64)?;
        Ok(session.saved())
    }

    /// Ends a session, with its last bytes if there are any left.
    pub fn session_finish(
        &self,
        call: &Call,
        saved: &SavedSession,
        digest: &Digest,
        last: &[u8],
    ) -> Result<StoredBlob> {
        let mut session = UploadSession::resume(self, call, saved)?;
        let size = behind(saved.offset, last.len())?;
        if !last.is_empty() {
            session.chunk(&Bytes::copy_from_slice(last))?;
        }
        let location = match session.finish(digest, Body::Empty) {
            Ok(response) => location_text(&session.remote, &response),
            Err(error) if may_be_done(&error) && has_all(&session.remote, digest, size)? => None,
            Err(error) => return Err(error),
        };
        Ok(StoredBlob { digest: digest.clone(), size, location, uploaded: true, mounted: false })
    }

    /// Ends an upload session at the registry, which forgets the bytes that it has of it.
    pub fn session_cancel(&self, call: &Call, saved: &SavedSession) -> Result<()> {
        UploadSession::resume(self, call, saved)?.cancel()
    }
}
