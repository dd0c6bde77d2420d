//! Setting a tag only if it refers to what the caller allows.
//!
//! HTTP has conditions for that (RFC 9110 13.1), but few registries know them: distribution and most others ignore the headers, and
//! no document says how to tell (distribution-spec pull request 251 is open). So it is found out: the manifest, which is there by
//! its digest, is put there once more on a condition that cannot hold. A registry that refuses with 412 looks at conditions; one
//! that ignores them stores the same bytes under their digest again, which changes nothing but is one more push to what listens. The tag
//! is looked at just before it is set everywhere: where conditions are ignored there is nothing else.

use std::sync::Arc;

use ::http::header::{HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH};

use super::get::{head, HeadOptions};
use super::put_once::{put_as, set_already, OnlyIf};
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::manifest::Document;
use crate::reference::Repository;
use crate::registry::repository::facts::RepositoryFacts;
use crate::registry::repository::Remote;
use crate::statuses;
use crate::store::condition::{ConditionCheck, NameCondition};
use crate::store::RawManifest;

/// An entity tag that no manifest has.
const NO_ETAG: HeaderValue = HeaderValue::from_static("\"no-such-manifest\"");
const ANY: HeaderValue = HeaderValue::from_static("*");

/// Which registries refuse a PUT whose If-None-Match, and whose If-Match, does not hold.
#[derive(Default)]
struct RefusesExisting(Arc<RepositoryFacts<bool>>);
#[derive(Default)]
struct RefusesChanged(Arc<RepositoryFacts<bool>>);

/// Finding that out: a condition that cannot hold, and what is known already.
struct ConditionProbe {
    known: Arc<RepositoryFacts<bool>>,
    cannot: (HeaderName, HeaderValue),
}

/// What a tag refers to.
struct TagNow {
    digest: Digest,
    /// None where the registry gives none, or a weak one, which cannot be a condition (RFC 9110 13.1.1).
    etag: Option<HeaderValue>,
}

/// What became of tags that were to be set on a condition.
#[derive(Default)]
pub(super) struct GuardedTags {
    pub(super) set: Vec<String>,
    pub(super) skipped: Vec<String>,
    /// What made sure of it; of several the weakest.
    pub(super) weakest: Option<ConditionCheck>,
}

/// Tags that are set on a condition, in one repository.
pub(super) struct Guarded<'a> {
    pub(super) remote: &'a Remote,
    pub(super) repository: &'a Repository,
    pub(super) condition: &'a NameCondition,
}

