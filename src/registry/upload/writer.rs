//! Uploads that the caller feeds, chunk by chunk (distribution-spec "Pushing a blob in chunks").

use bytes::Bytes;

use crate::call::Call;
use crate::digest::{Algorithm, Digest, Hasher};
use crate::error::{Code, Error, Result};
use crate::http::upload::Body;
use crate::options::options;
use crate::reference::Repository;
use crate::registry::blob::has_all;
use crate::registry::repository::Remote;
use crate::registry::upload::session::{location_text, may_be_done, SavedSession, UploadSession};
use crate::registry::upload::StoredBlob;
use crate::registry::Client;

/// The largest chunk, for it is kept in memory until the registry has it.
const LARGEST_CHUNK: u64 = 1 << 30;

options! {
    /// Options of [`Client::start_upload`].
    #[derive(Debug, Clone)]
    pub struct UploadOptions {
        /// bytes in one request, kept in memory until the registry has them
        ///
        /// an OCI-Chunk-Min-Length of the registry makes the chunks larger
        pub chunk_size: u64 = 4_194_304,
    }
}

/// An upload that the caller feeds: bytes are collected into chunks, and a chunk is kept until the registry has it.
pub struct Upload {
    session: UploadSession,
    hasher: Hasher,
    waiting: Vec<u8>,
    chunk: usize,
    size: u64,
    over: bool,
    failure: Option<Error>,
}

impl Client {
    /// Starts an upload of unknown length.
    pub fn start_upload(&self, call: &Call, repository: &Repository, options: &UploadOptions) -> Result<Upload> {
        Upload::start(Remote::to_write(self, call, repository)?, None, options.chunk_size, Algorithm::Sha256, None)
    }
}

impl Upload {
    /// Opens the session, or continues one that has no bytes yet.
    pub(crate) fn start(
        remote: Remote,
        session: Option<UploadSession>,
        chunk_size: u64,
        algorithm: Algorithm,
        total: Option<u64>,
    ) -> Result<Upload> {
        if chunk_size == 0 || chunk_size > LARGEST_CHUNK {
            return Err(Error::new(Code::InvalidArgument, format!("chunk_size must be from 1 to {LARGEST_CHUNK}")));
        }
        let session = session.map_or_else(|| UploadSession::start(remote, algorithm), Ok)?;
        session.remote.call.begin("blob put", total)?;
        let chunk = usize::try_from(chunk_size.max(session.min_chunk)).unwrap_or(usize::MAX);
        Ok(Upload {
            session,
            hasher: Hasher::new(algorithm),
            waiting: Vec::new(),
            chunk,
            size: 0,
            over: false,
            failure: None,
        })
    }

    /// Adds bytes; they are sent when a chunk is full.
    pub fn write(&mut self, mut bytes: &[u8]) -> Result<()> {
        self.check()?;
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(self.chunk - self.waiting.len()));
            self.hasher.update(now);
            self.waiting.extend_from_slice(now);
            self.size += now.len() as u64;
            bytes = later;
            if self.waiting.len() == self.chunk {
                self.flush()?;
            }
        }
        Ok(())
    }

    /// Ends the upload; with a digest, only if the bytes have it.
    pub fn finish(&mut self, expected: Option<&Digest>) -> Result<StoredBlob> {
        self.check()?;
        let found = self.hasher.clone().finish();
        if let Some(expected) = expected.filter(|expected| **expected != found) {
            self.cancel_quietly();
            let message = format!("the uploaded bytes have the digest {found}, not {expected}");
            return Err(Error::new(Code::DigestMismatch, message));
        }
        self.flush()?;
        let response = match self.session.finish(&found, Body::Empty) {
            Ok(response) => Some(response),
            Err(error) if may_be_done(&error) && has_all(&self.session.remote, &found, self.size)? => None,
            Err(error) => return Err(error),
        };
        self.over = true;
        let location = response.and_then(|response| location_text(&self.session.remote, &response));
        Ok(StoredBlob { digest: found, size: self.size, location, uploaded: true, mounted: false })
    }

    /// Sends what was written and releases the session, to be continued from the returned state.
    pub fn save(&mut self) -> Result<SavedSession> {
        self.check()?;
        self.flush()?;
        self.over = true;
        Ok(self.session.saved())
    }

    /// Cancels the upload, also when the call that it belongs to has ended.
    pub fn cancel(&mut self) -> Result<()> {
        if self.over {
            return Ok(());
        }
        self.over = true;
        let Err(ended) = self.session.remote.call.check() else { return self.session.cancel() };
        self.session.remote.call = self.session.remote.call.farewell();
        // There is little time for it, and that it ended is not what the caller asks about.
        self.session.cancel().map_err(|_| ended)
    }

    fn flush(&mut self) -> Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let chunk = Bytes::from(std::mem::take(&mut self.waiting));
        // A chunk that could not be sent is a gap: nothing after it may be accepted.
        if let Err(error) = self.session.chunk(&chunk) {
            self.failure = Some(error.duplicate());
            return Err(error);
        }
        // The buffer is reused for the next chunk, unless the connection still uses it.
        if let Ok(mut buffer) = chunk.try_into_mut().map(Vec::from) {
            buffer.clear();
            self.waiting = buffer;
        }
        self.session.remote.call.moved_to(self.session.offset)
    }

    fn check(&self) -> Result<()> {
        match &self.failure {
            _ if self.over => Err(Error::new(Code::Closed, "the upload is over")),
            Some(failure) => Err(failure.duplicate()),
            None => Ok(()),
        }
    }

    fn cancel_quietly(&mut self) {
        self.session.remote.call = self.session.remote.call.farewell();
        let _ = self.cancel();
    }
}

impl Drop for Upload {
    // An unfinished session is cancelled, even if the caller's context was.
    fn drop(&mut self) {
        if !self.over {
            self.cancel_quietly();
        }
    }
}
