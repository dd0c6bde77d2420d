//! One change of an index: it is read, changed, and put only if its name refers to it still; else all of that is done again. So of several
//! that change it at once, each one's change gets in.
//!
//! Where only this library checks the condition (most registries, an archive), another client may look and write just as we do: then the index is
//! looked at once more a little later, as it is done with lists of referrers.

use std::collections::hash_map::RandomState;
use std::collections::HashSet;
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use super::index_before::{index_before, IndexPlace};
use super::index_sources::{IndexSources, IndexStore};
use super::{check_count, raw, subject_member, WrittenIndex};
use crate::call::Call;
use crate::digest::Digest;
use crate::error::{Code, Error, Result, Side};
use crate::manifest::build::build;
use crate::manifest::index_entries::{self as entries, ChangedEntries};
use crate::manifest::{Descriptor, Document, Kind};
use crate::mutex::lock;
use crate::store::condition::{ConditionCheck, NameOptions};
use crate::store::{RawManifest, ReadStore, WriteStore};
use crate::transfer::copy::{copy_index_with, nothing, CopyOptions};
use crate::transfer::workers::{in_parallel, width_of};

/// How often a change is tried while others change the same index.
const TRIES: u32 = 16;
/// The longest time before an index that was written is looked at once more, if that took no long time itself.
const USUAL_SETTLE: Duration = Duration::from_secs(1);
/// The longest in any case.
const MOST_SETTLE: Duration = Duration::from_secs(10);
/// The longest wait before the first of the other tries; it doubles five times.
const FIRST_WAIT: Duration = Duration::from_millis(20);
/// How often an index is looked at that refers to something else whenever it is to be read.
const LOOKS: u32 = 3;

/// The index's place to read from, unless it is not there yet, and to write to.
pub(crate) type OpenedPlace = (Option<Box<dyn ReadStore>>, Box<dyn WriteStore>);

/// Opens the index's place, once for each try.
pub(super) type OpenPlace<'a> = dyn Fn() -> Result<OpenedPlace> + 'a;

/// How the entries change, of an index that is read from somewhere.
type Edit<'a> = dyn Fn(&Document, Option<&dyn ReadStore>) -> Result<ChangedEntries> + 'a;

/// One change, which is tried until it is in.
pub(super) struct IndexChange<'a> {
    pub(super) sources: &'a IndexSources,
    pub(super) open: &'a OpenPlace<'a>,
    /// Where the changed index goes instead, whatever that name refers to.
    pub(super) other: Option<&'a dyn WriteStore>,
    /// The type that the index is to have.
    pub(super) media_type: Option<&'static str>,
    /// What the index gets besides its own.
    pub(super) annotations: Map<String, Value>,
    /// What it is to be about.
    pub(super) subject: Option<&'a Descriptor>,
    pub(super) if_digest: Option<&'a Digest>,
    pub(super) copy: CopyOptions,
    pub(super) edit: &'a Edit<'a>,
}

