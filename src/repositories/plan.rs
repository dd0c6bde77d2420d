//! What there is on both sides, and what follows from that: which tags are to be looked at, and which are too much. No I/O but the
//! lists.

use std::collections::{HashMap, HashSet};

use super::{Pair, Wanted};
use crate::call::Call;
use crate::error::{Code, Error, Result, Side};
use crate::store::is_digest_tag;

/// More tags than one call syncs.
const MOST: usize = 5_000_000;

/// The lists of a pair.
#[derive(Debug, Default)]
pub(crate) struct ListedPair {
    /// The tags and digests that are wanted, each once.
    pub names: Vec<String>,
    /// Which of the tags that are meant the destination has, whether the source has them or not; None: that is not known.
    pub there: Option<HashSet<String>>,
    /// What the source keeps under tags made of digests; None: that is not known.
    pub digest_tags: Option<HashSet<String>>,
}

impl ListedPair {
    /// Whether the destination has a tag; None: it has to be asked.
    pub(crate) fn has(&self, name: &str) -> Option<bool> {
        self.there.as_ref().map(|there| there.contains(name))
    }
}

/// Lists both sides of a pair, with as few requests as there are pages.
pub(crate) fn list(call: &Call, pair: &Pair) -> Result<ListedPair> {
    let filter = match &pair.wanted {
        Wanted::Exactly(names) => {
            let mut seen = HashSet::new();
            let names = names.iter().filter(|name| seen.insert(name.as_str())).cloned().collect();
            return Ok(ListedPair { names, ..ListedPair::default() });
        }
        Wanted::Tags(filter) => filter,
    };
    let (mut covered, mut digest_tags) = (Vec::new(), HashSet::new());
    let mut take = |tag: &str| {
        if filter.covers(tag) {
            covered.push(tag.to_owned());
        } else if is_digest_tag(tag) {
            digest_tags.insert(tag.to_owned());
        }
    };
    pair.source.tags(call, &mut take).map_err(|error| error.with_side(Side::Source))?;
    let mut there = HashSet::new();
    let mut take = |tag: &str| {
        if filter.covers(tag) {
            there.insert(tag.to_owned());
        }
    };
    let is_known = pair.destination.tags(call, &mut take).map_err(|error| error.with_side(Side::Destination))?;
    let there = Some(there).filter(|_| is_known);
    Ok(ListedPair { names: filter.select(covered.into_iter()), there, digest_tags: Some(digest_tags) })
}

/// The images to look at, as positions of a pair and of a name in its list. Two sources for one name at a destination are refused, and
/// what is listed twice counts once.
pub(crate) fn images(pairs: &[Pair], listed: &[Option<ListedPair>]) -> Result<Vec<(u32, u32)>> {
    let places: Vec<String> = pairs.iter().map(|pair| pair.destination.place()).collect();
    let mut shared: HashMap<&str, usize> = HashMap::new();
    places.iter().for_each(|place| *shared.entry(place).or_default() += 1);
    let mut taken: HashMap<(&str, &str), usize> = HashMap::new();
    let mut images = Vec::new();
    for (at, list) in listed.iter().enumerate() {
        for (number, name) in list.iter().flat_map(|list| &list.names).enumerate() {
            if shared.get(places[at].as_str()).is_some_and(|count| *count > 1) {
                match taken.insert((&places[at], name), at) {
                    None => {}
                    Some(other) if pairs[other].source.image(name) == pairs[at].source.image(name) => continue,
                    Some(other) => return Err(claimed_twice(&pairs[other], &pairs[at], name)),
                }
            }
            if images.len() == MOST {
                return Err(Error::new(Code::LimitExceeded, format!("there are more than {MOST} tags to sync")));
            }
            images.push((at as u32, number as u32));
        }
    }
    Ok(images)
}

fn claimed_twice(one: &Pair, other: &Pair, name: &str) -> Error {
    let (first, second) = (one.source.image(name), other.source.image(name));
    let message = format!("{} would be both {first} and {second}", other.destination.image(name));
    Error::new(Code::InvalidArgument, message)
        .with_hint("with the option scoped the names keep their registry and path")
}

/// The destination's tags that are meant, but that nothing of the source is for: positions of a pair, and tags. A source that has
/// none of the tags at all is no reason to remove every one of them.
pub(crate) fn doomed(pairs: &[Pair], listed: &[Option<ListedPair>]) -> Vec<(usize, String)> {
    let mut kept: HashMap<String, HashSet<&str>> = HashMap::new();
    for (pair, list) in pairs.iter().zip(listed) {
        let names = list.iter().flat_map(|list| list.names.iter().map(String::as_str));
        kept.entry(pair.destination.place()).or_default().extend(names);
    }
    let mut doomed = Vec::new();
    let mut named = HashSet::new();
    for (at, (pair, list)) in pairs.iter().zip(listed).enumerate() {
        let Some(list) = list.as_ref().filter(|list| !list.names.is_empty()) else { continue };
        let place = pair.destination.place();
        let kept = kept.get(&place);
        let mut tags: Vec<&String> = list.there.iter().flatten().collect();
        tags.sort();
        for tag in tags {
            let is_kept = kept.is_some_and(|kept| kept.contains(tag.as_str()));
            if !is_kept && named.insert((place.clone(), tag.clone())) {
                doomed.push((at, tag.clone()));
            }
        }
    }
    doomed
}
