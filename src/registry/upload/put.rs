//! Putting a blob (distribution-spec end-4a, end-4b, end-6, end-11): what the registry has is not sent, what another
//! repository of it has is mounted, the rest goes in one request, or in chunks where one is refused.

use std::path::Path;

use crate::call::Call;
use crate::digest::{Algorithm, Digest, Hasher};
use crate::error::{Code, Error, Result};
use crate::options::options;
use crate::reference::Repository;
use crate::registry::host::is_usual_http;
use crate::registry::repository::Remote;
use crate::registry::upload::attempt::{put_chunks, put_stream, ChunkPlan, UploadFailure};
use crate::registry::upload::mount::same_registry;
use crate::registry::upload::negotiate::{Negotiation, UploadWay};
use crate::registry::upload::{StoredBlob, CHUNK};
use crate::registry::Client;
use crate::stream::replay::{hash, HashedSource, InMemory, OpenedFile, Replay, Rewindable};
use crate::stream::source::Source;

options! {
    /// Options of the puts.
    #[derive(Debug, Clone)]
    pub struct BlobPutOptions {
        /// the digest that the bytes must have (default: their sha256)
        pub digest: Option<Digest>,
        /// the size that it must have; of a stream no more is sent, and with digest no more is read
        pub size: Option<u64>,
        /// send it in chunks of this many bytes, each kept in memory
        ///
        /// by default only a stream whose size or digest is not given goes in chunks, of 4194304 bytes
        pub chunk_size: Option<u64>,
        /// one POST instead of POST and PUT, where the registry can
        pub single_post: bool,
        /// repositories of the same registry that may have it: it is mounted from the first that has
        pub mount_from: Vec<String>,
    }
}

impl Client {
    /// Puts bytes in memory.
    pub fn put_blob(
        &self,
        call: &Call,
        repository: &Repository,
        bytes: &[u8],
        options: &BlobPutOptions,
    ) -> Result<StoredBlob> {
        put(&Remote::to_write(self, call, repository)?, &mut InMemory(bytes, bytes), options)
    }

    /// Puts the bytes of a file, which is read again where they have to be sent again.
    pub fn put_blob_file(
        &self,
        call: &Call,
        repository: &Repository,
        path: &Path,
        options: &BlobPutOptions,
    ) -> Result<StoredBlob> {
        put(&Remote::to_write(self, call, repository)?, &mut OpenedFile::open(path)?, options)
    }

    /// Puts the bytes of a source: in one request when size and digest are known, otherwise in chunks.
    pub fn put_blob_stream(
        &self,
        call: &Call,
        repository: &Repository,
        source: &mut dyn Source,
        options: &BlobPutOptions,
    ) -> Result<StoredBlob> {
        let remote = Remote::to_write(self, call, repository)?;
        match (options.size, &options.digest, options.chunk_size) {
            (Some(size), Some(digest), None) => put_promised(&remote, source, size, digest, options.single_post),
            (size, digest, chunk) => {
                let known = ChunkPlan { chunk: chunk.unwrap_or(CHUNK), digest: digest.as_ref(), size };
                Ok(put_chunks(&remote, source, known, None)?)
            }
        }
    }
}

impl BlobPutOptions {
    pub(crate) fn check(&self) -> Result<()> {
        if self.chunk_size == Some(0) {
            return Err(Error::new(Code::InvalidArgument, "the option chunk_size must be more than 0"));
        }
        if self.chunk_size.is_some() && self.single_post {
            return Err(Error::new(Code::InvalidArgument, "the options chunk_size and single_post exclude each other"));
        }
        Ok(())
    }

    /// The repositories to mount from, as the registry calls them.
    fn sources(&self, remote: &Remote) -> Result<Vec<String>> {
        let named = crate::reference::Index::parse(&remote.account.host)?;
        let index = match is_usual_http(&named, &remote.account.base.url) {
            true => named.by_http(),
            false => named,
        };
        let name = |text: &String| {
            let repository = Repository::parse(text, Some(&index))?;
            same_registry(repository.index(), &index, |from, to| Ok(from.may_be(to)))?;
            Ok(repository.remote_name().to_owned())
        };
        self.mount_from.iter().map(name).collect()
    }
}

/// Puts a source that can be read again.
fn put(remote: &Remote, source: &mut dyn Replay, options: &BlobPutOptions) -> Result<StoredBlob> {
    options.check()?;
    if options.size.is_some_and(|size| size != source.size()) {
        let message =
            format!("the option size says {:?} bytes, but there are {}", options.size.unwrap_or(0), source.size());
        return Err(Error::new(Code::SizeMismatch, message));
    }
    let algorithm = options.digest.as_ref().map_or(Algorithm::Sha256, Digest::algorithm);
    let digest = hash(&remote.call, source, algorithm)?;
    if let Some(expected) = options.digest.as_ref().filter(|expected| **expected != digest) {
        return Err(Error::new(Code::DigestMismatch, format!("the bytes have the digest {digest}, not {expected}")));
    }
    let way = match options.chunk_size {
        _ if options.single_post => UploadWay::Post,
        Some(size) => UploadWay::Chunks { size, forced: true },
        None => UploadWay::Single,
    };
    Negotiation::new(remote, &digest, way, options.sources(remote)?).put(source)
}

/// Of bytes that nobody has kept.
const SENT_ONCE: &str = "a stream cannot be sent again: without the option digest it goes in chunks, which can";

/// Sends bytes whose digest the caller has given.
fn put_promised(
    remote: &Remote,
    source: &mut dyn Source,
    size: u64,
    digest: &Digest,
    single_post: bool,
) -> Result<StoredBlob> {
    let mut hashing = HashedSource { source, hasher: Hasher::new(digest.algorithm()) };
    let mut kept = Rewindable::new(&mut hashing);
    let stored = put_stream(remote, &mut kept, size, digest, single_post, None);
    let stored = stored.map_err(UploadFailure::given_up).map_err(|error| match error.code() {
        Code::Server | Code::Network | Code::Redirect => error.with_hint(SENT_ONCE),
        _ => error,
    })?;
    let found = hashing.hasher.finish();
    if found != *digest {
        return Err(Error::new(Code::DigestMismatch, format!("the bytes have the digest {found}, not {digest}")));
    }
    Ok(stored)
}
