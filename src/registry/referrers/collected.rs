//! The referrers that match a caller's filter, collected from the pages of a list.

use serde_json::Value;

use super::{Referrers, ReferrersOptions, ReferrersSource};
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::manifest::Descriptor;
use crate::registry::list::cursor::{Cursor, Passage};
use crate::registry::list::name_list::NameSet;
use crate::registry::repository::Remote;

/// More referrers than any manifest should have.
const MOST_REFERRERS: usize = 100_000;

#[derive(Debug, Clone, Default)]
pub(crate) struct Filter {
    pub(crate) artifact_type: Option<String>,
    pub(crate) annotations: Vec<(String, Option<String>)>,
    pub(crate) max: Option<usize>,
}

impl Filter {
    pub(crate) fn new(options: &ReferrersOptions) -> Result<Filter> {
        let invalid = |message: &str| Err(Error::new(Code::InvalidArgument, message));
        if options.max == Some(0) {
            return invalid("the option max must be more than 0");
        }
        if options.artifact_type.as_deref() == Some("") {
            return invalid("the option artifact_type is empty");
        }
        let pairs = options.annotations.iter().map(|text| match text.split_once('=') {
            Some((key, value)) => (key.to_owned(), Some(value.to_owned())),
            None => (text.clone(), None),
        });
        let annotations: Vec<_> = pairs.collect();
        if annotations.iter().any(|(key, _)| key.is_empty()) {
            return invalid("the option annotations contains one without a name");
        }
        let max = options.max.map(|max| usize::try_from(max).unwrap_or(usize::MAX));
        Ok(Filter { artifact_type: options.artifact_type.clone(), annotations, max })
    }

    pub(crate) fn lets_pass(&self, entry: &Descriptor, has_type: bool) -> bool {
        let typed = has_type || self.artifact_type.is_none() || entry.artifact_type == self.artifact_type;
        let value = |key: &String| entry.annotations.as_ref().and_then(|annotations| annotations.get(key));
        typed
            && self.annotations.iter().all(|(key, wanted)| match (value(key), wanted) {
                (None, _) => false,
                (Some(_), None) => true,
                (Some(found), Some(wanted)) => found == wanted.as_str(),
            })
    }
}

pub(crate) struct FoundReferrers {
    filter: Filter,
    pub(crate) passage: Passage,
    seen: NameSet,
    referrers: Vec<Descriptor>,
    pub(crate) next: Option<Cursor>,
}

impl FoundReferrers {
    pub(crate) fn new(filter: Filter, cursor: Option<&Cursor>) -> FoundReferrers {
        let passage = Passage::new(cursor);
        FoundReferrers { filter, passage, seen: NameSet::default(), referrers: Vec::new(), next: None }
    }

    /// Takes a referrer that matches the filter; `has_type`: the registry has filtered by artifact type.
    pub(crate) fn take(&mut self, entry: Descriptor, has_type: bool) -> Result<()> {
        check(&entry)?;
        let FoundReferrers { filter, passage, seen, referrers, .. } = self;
        let digest = entry.digest.clone();
        passage.pass(digest.as_str(), || {
            if !filter.lets_pass(&entry, has_type) || seen.has(digest.as_str()) {
                return Ok(true);
            }
            if filter.max.is_some_and(|max| referrers.len() >= max) {
                return Ok(false);
            }
            if referrers.len() >= MOST_REFERRERS {
                let message = format!("the manifest has more than {MOST_REFERRERS} referrers");
                return Err(Error::new(Code::LimitExceeded, message));
            }
            seen.add(digest.as_str())?;
            referrers.push(entry);
            Ok(true)
        })
    }

    pub(crate) fn is_full(&self) -> bool {
        self.filter.max.is_some_and(|max| self.referrers.len() >= max)
    }

    pub(crate) fn finish(
        self,
        remote: &Remote,
        subject: &Digest,
        source: ReferrersSource,
        filters_applied: Vec<String>,
    ) -> Result<Referrers> {
        Ok(Referrers {
            subject: subject.clone(),
            referrers: self.referrers,
            source,
            served_by: Some(remote.served_by()),
            filters_applied,
            truncated: self.next.is_some(),
            next: self.next.map(|next| next.text()).transpose()?,
        })
    }
}

fn check(entry: &Descriptor) -> Result<()> {
    if entry.media_type.is_empty() {
        return Err(Error::new(Code::Protocol, format!("the referrer {} has no media type", entry.digest)));
    }
    let is_text = |value: &Value| value.is_string() || value.is_null();
    match entry.annotations.as_ref().is_none_or(|annotations| annotations.values().all(is_text)) {
        true => Ok(()),
        false => {
            let message = format!("the referrer {} has an annotation that is not a string", entry.digest);
            Err(Error::new(Code::Protocol, message))
        }
    }
}
