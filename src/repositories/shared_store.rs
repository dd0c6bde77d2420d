//! The place for one of several images that come to a destination at once. A blob that several of them have is moved by one, and
//! the others wait for it. What is known to be there is not asked for again.

use std::collections::HashSet;
use std::sync::{Condvar, Mutex};
use std::time::Duration;

use super::report::CountedContents;
use crate::call::Call;
use crate::digest::Digest;
use crate::error::{Code, Error, Result, Side};
use crate::manifest::Descriptor;
use crate::mutex::{lock, wait};
use crate::store::condition::{NameCondition, NameFate};
use crate::store::{Moved, PromisedBlob, RawManifest, ReadStore, Role, TakenBlob, WriteStore};
use crate::stream::source::Source;

/// How often one that waits looks whether it may go on.
const LOOK: Duration = Duration::from_millis(50);

/// How long what is on its way may take to be seen.
const SETTLING: Duration = Duration::from_millis(300);

/// What is at the destinations, and what is on its way there.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    state: Mutex<TrafficState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct TrafficState {
    /// With their sizes.
    blobs: CountedContents<u64>,
    /// A blob may have the bytes of a manifest without being one.
    manifests: CountedContents,
    under_way: HashSet<(u32, Digest)>,
}

/// A blob that is on its way; others wait until this is dropped.
struct BlobTraffic<'a> {
    traffic: &'a Traffic,
    destination: u32,
    digest: &'a Digest,
}

impl Traffic {
    /// The size of a blob that is there.
    fn size(&self, destination: u32, digest: &Digest) -> Option<u64> {
        lock(&self.state).blobs.get(destination, digest).copied()
    }

    fn has_manifest(&self, destination: u32, digest: &Digest) -> bool {
        lock(&self.state).manifests.has(destination, digest)
    }

    fn blob_arrived(&self, destination: u32, blob: &Descriptor) {
        lock(&self.state).blobs.set(destination, &blob.digest, blob.size);
    }

    fn manifest_arrived(&self, destination: u32, digest: &Digest) {
        lock(&self.state).manifests.add(destination, digest);
    }

    /// Waits for one's turn; None: it has arrived meanwhile.
    fn enter<'a>(&'a self, call: &Call, destination: u32, wanted: &'a Descriptor) -> Result<Option<BlobTraffic<'a>>> {
        let digest = &wanted.digest;
        let key = (destination, digest.clone());
        loop {
            let mut state = lock(&self.state);
            if state.blobs.get(destination, digest) == Some(&wanted.size) {
                return Ok(None);
            }
            if !state.under_way.contains(&key) {
                state.under_way.insert(key);
                return Ok(Some(BlobTraffic { traffic: self, destination, digest }));
            }
            drop(wait(&self.changed, state, LOOK));
            call.check()?;
        }
    }
}

impl Drop for BlobTraffic<'_> {
    fn drop(&mut self) {
        lock(&self.traffic.state).under_way.remove(&(self.destination, self.digest.clone()));
        self.traffic.changed.notify_all();
    }
}

/// Puts a manifest; once more if the registry says that it misses one that was put before. distribution on a file system writes a link of
/// each manifest in place: while another image puts the same one, as an index and its tagged child do, it is not there for a moment.
fn once_more_if_missing<T>(call: &Call, put: impl Fn() -> Result<T>) -> Result<T> {
    let is_missing = |error: &Error| {
        let told = error.registry_errors().iter().any(|told| told.code == "MANIFEST_BLOB_UNKNOWN");
        told || error.code() == Code::MissingBlob
    };
    match put() {
        Err(error) if is_missing(&error) => {
            call.sleep(SETTLING)?;
            put()
        }
        outcome => outcome,
    }
}

/// What a name referred to, so that one that another client sets meanwhile stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SeenAtDestination {
    /// Nobody has to know.
    Unknown,
    /// It is found out when what is to be put is known, and is something else.
    ToLearn,
    Nothing,
    Digest(Digest),
}

pub(super) struct SharedStore<'a> {
    pub(super) to: Box<dyn WriteStore>,
    /// What its name refers to, if that is known.
    pub(super) named: Option<Digest>,
    /// What its name referred to when that was looked up.
    pub(super) seen: Mutex<SeenAtDestination>,
    pub(super) destination: u32,
    /// None where what one image has put may not be there for others yet: such a store sees to that itself.
    pub(super) traffic: Option<&'a Traffic>,
}

