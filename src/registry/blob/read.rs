//! Reading blobs (distribution-spec end-2): into memory, a descriptor or a file, or piece by piece.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use ::http::Method;
use bytes::Bytes;
use serde::Serialize;

use super::blob_digest;
use super::mixed_blobs::MixedBlobs;
use crate::auth::Reply;
use crate::call::Call;
use crate::digest::Digest;
use crate::download::deliver::{self, Delivery, ExistingFile};
use crate::download::{
    narrowed, BlobLimit, BodyRules, Download, Downloadable, ExpectedDigest, Pieces, RangeRequest, ReadOptions,
    SaveOptions,
};
use crate::error::{Code, Error, Result};
use crate::http::response::Response;
use crate::http::{Repeat, Request};
use crate::mirrors::EndpointKey;
use crate::reference::{Reference, Repository};
use crate::registry::endpoints::{EndpointUse, Turn};
use crate::registry::repository::Remote;
use crate::registry::Client;
use crate::resource::Resource;
use crate::store::served_by::Senders;
use crate::stream::blob::Blob;

/// What is known about an open blob.
#[derive(Debug, Clone, Serialize)]
pub struct BlobInfo {
    /// The digest that was asked for, and found unless a piece was read.
    pub digest: Digest,
    /// The size of the whole blob in bytes, once known.
    pub size: Option<u64>,
    /// The first byte that is read.
    pub offset: u64,
    /// The media type in the response; None when absent.
    #[serde(rename = "mediaType")]
    pub media_type: Option<String>,
    /// The host that sends it, `HOST[:PORT]`: the registry or a mirror.
    pub served_by: String,
}

/// What was delivered of a blob.
#[derive(Debug, Serialize)]
pub struct DeliveredBlob {
    /// The blob's digest.
    pub digest: Digest,
    /// The size of the whole blob in bytes; None when unknown.
    pub size: Option<u64>,
    /// The first byte delivered.
    pub offset: u64,
    /// How many bytes were delivered.
    pub length: u64,
    /// Whether the digest was checked; false for a piece.
    pub verified: bool,
    /// How many of the bytes were there from an earlier call.
    pub resumed: u64,
    /// The host that sent it, or its last part, `HOST[:PORT]`: the registry or a mirror; None when nothing was requested.
    pub served_by: Option<String>,
    /// The file, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Whether that was there already, whole and right, and nothing was requested; None when it is not a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skipped: Option<bool>,
}

/// Reads one blob.
pub struct BlobReader(Download<RemoteBlob>);

pub(crate) struct RemoteBlob {
    turn: Turn,
    /// The endpoint that is asked now.
    remote: Remote,
    digest: Digest,
    /// Those that sent bytes of it.
    senders: Vec<EndpointKey>,
    /// The hosts of all that did, with a rule or without one.
    hosts: Vec<String>,
    mixed: Arc<MixedBlobs>,
}

impl RemoteBlob {
    pub(crate) fn new(client: &Client, call: &Call, repository: &Repository, digest: &Digest) -> Result<RemoteBlob> {
        let mut turn = Turn::new(client, call, repository, EndpointUse::Digest)?;
        let mixed = call.memory::<MixedBlobs>();
        turn.put_last(&mixed.asked(digest));
        let remote = turn.next()?;
        let blob = RemoteBlob { turn, remote, digest: digest.clone(), senders: Vec::new(), hosts: Vec::new(), mixed };
        blob.is_asked();
        Ok(blob)
    }

    /// The endpoint that is asked now is asked for all of it.
    fn is_asked(&self) {
        if let Some(key) = self.turn.key() {
            self.mixed.ask(&self.digest, key);
        }
    }

    /// Whether one that has not lied is still to be asked for all of it.
    fn has_unasked(&self) -> bool {
        self.turn.has_others(&self.mixed.asked(&self.digest))
    }

    /// The error where bytes of several were wrong, and one of them does not send all of it: what it has sent is dropped, so that the next
    /// one sends all.
    fn undecided(&self, error: &Error) -> Error {
        let message = format!(
            "several endpoints sent parts of {} that together have a wrong digest, and none sends all of it",
            self.name()
        );
        let error = Error::new(Code::DigestMismatch, message).with_hint(error.message());
        error.asks_another(self.has_unasked())
    }

