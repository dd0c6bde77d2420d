//! A repository as a place to copy from and to.

use bytes::Bytes;

use super::blob::has;
use super::manifest::{GetOptions, HeadOptions, PutOptions};
use super::reader::{ReadOptions, Reader};
use super::remote::Remote;
use super::upload::{may_be_done, Session};
use super::Client;
use crate::digest::{Digest, Hasher};
use crate::error::{Code, Error, Result};
use crate::http::call::Call;
use crate::http::retry::{self, Backoff};
use crate::http::upload::Body;
use crate::manifest::Descriptor;
use crate::reference::{Reference, Repository};
use crate::store::{Blob, Content, Moved, ReadStore, Role, Upload, WriteStore};

/// A repository, and the tag or digest that a copy is about.
pub struct RegistryStore {
    client: Client,
    reference: Reference,
}

impl RegistryStore {
    /// What a reference stands for.
    pub fn new(client: &Client, reference: Reference) -> RegistryStore {
        RegistryStore { client: client.clone(), reference }
    }

    fn remote(&self, call: &Call) -> Result<Remote> {
        Remote::repository(&self.client, call, self.reference.repository())
    }

    fn get(&self, call: &Call, reference: &Reference) -> Result<Content> {
        let found = self.client.get_manifest(call, reference, &GetOptions::default())?;
        Ok(Content { document: found.document, bytes: found.bytes })
    }
}

impl ReadStore for RegistryStore {
    fn place(&self) -> String {
        format!("docker://{}", self.reference)
    }

    fn root(&self, call: &Call) -> Result<Content> {
        self.get(call, &self.reference)
    }

    fn manifest(&self, call: &Call, wanted: &Descriptor) -> Result<Content> {
        self.get(call, &self.reference.with_digest(&wanted.digest))
    }

    fn open(&self, call: &Call, wanted: &Descriptor, hashed: Option<(Hasher, u64)>) -> Result<Box<dyn Blob>> {
        let options = ReadOptions { size: Some(wanted.size), ..ReadOptions::default() };
        Ok(Box::new(Reader::open(self.remote(call)?, &wanted.digest, &options, hashed)?))
    }

    fn size(&self, call: &Call, digest: &Digest) -> Result<u64> {
        let reference = self.reference.with_digest(digest);
        let head = self.client.head_blob(call, &reference)?;
        head.size.ok_or_else(|| match head.exists {
            true => Error::new(Code::Protocol, format!("the registry does not tell the size of the blob {reference}")),
            false => Error::new(Code::MissingBlob, format!("the blob {reference} is not there")),
        })
    }

    fn referrers(&self, _call: &Call, _subject: &Digest) -> Result<Vec<Descriptor>> {
        Ok(Vec::new())
    }

    fn repository(&self) -> Option<&Repository> {
        Some(self.reference.repository())
    }
}

impl Blob for Reader {
    fn piece(&mut self) -> Result<Option<Bytes>> {
        Reader::piece(self)
    }
}

impl WriteStore for RegistryStore {
    fn place(&self) -> String {
        format!("docker://{}", self.reference)
    }

    fn is_done(&self, call: &Call, root: &Content) -> Result<bool> {
        let wanted = self.reference.digest().is_none_or(|digest| digest == root.digest());
        if !wanted {
            let message = format!("the copy has the digest {}, not that of {}", root.digest(), self.reference);
            return Err(Error::new(Code::DigestMismatch, message));
        }
        match self.client.head_manifest(call, &self.reference, &HeadOptions::default()) {
            Ok(head) => Ok(head.digest == *root.digest()),
            Err(error) if is_absent(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn has_manifest(&self, call: &Call, digest: &Digest) -> Result<bool> {
        let reference = self.reference.with_digest(digest);
        match self.client.head_manifest(call, &reference, &HeadOptions::default()) {
            Ok(_) => Ok(true),
            Err(error) if is_absent(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn has_blob(&self, call: &Call, wanted: &Descriptor) -> Result<bool> {
        has(&self.remote(call)?, &wanted.digest)
    }

    fn put_blob(&self, call: &Call, wanted: &Descriptor, from: &dyn ReadStore) -> Result<Moved> {
        let remote = self.remote(call)?;
        if has(&remote, &wanted.digest)? {
            return Ok(Moved::Present);
        }
        self.upload(&remote, wanted, from)
    }

    fn put_manifest(&self, call: &Call, content: &Content, role: Role) -> Result<()> {
        let reference = match role {
            Role::Root => self.reference.clone(),
            Role::Child | Role::Referrer => self.reference.with_digest(content.digest()),
        };
        let options = PutOptions { media_type: Some(content.document.media_type.clone()), ..PutOptions::default() };
        self.client.put_manifest(call, &reference, &content.bytes, &options).map(drop)
    }

    fn finish(&self, _call: &Call) -> Result<()> {
        Ok(())
    }
}

impl RegistryStore {
    /// One request with the whole blob; a failure on the way is tried anew in a new session.
    fn upload(&self, remote: &Remote, wanted: &Descriptor, from: &dyn ReadStore) -> Result<Moved> {
        let retries = self.client.retries();
        let mut backoff = Backoff::new(crate::http::seed());
        let mut failures = 0;
        loop {
            let error = match self.upload_once(remote, wanted, from) {
                Ok(()) => return Ok(Moved::Copied { resumed: 0 }),
                Err(error) => error,
            };
            failures += 1;
            if may_be_done(&error) && has(remote, &wanted.digest)? {
                return Ok(Moved::Copied { resumed: 0 });
            }
            let lost = matches!(error.http_status(), Some(401 | 404)) && error.side().is_none();
            let helps = lost || (error.retryable() && error.code() != Code::Timeout);
            let wait = retry::after_failure(&error, backoff.delay(failures)).filter(|_| helps && failures <= retries);
            let Some(wait) = wait else { return Err(error.with_attempts(failures)) };
            remote.call.sleep(wait)?;
        }
    }

    fn upload_once(&self, remote: &Remote, wanted: &Descriptor, from: &dyn ReadStore) -> Result<()> {
        let mut source = Upload::new(from.open(&remote.call, wanted, None)?);
        let mut session = Session::start(remote.clone())?;
        let body = Body::Stream { source: &mut source, size: wanted.size, done: 0 };
        let outcome = session.finish(&wanted.digest, body).map(drop);
        if outcome.as_ref().is_err_and(|error| error.code() != Code::Network) {
            session.remote.call = session.remote.call.farewell();
            let _ = session.cancel();
        }
        outcome
    }
}

fn is_absent(error: &Error) -> bool {
    error.code() == Code::NotFound
}
