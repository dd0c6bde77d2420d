//! Blobs whose parts came from several endpoints and were wrong together. Any of those may have sent wrong bytes, and none is blamed before it is
//! known which: in the same call each is asked for all of it, one after the other.

use std::collections::HashMap;
use std::sync::Mutex;

use crate::digest::Digest;
use crate::mirrors::EndpointKey;
use crate::mutex::lock;

#[derive(Default)]
pub(super) struct MixedBlobs(Mutex<HashMap<Digest, MixedBlob>>);

struct MixedBlob {
    /// The endpoints that sent the parts, but for those that are known to be right or wrong by now.
    suspects: Vec<EndpointKey>,
    /// The endpoints that were asked for all of it since.
    asked: Vec<EndpointKey>,
}

impl MixedBlobs {
    /// The parts that these sent were wrong together.
    pub(super) fn add(&self, digest: &Digest, senders: &[EndpointKey]) {
        let mixed = || MixedBlob { suspects: senders.to_vec(), asked: Vec::new() };
        lock(&self.0).entry(digest.clone()).or_insert_with(mixed);
    }

    /// Whether one endpoint has to send all of it.
    pub(super) fn has(&self, digest: &Digest) -> bool {
        lock(&self.0).contains_key(digest)
    }

    /// One is asked for it, which counts if it has to send all of it.
    pub(super) fn ask(&self, digest: &Digest, endpoint: &EndpointKey) {
        if let Some(mixed) = lock(&self.0).get_mut(digest) {
            mixed.asked.push(endpoint.clone());
        }
    }

    /// The endpoints that were asked for all of it.
    pub(super) fn asked(&self, digest: &Digest) -> Vec<EndpointKey> {
        lock(&self.0).get(digest).map(|mixed| mixed.asked.clone()).unwrap_or_default()
    }

    /// It is known of one what it sends.
    pub(super) fn clear_of(&self, digest: &Digest, endpoint: &EndpointKey) {
        if let Some(mixed) = lock(&self.0).get_mut(digest) {
            mixed.suspects.retain(|suspect| suspect != endpoint);
        }
    }

    /// The endpoint that sent wrong bytes, now that this one has sent all of it correctly: the other one, if it is the only one.
    pub(super) fn only_other(&self, digest: &Digest, right: &EndpointKey) -> Option<EndpointKey> {
        let mixed = lock(&self.0).remove(digest)?;
        let mut others = mixed.suspects.into_iter().filter(|suspect| suspect != right);
        let liar = others.next()?;
        others.next().is_none().then_some(liar)
    }
}