impl SharedStore<'_> {
    /// Finds out what the name refers to, before anything is moved.
    fn learn(&self, call: &Call) -> Result<()> {
        if *lock(&self.seen) != SeenAtDestination::ToLearn {
            return Ok(());
        }
        *lock(&self.seen) = match self.to.named(call) {
            Ok(Some(now)) => SeenAtDestination::Digest(now.digest),
            Ok(None) => SeenAtDestination::Nothing,
            // An account that may write need not be allowed to read.
            Err(error) if error.code() == Code::Forbidden => SeenAtDestination::Unknown,
            Err(error) => return Err(error),
        };
        Ok(())
    }

    /// Refuses a blob that another image has brought with another size, if the destination has it with that.
    fn check_size(&self, call: &Call, traffic: &Traffic, wanted: &Descriptor) -> Result<()> {
        let known = traffic.size(self.destination, &wanted.digest).filter(|known| *known != wanted.size);
        let Some(size) = known else { return Ok(()) };
        if !self.to.has_blob(call, &Descriptor { size, ..wanted.clone() })? {
            return Ok(());
        }
        let message = format!("the blob {} has {size} bytes, not {}", wanted.digest, wanted.size);
        Err(Error::new(Code::SizeMismatch, message).with_side(Side::Source))
    }

    /// Whether the name refers to what is to be put by now; refused if another client has set it to anything else since it was looked
    /// up: the blobs may have taken hours.
    fn look_again(&self, call: &Call, content: &RawManifest) -> Result<bool> {
        let seen = lock(&self.seen).clone();
        let seen = match &seen {
            SeenAtDestination::Unknown | SeenAtDestination::ToLearn => return Ok(false),
            SeenAtDestination::Nothing => None,
            SeenAtDestination::Digest(digest) => Some(digest),
        };
        let now = match self.to.named(call) {
            Err(error) if seen.is_none() && error.code() == Code::Forbidden => return Ok(false),
            now => now?.map(|now| now.digest),
        };
        if now.as_ref() == Some(content.digest()) {
            // What refers to another manifest may still have to be listed there.
            return Ok(content.document.subject().is_none());
        }
        if now.as_ref() == seen {
            return Ok(false);
        }
        let name = self.to.name()?;
        let message = format!("'{name}' was changed by another client since it was looked up, and stays as it is");
        let error = Error::new(Code::DigestMismatch, message).with_conflict(&name, now.as_ref().map(Digest::as_str));
        Err(error.with_hint("sync again: then it is looked up again"))
    }
}