    /// Whoever sent bytes that were not wrong is told in the result.
    fn tell_senders(&mut self) {
        self.remote.call.memory::<Senders>().add_all(&std::mem::take(&mut self.hosts));
    }

    /// A piece of a blob has no digest: what a mirror sends of it is as good as the mirror is, also where another one sends the rest.
    fn warn_of_unverified(&self, host: &str) -> Result<()> {
        let text = format!("a piece of the blob {} comes from this mirror, and nothing can verify it", self.digest);
        self.remote.call.warn_of(host, &text)
    }

    /// The endpoint that is asked now.
    pub(crate) fn remote(&self) -> &Remote {
        &self.remote
    }
}

/// Of what was read only as far as it was wanted, too.
impl Drop for RemoteBlob {
    fn drop(&mut self) {
        self.tell_senders();
    }
}

impl Downloadable for RemoteBlob {
    const KIND: &'static str = "blob";
    const WORK: &'static str = "blob get";
    const RULES: BodyRules =
        BodyRules { whole_replaces: true, bodies_are_exact: true, refusals_last: false, too_few: Code::SizeMismatch };
    type Reply = Reply;

    fn call(&self) -> &Call {
        &self.remote.call
    }

    fn retries(&self) -> u32 {
        match self.remote.has_alternative() {
            true => self.remote.client.retries().min(1),
            false => self.remote.client.retries(),
        }
    }

    fn limit(&self) -> &BlobLimit {
        &self.remote.client.options().blobs
    }

    fn name(&self) -> String {
        format!("the blob {} of {}", self.digest, self.remote.full_name())
    }

    fn expected(&self) -> Option<ExpectedDigest> {
        Some(ExpectedDigest::digest(&self.digest))
    }

    fn mismatch(&self, found: &Digest) -> String {
        format!("{} has the digest {found}", self.name())
    }

    fn ask(&self, range: Option<&RangeRequest>) -> Result<Reply> {
        let mut request = narrowed(Request::new(Method::GET), range)?;
        if range.is_some() && self.remote.has_alternative() {
            // To go on where it broke off is the repetition already.
            request.repeat = Repeat::Never;
        }
        self.remote.ask(Resource::Blob(&self.digest), &mut request, &self.remote.scopes(&["pull"]))
    }

    fn failure(&self, reply: Reply, what: &str) -> Error {
        self.remote.failure(reply, what)
    }

    fn pass_over(&mut self, error: Error) -> Result<()> {
        let is_part = !self.senders.is_empty() && self.mixed.has(&self.digest);
        let undecided = is_part.then(|| self.undecided(&error));
        self.turn.pass_over(error)?;
        if let Some(undecided) = undecided {
            return Err(undecided);
        }
        self.remote = self.turn.next()?;
        self.is_asked();
        Ok(())
    }

    fn gained(&mut self, is_verifiable: bool) -> Result<()> {
        let host = self.remote.served_by();
        if !self.hosts.contains(&host) {
            if !is_verifiable && !self.remote.is_registry() {
                self.warn_of_unverified(&host)?;
            }
            self.hosts.push(host);
        }
        if let Some(key) = self.turn.key().filter(|key| !self.senders.contains(key)) {
            self.senders.push(key.clone());
        }
        Ok(())
    }

    fn has_others(&self) -> bool {
        self.turn.has_more()
    }

    fn lied(&mut self, all_sent: bool) -> Result<bool> {
        self.hosts.clear();
        match self.senders.as_slice() {
            [] => Ok(false),
            [only] if all_sent => {
                self.turn.lied(only)?;
                self.mixed.clear_of(&self.digest, only);
                Ok(self.has_unasked() && self.turn.has_others(&self.senders))
            }
            // Which of them sent wrong bytes is seen when each sends all of it.
            several if several.len() > 1 && all_sent => {
                self.mixed.add(&self.digest, several);
                Ok(self.turn.has_others(&[]))
            }
            senders => Ok(self.turn.has_others(senders)),
        }
    }

    fn verified(&mut self, all_sent: bool) -> Result<()> {
        self.tell_senders();
        let [right] = self.senders.as_slice() else { return Ok(()) };
        if !all_sent {
            return Ok(());
        }
        match self.mixed.only_other(&self.digest, right) {
            Some(liar) => self.turn.lied(&liar),
            None => Ok(()),
        }
    }

    fn is_elsewhere(&self, url: &str) -> bool {
        self.remote.account.base.is_left_by(url)
    }

