//! What places hold, as lists of the same form wherever it is: tags, and what refers to a manifest.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::Place;
use crate::call::Call;
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::image::place_contents;
use crate::registry::list::name_list::NameList;
use crate::registry::referrers::{Referrers, ReferrersOptions, ReferrersSource};
use crate::registry::tags::{is_digest_tag, Tags, TagsOptions};
use crate::registry::Client;

/// Lists the tags of a repository, or the names at another place.
pub fn tags(client: &Client, call: &Call, holder: &Place, options: &TagsOptions) -> Result<Tags> {
    let invalid = |why: &str| Err(Error::new(Code::InvalidArgument, why));
    if let Place::Registry(reference) = holder {
        return client.tags_of(call, reference.repository(), options);
    }
    if options.n == Some(0) {
        return invalid("the option n must be more than 0");
    }
    let store = holder.source(client)?;
    let listed = store.listed_names(call, options.digests)?;
    let named = listed.iter().map(|(name, digest)| (name.as_str(), digest.as_ref()));
    // In the order of a registry, where a list goes on by a name.
    let mut all: BTreeMap<&str, Option<&Digest>> =
        named.filter(|(name, _)| options.digest_tags || !is_digest_tag(name)).collect();
    leave_out(call, &store.place(), &mut all)?;
    let after = options.next.as_deref().or(options.last.as_deref()).unwrap_or_default();
    let most = options.n.filter(|_| !options.all).map_or(usize::MAX, |n| usize::try_from(n).unwrap_or(usize::MAX));
    let mut rest = all.into_iter().filter(|(name, _)| *name > after);
    let part: Vec<(&str, Option<&Digest>)> = rest.by_ref().take(most).collect();
    let last = rest.next().and(part.last()).map(|(name, _)| (*name).to_owned());
    let digests = options.digests.then(|| digests(&part));
    let tags = NameList::of(part.iter().map(|(name, _)| *name))?;
    let (name, served_by, resolved_by) = (store.place(), None, Vec::new());
    Ok(Tags { name, tags, next: last.clone(), last, digests, served_by, resolved_by, more: Map::new() })
}

/// What would be several lines of a list, or none, is not a name: others may have written anything.
fn leave_out(call: &Call, place: &str, all: &mut BTreeMap<&str, Option<&Digest>>) -> Result<()> {
    let before = all.len();
    all.retain(|name, _| !name.is_empty() && !name.contains(char::is_control));
    match before - all.len() {
        0 => Ok(()),
        odd => call.warn_of(place, &format!("{odd} names that are empty or have control characters are left out")),
    }
}

fn digests(names: &[(&str, Option<&Digest>)]) -> Map<String, Value> {
    names.iter().map(|(name, digest)| ((*name).to_owned(), digest.map(Digest::as_str).into())).collect()
}

/// Lists what refers to a manifest.
pub fn referrers(client: &Client, call: &Call, place: &Place, options: &ReferrersOptions) -> Result<Referrers> {
    if let Place::Registry(reference) = place {
        return client.referrers(call, reference, options);
    }
    let filter = options.filter()?;
    let (subject, mut listed) = place_contents::referring(call, place.source(client)?.as_ref())?;
    if let Some(next) = &options.next {
        let at = listed.iter().position(|entry| entry.digest.as_str() == next).ok_or_else(|| {
            Error::new(Code::InvalidArgument, "the option next is not that of a list of this place's referrers")
        })?;
        listed.drain(..=at);
    }
    listed.retain(|entry| filter.lets_pass(entry, false));
    let truncated = filter.max.is_some_and(|max| listed.len() > max);
    listed.truncate(filter.max.unwrap_or(usize::MAX));
    let next = listed.last().filter(|_| truncated).map(|last| last.digest.to_string());
    let (source, filters_applied) = (ReferrersSource::Index, Vec::new());
    let (served_by, resolved_by) = (None, Vec::new());
    Ok(Referrers { subject, referrers: listed, source, served_by, resolved_by, filters_applied, truncated, next })
}
