//! Changes of an index that is there: it is read, changed, and put only if its name refers to it still; else all of that is done again.
//! So of several who add to it at once, each one's entries get in.
//!
//! Where nobody sees to the condition but us (most registries, an archive), somebody may look and write just as we do: then the index is
//! looked at once more a little later, as it is done with lists of referrers.

use std::collections::hash_map::RandomState;
use std::collections::HashSet;
use std::hash::BuildHasher;
use std::time::{Duration, Instant};

use serde_json::json;

use super::index_sources::{IndexSources, IndexStore};
use super::referenced_entries::with_platforms;
use super::{raw, IndexSourceOptions, WrittenIndex};
use crate::call::Call;
use crate::digest::Digest;
use crate::error::{Code, Error, Result, Side};
use crate::manifest::build::build;
use crate::manifest::index_entries::{self as entries, ChangedEntries, IndexEntry};
use crate::manifest::{Document, Kind};
use crate::options::options;
use crate::platform::Platform;
use crate::store::condition::{NameCondition, NameOptions, SeenTo};
use crate::store::{RawManifest, ReadStore, WriteStore};
use crate::text::shorten;
use crate::transfer::copy::{copy_index_with, CopyOptions};

/// How often a change is tried while others change the same index.
const TRIES: u32 = 16;
/// The longest time before an index that was written is looked at once more.
const MOST_SETTLE: Duration = Duration::from_secs(1);
/// The longest wait before the first of the other tries; it doubles five times.
const FIRST_WAIT: Duration = Duration::from_millis(20);

options! {
    /// Options of [`append`].
    #[derive(Debug, Clone)]
    pub struct IndexAppendOptions {
        /// images for a platform that the index has an entry for take that one's place, with what attests something about it;
        /// without it both are there, as other tools have it
        pub replace: bool,
        /// make the index when its name refers to nothing
        pub create: bool,
        /// the name has to refer to this index, else OCIREG_DIGEST_MISMATCH, and nothing is written
        pub if_digest: Option<Digest>,
    } and {
        /// What is put into it
        pub sources: IndexSourceOptions,
    }
}

options! {
    /// Options of [`remove`].
    #[derive(Debug, Clone)]
    pub struct IndexRemoveOptions {
        /// of entries; without these and platform the call is OCIREG_INVALID_ARGUMENT
        pub digests: Vec<String>,
        /// OS/ARCH[/VARIANT][:OS.VERSION] each: all entries for it, of any os.version if none is given; unknown/unknown are all
        /// attestations
        pub platform: Vec<String>,
        /// the name has to refer to this index, else OCIREG_DIGEST_MISMATCH, and nothing is written
        pub if_digest: Option<Digest>,
    }
}

/// Opens the index's place, once for each try.
pub type OpenPlace<'a> = dyn Fn() -> Result<(Box<dyn ReadStore>, Box<dyn WriteStore>)> + 'a;

/// Puts what references name into an index, with everything that it needs.
pub fn append(
    call: &Call,
    sources: &IndexSources,
    open: &OpenPlace,
    options: &IndexAppendOptions,
) -> Result<WrittenIndex> {
    options.sources.check()?;
    let media_type = options.sources.media_type()?;
    let new = options.sources.gather(call, sources)?;
    let edit =
        |index: &Document, _: &dyn ReadStore| Ok(entries::added(IndexEntry::all(index), new.clone(), options.replace));
    let copy = options.sources.copy(NameOptions::default());
    let change = IndexChange { sources, open, media_type, if_digest: options.if_digest.as_ref(), copy, edit: &edit };
    change.make(call, options.create)
}

/// Takes entries out of an index. The manifests stay where they are.
pub fn remove(call: &Call, open: &OpenPlace, options: &IndexRemoveOptions) -> Result<WrittenIndex> {
    let digests = options.digests.iter().map(|text| digest(text)).collect::<Result<Vec<_>>>()?;
    let platforms = options.platform.iter().map(|text| text.parse()).collect::<Result<Vec<Platform>>>()?;
    if digests.is_empty() && platforms.is_empty() {
        let message = "the options digests and platform are missing: there is nothing to remove";
        return Err(Error::new(Code::InvalidArgument, message));
    }
    let edit = |index: &Document, place: &dyn ReadStore| {
        let before = match platforms.is_empty() {
            true => IndexEntry::all(index),
            false => with_platforms(call, place, index)?,
        };
        let mut changed = entries::removed(before, &digests, &platforms)?;
        // What was looked up is not for the others.
        let stays: HashSet<Digest> = changed.all.iter().map(|entry| entry.descriptor.digest.clone()).collect();
        changed.all = IndexEntry::all(index);
        changed.all.retain(|entry| stays.contains(&entry.descriptor.digest));
        Ok(changed)
    };
    let (sources, copy) = (&IndexSources::new(Vec::new())?, CopyOptions::default());
    IndexChange { sources, open, media_type: None, if_digest: options.if_digest.as_ref(), copy, edit: &edit }
        .make(call, false)
}

fn digest(text: &str) -> Result<Digest> {
    let wrong = |error| Error::new(Code::InvalidArgument, format!("the digest '{}': {error}", shorten(text)));
    text.parse::<Digest>().map_err(wrong)
}

/// One change, which is tried until it is in.
struct IndexChange<'a> {
    sources: &'a IndexSources,
    open: &'a OpenPlace<'a>,
    /// The type that the index is to have.
    media_type: Option<&'static str>,
    if_digest: Option<&'a Digest>,
    copy: CopyOptions,
    edit: &'a dyn Fn(&Document, &dyn ReadStore) -> Result<ChangedEntries>,
}