    fn is_reported_as_break(&self, error: &Error) -> bool {
        let about_the_answer = matches!(error.code(), Code::Protocol | Code::SizeMismatch | Code::Redirect);
        error.http_status().is_some() || error.is_stall() || about_the_answer
    }
}

impl AsRef<Response> for Reply {
    fn as_ref(&self) -> &Response {
        &self.response
    }
}

impl From<Reply> for Response {
    fn from(reply: Reply) -> Response {
        reply.response
    }
}

impl BlobReader {
    /// The next bytes. None is the end, and then the digest has been checked. After an error it stays that error.
    pub fn piece(&mut self) -> Result<Option<Bytes>> {
        self.0.piece()
    }

    /// What is known about the blob.
    pub fn info(&self) -> BlobInfo {
        BlobInfo {
            digest: self.0.item().digest.clone(),
            size: self.0.size(),
            offset: self.0.offset(),
            media_type: self.0.media_type().cloned(),
            served_by: self.0.item().remote.served_by(),
        }
    }
}

impl Pieces for BlobReader {
    fn piece(&mut self) -> Result<Option<Bytes>> {
        self.0.piece()
    }

    fn report(&self, delivered: u64) -> Result<()> {
        self.0.report(delivered)
    }

    fn info(&self) -> serde_json::Value {
        serde_json::to_value(BlobReader::info(self)).unwrap_or_default()
    }
}

impl Client {
    fn remote_blob(&self, call: &Call, reference: &Reference) -> Result<RemoteBlob> {
        let digest = blob_digest(reference)?;
        RemoteBlob::new(self, call, reference.repository(), digest)
    }

    /// Opens a blob for reading.
    pub fn open_blob(&self, call: &Call, reference: &Reference, options: &ReadOptions) -> Result<BlobReader> {
        options.without_limit()?;
        Ok(BlobReader(deliver::open(self.remote_blob(call, reference)?, options)?))
    }

    /// Gets a blob into memory.
    pub fn get_blob(
        &self,
        call: &Call,
        reference: &Reference,
        options: &ReadOptions,
    ) -> Result<(DeliveredBlob, Vec<u8>)> {
        let (delivery, bytes) = deliver::to_memory(options, || self.remote_blob(call, reference))?;
        Ok((DeliveredBlob::of(delivery)?, bytes))
    }

    /// Gets a blob and writes it to `out`. What was written before an error cannot be undone.
    pub fn get_blob_to(
        &self,
        call: &Call,
        reference: &Reference,
        out: &mut dyn Write,
        options: &ReadOptions,
    ) -> Result<DeliveredBlob> {
        options.without_limit()?;
        let delivery = deliver::to_writer(self.remote_blob(call, reference)?, out, options)?;
        DeliveredBlob::of(delivery)
    }

    /// Gets a blob into a file, or into a pipe or device, which receives the bytes as they arrive.
    pub fn get_blob_file(
        &self,
        call: &Call,
        reference: &Reference,
        path: &Path,
        options: &SaveOptions,
    ) -> Result<DeliveredBlob> {
        let digest = blob_digest(reference)?;
        options.check()?;
        let expected = ExpectedDigest::digest(digest);
        if let Some(found) = deliver::existing(call, RemoteBlob::WORK, path, options, expected)? {
            return Ok(DeliveredBlob::skipped(digest.clone(), found));
        }
        let delivery = deliver::to_file(call, path, options, || self.remote_blob(call, reference))?;
        DeliveredBlob::of(delivery)
    }
}

impl DeliveredBlob {
    fn of(delivery: Delivery<RemoteBlob>) -> Result<DeliveredBlob> {
        let Delivery { download, resumed, path } = delivery;
        Ok(DeliveredBlob {
            digest: download.item().digest.clone(),
            size: download.size(),
            offset: download.offset(),
            length: download.delivered(),
            verified: download.is_verifiable(),
            resumed,
            served_by: Some(download.item().remote.served_by()),
            skipped: path.is_some().then_some(false),
            path,
        })
    }

    pub(crate) fn skipped(digest: Digest, found: ExistingFile) -> DeliveredBlob {
        let ExistingFile { size, path } = found;
        let (length, resumed) = (size, size);
        let (path, skipped, served_by) = (Some(path), Some(true), None);
        DeliveredBlob { digest, size: Some(size), offset: 0, length, verified: true, resumed, served_by, path, skipped }
    }
}