impl IndexChange<'_> {
    pub(super) fn make(&self, call: &Call, may_create: bool) -> Result<WrittenIndex> {
        let (mut written, mut conflict): (Option<WrittenIndex>, Option<Error>) = (None, None);
        for attempt in 1..=TRIES {
            let begun = Instant::now();
            let (from, to) = (self.open)()?;
            match self.once(call, &IndexPlace { from: from.as_deref(), to: to.as_ref() }, may_create) {
                Ok(done) if self.copy.dry_run || self.other.is_some() => return Ok(done),
                Ok(done) => {
                    let done = WrittenIndex { attempts: attempt, ..done.after(written.take()) };
                    match self.has_lasted(call, &done, begun) {
                        Ok(true) => return Ok(done),
                        Ok(false) => written = Some(done),
                        Err(error) if error.ends_call() => return Err(error.within("the index was written")),
                        Err(_) => return Ok(WrittenIndex { condition: Some(ConditionCheck::Unconfirmed), ..done }),
                    }
                }
                Err(error) if error.conflict().is_some() && self.if_digest.is_none() => conflict = Some(error),
                Err(error) => return Err(error),
            }
            drop((from, to));
            let most = FIRST_WAIT * (1 << attempt.min(5));
            let share = RandomState::new().hash_one(attempt) % 1_000;
            call.sleep(most * share as u32 / 1_000)?;
        }
        Err(given_up(conflict.as_ref()))
    }

    fn once(&self, call: &Call, place: &IndexPlace, may_create: bool) -> Result<WrittenIndex> {
        let before = index_before(call, place, self.if_digest, may_create).map_err(at_destination)?;
        let empty = build(br#"{"manifests":[]}"#, crate::digest::Algorithm::Sha256)?.document;
        let base = before.as_ref().map_or(&empty, |before| &before.document);
        let changed = (self.edit)(base, place.from).map_err(at_destination)?;
        check_count(&changed)?;
        let annotated = about(entries::annotated(base, &self.annotations), self.subject);
        let usual = match before {
            Some(_) => &base.media_type,
            None => entries::usual_type(&annotated, &changed.all),
        };
        let media_type = self.media_type.unwrap_or(usual);
        let parts = self.parts(call, place, &changed)?;
        let is_same = changed.added.is_empty() && changed.removed.is_empty() && media_type == base.media_type;
        let is_same = is_same && annotated.value == base.value && self.other.is_none();
        match &before {
            Some(before) if is_same => self.bring(call, place, before.clone(), parts),
            before => {
                let root = raw(entries::written(&annotated, media_type, &changed.all)?);
                let names = match before {
                    _ if self.other.is_some() => NameOptions::default(),
                    Some(before) => NameOptions { if_digest: Some(before.digest().clone()), if_exists: None },
                    None => NameOptions { if_digest: None, if_exists: Some("fail".to_owned()) },
                };
                let content = root.clone();
                let store = IndexStore { sources: self.sources, root, home: None };
                let copy = CopyOptions { names, ..self.copy.clone() };
                let copied = copy_index_with(call, &store, self.other.unwrap_or(place.to), parts, &copy)?;
                let told = WrittenIndex::told(copied, Some(&content.document), changed);
                let before = before.as_ref().map(|before| before.digest().clone());
                Ok(WrittenIndex { before, ..told }.of(content, self.copy.dry_run))
            }
        }
    }

    /// What has to be brought: what is new, and of what the index had already those that are missing, or all of them with what refers to
    /// them.
    fn parts(&self, call: &Call, place: &IndexPlace, changed: &ChangedEntries) -> Result<HashSet<Digest>> {
        let parts: HashSet<Digest> = changed.added.iter().map(|entry| entry.digest.clone()).collect();
        if changed.known.is_empty() {
            return Ok(parts);
        }
        let (all, width) = (self.copy.referrers, width_of(self.copy.concurrency)?);
        let (parts, known) = (Mutex::new(parts), changed.known.iter().collect());
        in_parallel(call, width, &Arc::default(), known, |call, _, entry: &Descriptor| {
            if all || !place.has(call, entry).map_err(at_destination)? {
                lock(&parts).insert(entry.digest.clone());
            }
            Ok(())
        })?;
        Ok(crate::mutex::into_inner(parts))
    }

    /// The index stays as it is, and gets what it names.
    fn bring(
        &self,
        call: &Call,
        place: &IndexPlace,
        index: RawManifest,
        parts: HashSet<Digest>,
    ) -> Result<WrittenIndex> {
        let (content, digest) = (index.clone(), index.digest().clone());
        let copied = match parts.is_empty() {
            true => nothing(call, "the references".to_owned(), place.to, index.descriptor()),
            false => {
                let names = NameOptions { if_digest: Some(digest.clone()), if_exists: None };
                let store = IndexStore { sources: self.sources, root: index, home: None };
                copy_index_with(call, &store, place.to, parts, &CopyOptions { names, ..self.copy.clone() })?
            }
        };
        let told = WrittenIndex::told(copied, Some(&content.document), ChangedEntries::default());
        Ok(WrittenIndex { before: Some(digest), condition: None, ..told }.of(content, self.copy.dry_run))
    }

    /// Whether the change has lasted, where another client may have written at the same moment.
    fn has_lasted(&self, call: &Call, done: &WrittenIndex, begun: Instant) -> Result<bool> {
        if done.condition != Some(ConditionCheck::Looked) {
            return Ok(true);
        }
        // A client that read the index before it was written will write in about the time that this took.
        let usual = (begun.elapsed() * 3).min(USUAL_SETTLE);
        call.sleep((done.root_took * 3).max(usual).min(MOST_SETTLE))?;
        for look in 1.. {
            let (from, to) = (self.open)()?;
            let now = to.named(call)?.filter(|now| now.digest != done.digest);
            let (Some(now), Some(from)) = (now, from) else { return Ok(true) };
            match (IndexPlace { from: Some(from.as_ref()), to: to.as_ref() }).content(call, &now) {
                Ok(content) => return Ok(self.is_in(done, &content.document)),
                Err(error) if error.ends_call() || look == LOOKS => return Err(error),
                Err(_) => call.sleep(FIRST_WAIT)?,
            }
        }
        Ok(true)
    }

    fn is_in(&self, done: &WrittenIndex, now: &Document) -> bool {
        let key = |entry: &Descriptor| (entry.digest.clone(), entry.platform.as_ref().map(|said| said.normal()));
        let there: HashSet<_> = now.manifests().iter().map(key).collect();
        let has = |entry: &Descriptor| there.contains(&key(entry));
        let has_type = self.media_type.is_none_or(|wanted| wanted == now.media_type);
        let is_about = |wanted: &Descriptor| now.subject().is_some_and(|subject| subject.digest == wanted.digest);
        let has_type = has_type && self.subject.is_none_or(is_about);
        let is_kept = done.added.iter().all(has) && !done.removed.iter().any(has) && has_type;
        // What is not an index any more was replaced, not changed by another client.
        now.kind != Kind::Index || is_kept
    }
}

/// An index that is about something; nothing is lost of what it says of that already.
fn about(mut index: Document, subject: Option<&Descriptor>) -> Document {
    if let Some(subject) = subject.filter(|new| index.subject().is_none_or(|old| old.digest != new.digest)) {
        index.value["subject"] = subject_member(subject);
    }
    index
}

fn at_destination(error: Error) -> Error {
    match error.side() {
        None => error.with_side(Side::Destination),
        Some(_) => error,
    }
}

/// The error when others were faster each time.
fn given_up(conflict: Option<&Error>) -> Error {
    let message = format!("other clients changed the index during each of {TRIES} attempts to write it");
    let error = Error::new(Code::DigestMismatch, message).with_side(Side::Destination);
    match conflict.and_then(Error::conflict) {
        Some(conflict) => error.with_conflict(&conflict.name, conflict.digest.as_deref()),
        None => error,
    }
}
