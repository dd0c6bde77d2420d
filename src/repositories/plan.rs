//! What there is on both sides, and what follows from that: which tags are to be looked at, and which are too much. No I/O but the
//! lists.

use std::collections::{HashMap, HashSet};

use super::name_room::NameRoom;
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
    pub(crate) names: Vec<String>,
    /// Which of the tags that are meant the destination has, whether the source has them or not; None: that is not known.
    pub(crate) there: Option<HashSet<String>>,
    /// Those of them that the source did not list, if that has to be known.
    pub(crate) unlisted: HashSet<String>,
    /// What the source keeps under tags made of digests; None: that is not known.
    pub(crate) digest_tags: Option<HashSet<String>>,
}

impl ListedPair {
    /// Whether the destination has a tag; None: it has to be asked.
    pub(crate) fn has(&self, name: &str) -> Option<bool> {
        self.there.as_ref().map(|there| there.contains(name))
    }
}

/// Lists both sides of a pair, with as few requests as there are pages. The destination comes first: what another call brings there
/// meanwhile is not taken for something that the source has no more. To prune, only the source itself is believed.
pub(crate) fn list(call: &Call, pair: &Pair, prune: bool, room: &NameRoom) -> Result<ListedPair> {
    let filter = match &pair.wanted {
        Wanted::Exactly(names) => {
            let mut seen = HashSet::new();
            let names = names.iter().filter(|name| seen.insert(name.as_str())).cloned().collect();
            return Ok(ListedPair { names, ..ListedPair::default() });
        }
        Wanted::Tags(filter) => filter,
    };
    let taken = room.list();
    let mut there = HashSet::new();
    let mut take = |tag: &str| there.extend([tag.to_owned()]);
    let wanted = |tag: &str| filter.covers(tag) && taken.take(tag);
    let is_known =
        pair.destination.tags(call, &wanted, &mut take).map_err(|error| error.with_side(Side::Destination))?;
    let there = Some(there).filter(|_| is_known);
    let mut unlisted = there.clone().filter(|_| prune).unwrap_or_default();
    let (mut covered, mut digest_tags) = (Vec::new(), HashSet::new());
    let wanted = |tag: &str| (filter.covers(tag) || is_digest_tag(tag)) && taken.take(tag);
    let mut take = |tag: &str| match is_digest_tag(tag) {
        true => digest_tags.extend([tag.to_owned()]),
        false => {
            unlisted.remove(tag);
            covered.push(tag.to_owned());
        }
    };
    pair.source.tags(call, prune, &wanted, &mut take).map_err(|error| error.with_side(Side::Source))?;
    taken.keep()?;
    Ok(ListedPair { names: filter.select(covered.into_iter()), there, unlisted, digest_tags: Some(digest_tags) })
}

/// What is to be looked at.
#[derive(Debug, Default)]
pub(crate) struct Images {
    /// Positions of a pair and of a name in its list.
    pub(crate) wanted: Vec<(u32, u32)>,
    /// The position of a pair and a name that another source has taken before, each with the error.
    pub(crate) refused: Vec<(usize, String, Error)>,
}

/// The images to look at. Of two sources for one name at a destination the first gets it, and what is listed twice counts once.
pub(crate) fn images(pairs: &[Pair], listed: &[Option<ListedPair>]) -> Result<Images> {
    let places: Vec<String> = pairs.iter().map(|pair| pair.destination.identity()).collect();
    let mut shared: HashMap<&str, usize> = HashMap::new();
    places.iter().for_each(|place| *shared.entry(place).or_default() += 1);
    let mut taken: HashMap<(&str, &str), usize> = HashMap::new();
    let mut images = Images::default();
    for (at, list) in listed.iter().enumerate() {
        for (number, name) in list.iter().flat_map(|list| &list.names).enumerate() {
            if images.wanted.len() + images.refused.len() == MOST {
                return Err(Error::new(Code::LimitExceeded, format!("there are more than {MOST} tags to sync")));
            }
            if shared.get(places[at].as_str()).is_some_and(|count| *count > 1) {
                let first = *taken.entry((&places[at], name)).or_insert(at);
                if first != at {
                    if pairs[first].source.image(name) != pairs[at].source.image(name) {
                        let error = claimed_twice(&pairs[first], &pairs[at], name);
                        images.refused.push((at, name.clone(), error));
                    }
                    continue;
                }
            }
            images.wanted.push((at as u32, number as u32));
        }
    }
    Ok(images)
}

fn claimed_twice(one: &Pair, other: &Pair, name: &str) -> Error {
    let (first, second) = (one.source.image(name), other.source.image(name));
    let message = format!("{} would be a copy of both {first} and {second}", other.destination.image(name));
    Error::new(Code::InvalidArgument, message)
        .with_hint("the source that comes first in the list keeps the name; give each one its own destination")
}

/// Tags to be taken away.
#[derive(Debug, Default)]
pub(crate) struct Doomed {
    /// Positions of a pair, and tags.
    pub(crate) tags: Vec<(usize, String)>,
    /// Pairs whose destinations stay as they are, because their sources have nothing that is meant.
    pub(crate) spared: Vec<usize>,
}

/// What several pairs bring to one place.
#[derive(Default)]
struct GatheredTags<'a> {
    kept: HashSet<&'a str>,
    /// A pair whose source has nothing that is meant.
    barren: Option<usize>,
}

/// The destination's tags that are meant, but that nothing of any source is for. Where one of the sources has none of the tags at all,
/// that is not a reason to remove what may have come from it.
pub(crate) fn doomed(pairs: &[Pair], listed: &[Option<ListedPair>]) -> Doomed {
    let mut places: HashMap<String, GatheredTags> = HashMap::new();
    for (at, (pair, list)) in pairs.iter().zip(listed).enumerate() {
        let place = places.entry(pair.destination.identity()).or_default();
        match list {
            Some(list) if !list.names.is_empty() => place.kept.extend(list.names.iter().map(String::as_str)),
            _ => place.barren = place.barren.or(Some(at)),
        }
    }
    let mut doomed = Doomed::default();
    let mut named = HashSet::new();
    for (at, (pair, list)) in pairs.iter().zip(listed).enumerate() {
        let identity = pair.destination.identity();
        let Some(place) = places.get(&identity) else { continue };
        let there = list.iter().flat_map(|list| list.there.iter().flatten());
        let mut tags: Vec<&String> = there.filter(|tag| !place.kept.contains(tag.as_str())).collect();
        tags.sort();
        match place.barren {
            Some(barren) if !tags.is_empty() && !doomed.spared.contains(&barren) => doomed.spared.push(barren),
            Some(_) => {}
            None => {
                let new = tags.into_iter().filter(|tag| named.insert((identity.clone(), (*tag).clone())));
                doomed.tags.extend(new.map(|tag| (at, tag.clone())));
            }
        }
    }
    doomed
}

/// The pairs whose sources have to be asked before a tag goes: they would have brought it, and did not list it. A list may be cut short,
/// or older than what it is about.
pub(crate) fn to_be_asked<'a>(
    pairs: &'a [Pair],
    listed: &'a [Option<ListedPair>],
    destination: &'a str,
    tag: &'a str,
) -> impl Iterator<Item = &'a Pair> {
    let lacks = move |list: &Option<ListedPair>| list.as_ref().is_some_and(|list| list.unlisted.contains(tag));
    let pairs = pairs.iter().zip(listed).filter(move |(_, list)| lacks(list)).map(|(pair, _)| pair);
    pairs.filter(move |pair| pair.destination.identity() == destination)
}