impl WriteStore for SharedStore<'_> {
    fn place(&self) -> String {
        self.to.place()
    }

    fn look(&self, call: &Call, root: &RawManifest) -> Result<bool> {
        // What the name refers to has just been looked up, and is looked up again before it is set.
        let is_old = matches!(&*lock(&self.seen), SeenAtDestination::Digest(old) if old != root.digest());
        let is_there = !is_old && self.to.look(call, root)? || self.named.as_ref() == Some(root.digest());
        if !is_there {
            self.learn(call)?;
        }
        Ok(is_there)
    }

    fn begin(&self, call: &Call) -> Result<()> {
        self.to.begin(call)
    }

    fn has_manifest(&self, call: &Call, digest: &Digest) -> Result<bool> {
        let known = self.traffic.is_some_and(|traffic| traffic.has_manifest(self.destination, digest));
        Ok(known || self.to.has_manifest(call, digest)?)
    }

    fn has_blob(&self, call: &Call, wanted: &Descriptor) -> Result<bool> {
        let known = self.traffic.and_then(|traffic| traffic.size(self.destination, &wanted.digest));
        Ok(known == Some(wanted.size) || self.to.has_blob(call, wanted)?)
    }

    fn put_blob(&self, call: &Call, wanted: &Descriptor, from: &dyn ReadStore) -> Result<Moved> {
        let Some(traffic) = self.traffic else { return self.to.put_blob(call, wanted, from) };
        let Some(_passage) = traffic.enter(call, self.destination, wanted)? else {
            return Ok(Moved::Present);
        };
        self.check_size(call, traffic, wanted)?;
        let moved = self.to.put_blob(call, wanted, from)?;
        traffic.blob_arrived(self.destination, wanted);
        Ok(moved)
    }

    fn take_blob(&self, call: &Call, source: &mut dyn Source, promised: PromisedBlob) -> Result<TakenBlob> {
        self.to.take_blob(call, source, promised)
    }

    fn name(&self) -> Result<String> {
        self.to.name()
    }

    fn named(&self, call: &Call) -> Result<Option<Descriptor>> {
        self.to.named(call)
    }

    fn put_named(
        &self,
        call: &Call,
        content: &RawManifest,
        names: &[String],
        condition: &NameCondition,
    ) -> Result<Vec<NameFate>> {
        self.to.put_named(call, content, names, condition)
    }

    fn put_root(&self, call: &Call, content: &RawManifest, condition: &NameCondition) -> Result<NameFate> {
        if self.look_again(call, content)? {
            return Ok(NameFate::Set(None));
        }
        match self.traffic {
            Some(_) => once_more_if_missing(call, || self.to.put_root(call, content, condition)),
            None => self.to.put_root(call, content, condition),
        }
    }

    fn put_manifest(&self, call: &Call, content: &RawManifest, role: &Role) -> Result<()> {
        self.to.put_manifest(call, content, role)?;
        if let Some(traffic) = self.traffic.filter(|_| *role == Role::Child) {
            traffic.manifest_arrived(self.destination, content.digest());
        }
        Ok(())
    }

    fn unlisted(&self) -> Vec<Digest> {
        self.to.unlisted()
    }

    fn list_referrers(&self, call: &Call, subject: &Digest) -> Result<()> {
        self.to.list_referrers(call, subject)
    }

    fn one_platform(&self) -> bool {
        self.to.one_platform()
    }

    fn takes_packed(&self) -> bool {
        self.to.takes_packed()
    }

    fn finish(&self, call: &Call) -> Result<()> {
        self.to.finish(call)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::digest::Algorithm;

    /// The names of the functions in a part of a text.
    fn functions<'a>(text: &'a str, from: &str) -> BTreeSet<&'a str> {
        let begin = text.find(from).unwrap();
        let part = text[begin..].split("\n}\n").next().unwrap();
        let name = |line: &'a str| line.strip_prefix("    fn ")?.split('(').next();
        part.lines().filter_map(name).collect()
    }

    #[test]
    fn everything_that_a_store_can_do_is_passed_on() {
        let store = include_str!("../store/mod.rs");
        for (kind, from) in [
            ("pub trait WriteStore", (include_str!("shared_store.rs"), "impl WriteStore for SharedStore")),
            ("pub trait ReadStore", (include_str!("listed_source.rs"), "impl ReadStore for ListedSource")),
        ] {
            let all = functions(store, kind);
            assert!(all.len() > 10 && all == functions(from.0, from.1), "{kind}: {all:?}");
        }
    }

    #[test]
    fn what_is_missing_for_a_moment_is_put_once_more() {
        let call = Call::alone(None);
        for (code, missing_for, tries, ok) in
            [(Code::MissingBlob, 1, 2, true), (Code::MissingBlob, 2, 2, false), (Code::Forbidden, 1, 1, false)]
        {
            let count = std::cell::Cell::new(0);
            let outcome = once_more_if_missing(&call, || {
                count.set(count.get() + 1);
                if count.get() > missing_for {
                    Ok(())
                } else {
                    Err(Error::new(code, "x"))
                }
            });
            assert_eq!((count.get(), outcome.is_ok()), (tries, ok), "{code:?}");
        }
    }

    #[test]
    fn a_blob_with_the_bytes_of_a_manifest_is_no_manifest() {
        let (traffic, blob, manifest) =
            (Traffic::default(), Algorithm::Sha256.digest(b"blob"), Algorithm::Sha256.digest(b"manifest"));
        traffic.blob_arrived(0, &Descriptor::new("", blob.clone(), 4));
        traffic.manifest_arrived(0, &manifest);
        assert!(traffic.size(0, &blob) == Some(4) && traffic.has_manifest(0, &manifest));
        assert!(!traffic.has_manifest(0, &blob) && traffic.size(0, &manifest).is_none());
    }
}