impl IndexChange<'_> {
    fn make(&self, call: &Call, may_create: bool) -> Result<WrittenIndex> {
        for attempt in 1..=TRIES {
            let begun = Instant::now();
            let (from, to) = (self.open)()?;
            match self.once(call, from.as_ref(), to.as_ref(), may_create) {
                Ok(done) if self.is_in(call, &done, begun)? => return Ok(WrittenIndex { attempts: attempt, ..done }),
                Ok(_) => {}
                Err(error) if error.conflict().is_some() && self.if_digest.is_none() && attempt < TRIES => {}
                Err(error) => return Err(error),
            }
            drop((from, to));
            let most = FIRST_WAIT * (1 << attempt.min(5));
            let share = RandomState::new().hash_one(attempt) % 1_000;
            call.sleep(most * share as u32 / 1_000)?;
        }
        let message = format!("the index was changed by others each of {TRIES} times that it was written");
        Err(Error::new(Code::DigestMismatch, message).with_side(Side::Destination))
    }

    fn once(&self, call: &Call, from: &dyn ReadStore, to: &dyn WriteStore, may_create: bool) -> Result<WrittenIndex> {
        let before = self.before(call, from, to, may_create).map_err(|error| error.with_side(Side::Destination))?;
        let empty = build(br#"{"manifests":[]}"#, crate::digest::Algorithm::Sha256)?.document;
        let base = before.as_ref().map_or(&empty, |before| &before.document);
        let changed = (self.edit)(base, from).map_err(|error| match error.side() {
            None => error.with_side(Side::Destination),
            Some(_) => error,
        })?;
        let usual = match before {
            Some(_) => &base.media_type,
            None => entries::usual_type(&changed.all),
        };
        let media_type = self.media_type.unwrap_or(usual);
        if let Some(before) = before.as_ref().filter(|_| changed.added.is_empty() && changed.removed.is_empty()) {
            if media_type == base.media_type {
                return Ok(unchanged(before, to));
            }
        }
        let root = raw(entries::written(base, media_type, &changed.all)?);
        let digest = before.as_ref().map(|before| before.digest().clone());
        let names = match &digest {
            Some(digest) => NameOptions { if_digest: Some(digest.clone()), if_exists: None },
            None => NameOptions { if_digest: None, if_exists: Some("fail".to_owned()) },
        };
        let document = root.document.clone();
        let new = changed.added.iter().map(|entry| entry.digest.clone()).collect();
        let store = IndexStore { sources: self.sources, root };
        let copied = copy_index_with(call, &store, to, new, &CopyOptions { names, ..self.copy.clone() })?;
        Ok(WrittenIndex { before: digest, ..WrittenIndex::told(copied, Some(&document), changed) })
    }

    /// The index that the name refers to, as it is at the place itself: a mirror may have an older one.
    fn before(
        &self,
        call: &Call,
        from: &dyn ReadStore,
        to: &dyn WriteStore,
        may_create: bool,
    ) -> Result<Option<RawManifest>> {
        let now = to.named(call)?;
        if let Some(expected) = self.if_digest {
            let condition = NameCondition::RefersTo(expected.clone());
            condition.allows(&to.name()?, now.as_ref().map(|now| &now.digest))?;
        }
        let Some(now) = now else {
            return match may_create {
                true => Ok(None),
                false => Err(Error::new(Code::NotFound, format!("there is no index {}", to.place()))),
            };
        };
        let content = match from.manifest(call, &now) {
            // A directory has its root under another name.
            Err(error) if error.code() == Code::NotFound => {
                from.root(call).ok().filter(|root| *root.digest() == now.digest).ok_or(error)?
            }
            outcome => outcome?,
        };
        match content.document.kind {
            Kind::Index => Ok(Some(content)),
            _ => {
                let message = format!("{} is no index, but of type {}", to.place(), content.document.media_type);
                Err(Error::new(Code::Unsupported, message))
            }
        }
    }

    /// Whether the change has lasted, where somebody may have written at the same moment.
    fn is_in(&self, call: &Call, done: &WrittenIndex, begun: Instant) -> Result<bool> {
        if done.condition != Some(SeenTo::Looked) {
            return Ok(true);
        }
        // A client that read the index before it was written will write in about the time that this took.
        call.sleep((begun.elapsed() * 3).min(MOST_SETTLE))?;
        let (from, to) = (self.open)()?;
        let Some(now) = to.named(call)?.filter(|now| now.digest != done.digest) else { return Ok(true) };
        let Ok(content) = from.manifest(call, &now) else { return Ok(true) };
        let has = |digest: &Digest| content.document.manifests().iter().any(|entry| entry.digest == *digest);
        let is_index = content.document.kind == Kind::Index;
        let kept = done.added.iter().all(|entry| has(&entry.digest));
        Ok(!is_index || kept && !done.removed.iter().any(|entry| has(&entry.digest)))
    }
}

/// The result when nothing was to be changed, and nothing was.
fn unchanged(index: &RawManifest, to: &dyn WriteStore) -> WrittenIndex {
    let document = &index.document;
    let blobs = json!({"total": 0, "copied": 0, "mounted": 0, "skipped": 0, "bytes": 0, "bytes_copied": 0,
                       "bytes_resumed": 0});
    WrittenIndex {
        destination: to.place(),
        digest: document.digest.clone(),
        media_type: document.media_type.clone(),
        size: Some(document.size),
        before: Some(document.digest.clone()),
        manifests: document.manifests().to_vec(),
        added: Vec::new(),
        removed: Vec::new(),
        subject: document.subject().cloned(),
        copied: json!({"manifests": {"total": 0, "copied": 0, "skipped": 0, "referrers": 0}, "blobs": blobs}),
        attempts: 1,
        skipped: Vec::new(),
        condition: None,
    }
}
