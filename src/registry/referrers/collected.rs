//! The referrers that match a caller's filter, collected from the pages of a list.

use serde_json::Value;

use super::{Referrers, ReferrersSource};
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::manifest::Descriptor;
use crate::registry::list::cursor::{Cursor, Passage};
use crate::registry::list::name_list::NameSet;
use crate::registry::list::pages::EmptyPages;
use crate::registry::repository::Remote;
use crate::store::referrers_filter::ReferrersFilter;

/// More referrers than any manifest should have.
const MOST_REFERRERS: usize = 100_000;

pub(crate) struct FoundReferrers {
    filter: ReferrersFilter,
    pub(crate) passage: Passage,
    seen: NameSet,
    referrers: Vec<Descriptor>,
    pub(crate) next: Option<Cursor>,
    /// Whether the page has something that was not there before.
    is_new: bool,
    empty: EmptyPages,
}

impl FoundReferrers {
    pub(crate) fn new(filter: ReferrersFilter, cursor: Option<&Cursor>) -> FoundReferrers {
        let passage = Passage::new(cursor);
        FoundReferrers {
            filter,
            passage,
            seen: NameSet::default(),
            referrers: Vec::new(),
            next: None,
            is_new: false,
            empty: EmptyPages::default(),
        }
    }

    /// Takes a referrer that matches the filter; `has_type`: the registry has filtered by artifact type.
    pub(crate) fn take(&mut self, entry: Descriptor, has_type: bool) -> Result<()> {
        check(&entry)?;
        let FoundReferrers { filter, passage, seen, referrers, is_new, .. } = self;
        let digest = entry.digest.clone();
        passage.pass(digest.as_str(), || {
            if seen.has(digest.as_str()) {
                return Ok(true);
            }
            *is_new = true;
            if !filter.lets_pass(&entry, has_type) {
                return seen.add(digest.as_str()).map(|()| true);
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

    pub(crate) fn end_page(&mut self) -> Result<()> {
        self.empty.end_page(std::mem::take(&mut self.is_new))
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
            resolved_by: Vec::new(),
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