impl Guarded<'_> {
    /// Before anything is written: the tags that may be set, and those that are left as they are.
    pub(super) fn look(&self, tags: Vec<String>) -> Result<(Vec<String>, Vec<String>)> {
        let (mut free, mut skipped) = (Vec::new(), Vec::new());
        for tag in tags {
            let now = self.now(&tag)?;
            match self.condition.allows(&tag, now.as_ref().map(|now| &now.digest))? {
                true => free.push(tag),
                false => skipped.push(tag),
            }
        }
        Ok((free, skipped))
    }

    /// Whether all tags of what has a subject are left as they are. It may be among the subject's referrers as soon as it is there by its
    /// digest, so the tags are looked at just before that too.
    pub(super) fn leaves_all(&self, tags: &[String], document: &Document) -> Result<bool> {
        if *self.condition == NameCondition::None || document.subject().is_none() {
            return Ok(false);
        }
        Ok(self.look(tags.to_vec())?.0.is_empty())
    }

    /// Puts a manifest, which is there by its digest, under each tag that may be set.
    pub(super) fn put_all(&self, tags: Vec<String>, content: &RawManifest) -> Result<GuardedTags> {
        let mut done = GuardedTags::default();
        for tag in tags {
            match self.put(&tag, content).map_err(|error| self.not_all(&done, &tag, error))? {
                None => done.skipped.push(tag),
                Some(seen_to) => {
                    // At once: it is set, whatever becomes of the others.
                    self.remote.has_written(self.repository, &[&tag]);
                    if done.weakest != Some(ConditionCheck::Looked) {
                        done.weakest = Some(seen_to);
                    }
                    done.set.push(tag);
                }
            }
        }
        Ok(done)
    }

    fn not_all(&self, done: &GuardedTags, tag: &str, error: Error) -> Error {
        error.within(format!("the tag {tag} of {} is not set{}", self.remote.full_name(), set_already(&done.set)))
    }

    /// Puts a manifest, which is there by its digest, under a tag; None if the tag is left as it is.
    pub(super) fn put(&self, tag: &str, content: &RawManifest) -> Result<Option<ConditionCheck>> {
        match self.put_once(tag, content) {
            Err(error) if error.conflict().is_some() && *self.condition == (NameCondition::Free { skip: true }) => {
                Ok(None)
            }
            outcome => outcome.map(Some),
        }
    }

    fn put_once(&self, tag: &str, content: &RawManifest) -> Result<ConditionCheck> {
        // Nothing of ours is between the last look and the PUT. It is all there is where the registry does not look itself, and where
        // only some of its servers do.
        let known = match self.condition {
            NameCondition::RefersTo(_) => self.checked(tag)?,
            _ => None,
        };
        let has_asked = self.finds_out(known.as_ref(), content)?;
        let now = match known.filter(|_| !has_asked) {
            None => self.checked(tag)?,
            known => known,
        };
        let header = self.header(now.as_ref());
        let again = || self.again(tag, content);
        let only_if = OnlyIf { header: header.as_ref(), again: Some(&again) };
        let seen_to = if header.is_some() { ConditionCheck::Registry } else { ConditionCheck::Looked };
        let refused = match put_as(self.remote, tag, &[], content, &only_if) {
            Err(error) if header.is_some() && error.http_status().is_some_and(statuses::was_written_meanwhile) => error,
            outcome => return outcome.map(|_| seen_to),
        };
        let now = self.now(tag)?;
        if refused.attempts() > 1 && now.as_ref().is_some_and(|now| now.digest == *content.digest()) {
            // An earlier try was carried out, though its answer did not arrive.
            return Ok(seen_to);
        }
        self.check(tag, now.as_ref())?;
        // The condition holds, so this is about something else, such as tags that are never changed.
        Err(refused)
    }

    /// After a try that may have been carried out: whether the manifest is there, else whether the tag may still be set.
    fn again(&self, tag: &str, content: &RawManifest) -> Result<bool> {
        let now = self.now(tag)?;
        match now.as_ref().is_some_and(|now| now.digest == *content.digest()) {
            true => Ok(true),
            false => self.check(tag, now.as_ref()).map(|()| false),
        }
    }

    /// The condition of the request, if the registry is known to look at it.
    fn header(&self, now: Option<&TagNow>) -> Option<(HeaderName, HeaderValue)> {
        let probe = self.probe(now)?;
        let condition = match self.condition {
            NameCondition::RefersTo(_) => (IF_MATCH, now?.etag.clone()?),
            _ => probe.cannot,
        };
        probe.known.recall(self.remote)?.then_some(condition)
    }

    /// Finds out whether the registry refuses what must not be done, with a condition that cannot hold; false: nothing was asked.
    fn finds_out(&self, now: Option<&TagNow>, content: &RawManifest) -> Result<bool> {
        let Some(probe) = self.probe(now).filter(|probe| probe.known.recall(self.remote).is_none()) else {
            return Ok(false);
        };
        let only_if = OnlyIf { header: Some(&probe.cannot), again: None };
        let refuses = match put_as(self.remote, content.digest().as_str(), &[], content, &only_if) {
            Ok(_) => false,
            Err(error) if error.ends_call() => return Err(error),
            Err(error) => error.http_status().is_some_and(statuses::refuses_a_condition),
        };
        probe.known.remember(self.remote, refuses);
        Ok(true)
    }

    /// How to find out; None where no condition could be sent.
    fn probe(&self, now: Option<&TagNow>) -> Option<ConditionProbe> {
        let client = &self.remote.client;
        match self.condition {
            NameCondition::None => None,
            NameCondition::Free { .. } => Some(ConditionProbe {
                known: client.memory::<RefusesExisting>().0.clone(),
                cannot: (IF_NONE_MATCH, ANY),
            }),
            NameCondition::RefersTo(_) => {
                now?.etag.as_ref()?;
                Some(ConditionProbe { known: client.memory::<RefusesChanged>().0.clone(), cannot: (IF_MATCH, NO_ETAG) })
            }
        }
    }

    /// What the tag refers to, which it may.
    fn checked(&self, tag: &str) -> Result<Option<TagNow>> {
        let now = self.now(tag)?;
        self.check(tag, now.as_ref())?;
        Ok(now)
    }

    fn check(&self, tag: &str, now: Option<&TagNow>) -> Result<()> {
        let now = now.map(|now| &now.digest);
        match self.condition.holds(now) {
            true => Ok(()),
            false => Err(self.condition.conflict(tag, now)),
        }
    }

    fn now(&self, tag: &str) -> Result<Option<TagNow>> {
        // Where it will be set: a mirror may have an older one.
        match head(self.remote, &self.repository.with_tag(tag)?, &HeadOptions::default()) {
            Ok(head) => {
                let etag = head.headers.get("etag").filter(|etag| etag.starts_with('"'));
                let etag = etag.and_then(|etag| HeaderValue::from_str(&etag).ok());
                Ok(Some(TagNow { digest: head.digest, etag }))
            }
            Err(error) if error.code() == Code::NotFound => Ok(None),
            Err(error) => Err(error.within(format!("look at the tag {tag}"))),
        }
    }
}

/// Refuses a condition on tags where none is named.
pub(super) fn about_tags(condition: &NameCondition, tags: &[String]) -> Result<()> {
    match tags.is_empty() && *condition != NameCondition::None {
        true => Err(Error::new(
            Code::InvalidArgument,
            "the options if_exists and if_digest are about tags, and none is named: a manifest under its digest never changes",
        )),
        false => Ok(()),
    }
}
