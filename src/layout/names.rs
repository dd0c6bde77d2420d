//! Which entry of a layout's `index.json` a name refers to, in a folder and in an archive alike.

use std::collections::HashSet;

use super::index_entry::{image_name, images, name_of};
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::manifest::Descriptor;
use crate::text::shorten;

/// More names than a message should list.
const MOST_LISTED: usize = 50;

/// The entry of a name: as it stands there, as the name of an image, `@DIGEST` or `@INDEX`, the entry of that number. Without a
/// name, the only image. `place` is what messages call the layout, without the name.
pub(crate) fn choose(entries: &[Descriptor], name: Option<&str>, place: &str) -> Result<Descriptor> {
    let mut found = found(entries, name);
    let count = found.len();
    match (count, found.pop(), name) {
        (1, Some(only), _) => Ok(only),
        (0, _, None) => Err(Error::new(Code::NotFound, format!("{place} holds no image"))),
        (0, _, Some(name)) => Err(no_image(entries, name, place)),
        (_, last, _) => {
            found.extend(last);
            let error = several_images(place, count, &list(found.iter().map(|entry| sure_name(entry, &found))));
            Err(error.with_hint(format!("name one as {place}:NAME, or pick one as {place}@DIGEST")))
        }
    }
}

/// The error for a name that no entry has.
pub(crate) fn no_image(entries: &[Descriptor], name: &str, place: &str) -> Error {
    let known = list(entries.iter().map(|entry| sure_name(entry, entries)));
    Error::new(Code::NotFound, format!("{place} has no image '{}'; it has {known}", shorten(name)))
}

/// The entries of a name, when they are several and all have the same one, or all none: their platforms may differ.
pub(crate) fn alike(entries: &[Descriptor], name: Option<&str>) -> Vec<Descriptor> {
    let found = found(entries, name);
    let names = |entry: &Descriptor| (image_name(entry).map(str::to_owned), name_of(entry).map(str::to_owned));
    let is_one = found.windows(2).all(|pair| names(&pair[0]) == names(&pair[1]));
    Some(found).filter(|found| is_one && found.len() > 1).unwrap_or_default()
}

/// The digest that a name is, as `@DIGEST` or alone.
pub(crate) fn digest_in(name: Option<&str>) -> Option<Digest> {
    let name = name?;
    name.strip_prefix('@').unwrap_or(name).parse().ok()
}

fn found(entries: &[Descriptor], name: Option<&str>) -> Vec<Descriptor> {
    let mut found: Vec<Descriptor> = match name {
        None => images(entries.to_vec()),
        Some(name) => named(entries, name).into_iter().cloned().collect(),
    };
    let mut seen = HashSet::new();
    found.retain(|entry| seen.insert(entry.digest.clone()));
    found
}

/// The error for a place that holds several images where one is meant.
pub(crate) fn several_images(place: &str, count: usize, known: &str) -> Error {
    let message = format!("{place} holds {count} images; one must be named: {known}");
    Error::new(Code::InvalidReference, message).with_hint(format!("name one as {place}:NAME"))
}

fn named<'a>(entries: &'a [Descriptor], name: &str) -> Vec<&'a Descriptor> {
    if let Some(number) = name.strip_prefix('@').and_then(|number| number.parse::<usize>().ok()) {
        return entries.get(number).into_iter().collect();
    }
    if let Some(digest) = digest_in(Some(name)) {
        return entries.iter().filter(|entry| entry.digest == digest).collect();
    }
    let exact: Vec<&Descriptor> = entries.iter().filter(|entry| name_of(entry) == Some(name)).collect();
    // A tag that is the whole name stands before those of which it is the last part only.
    let whole: Vec<&Descriptor> = exact.iter().copied().filter(|entry| image_name(entry).is_none()).collect();
    if !whole.is_empty() {
        return whole;
    }
    if !exact.is_empty() {
        return exact;
    }
    let same = |entry: &&Descriptor| {
        [image_name(entry), name_of(entry)].into_iter().flatten().any(|has| same_image(has, name))
    };
    entries.iter().filter(same).collect()
}

/// How a caller can select an entry: by its name, if no other image has it.
fn sure_name(entry: &Descriptor, among: &[Descriptor]) -> String {
    let name = |entry: &Descriptor| image_name(entry).or_else(|| name_of(entry)).map(str::to_owned);
    let is_other = |other: &&Descriptor| other.digest != entry.digest && name(other) == name(entry);
    match name(entry).filter(|_| !among.iter().any(|other| is_other(&other))) {
        Some(name) => shorten(&name).to_string(),
        None => format!("@{}", entry.digest),
    }
}

/// Names for a message.
pub(crate) fn list(names: impl ExactSizeIterator<Item = String>) -> String {
    match names.len() {
        0 => "none".to_owned(),
        more if more > MOST_LISTED => {
            let shown: Vec<String> = names.take(MOST_LISTED).collect();
            format!("{} and {} more", shown.join(", "), more - MOST_LISTED)
        }
        _ => names.collect::<Vec<_>>().join(", "),
    }
}

/// `alpine` and `docker.io/library/alpine:latest` are one.
pub(crate) fn same_image(one: &str, other: &str) -> bool {
    let full = |text: &str| crate::reference::Reference::parse(text, None).map(|reference| reference.canonical_ref());
    one == other || may_be_same(one, other) && matches!((full(one), full(other)), (Ok(one), Ok(other)) if one == other)
}

/// A look that costs little where many names are compared.
fn may_be_same(one: &str, other: &str) -> bool {
    let tag =
        |text| str::rsplit(text, '/').next().and_then(|last| last.split_once(':')).map_or("latest", |(_, tag)| tag);
    one.contains('@') || other.contains('@') || tag(one) == tag(other)
}

#[cfg(test)]
mod tests {
    use super::super::index_entry::{IMAGE_NAME, REF_NAME};
    use super::*;
    use crate::digest::Algorithm;
    use crate::manifest::Descriptor;

    fn entry(what: &str, name: Option<&str>, image: Option<&str>) -> Descriptor {
        let mut entry = Descriptor::new("", Algorithm::Sha256.digest(what.as_bytes()), 1);
        let both = [name.map(|name| (REF_NAME, name)), image.map(|name| (IMAGE_NAME, name))];
        entry.annotations = Some(both.into_iter().flatten().collect());
        entry
    }

    #[test]
    fn one_image_in_two_spellings() {
        let digest = format!("x:1@{}", Algorithm::Sha256.digest(b""));
        for (one, other, wanted) in [
            ("alpine", "docker.io/library/alpine:latest", true),
            ("h:5000/a", "h:5000/a:latest", true),
            ("h:5000/a:1", "h:5000/a:1", true),
            ("x:1", "docker.io/library/x:1", true),
            ("x:1", "x:2", false),
            ("x", "x:1", false),
            ("x:1", "y:1", false),
            (digest.as_str(), digest.trim_start_matches("x:1"), false),
            (digest.as_str(), &format!("docker.io/library/{digest}"), true),
        ] {
            assert_eq!(same_image(one, other), wanted, "{one} {other}");
        }
    }

    #[test]
    fn a_name_stands_for_one_entry() {
        let entries = [
            entry("a", Some("1"), Some("docker.io/library/x:1")),
            entry("b", Some("1"), Some("docker.io/library/y:1")),
            entry("c", Some("ghcr.io/o/z:2"), None),
            entry("d", None, None),
            entry("d", Some("again"), None),
        ];
        let by_digest = format!("@{}", entries[2].digest);
        let bare = entries[2].digest.to_string();
        for (name, wanted) in [
            ("x:1", 0),
            ("docker.io/library/x:1", 0),
            ("library/y:1", 1),
            ("ghcr.io/o/z:2", 2),
            ("again", 3),
            ("@0", 0),
            ("@3", 3),
            (by_digest.as_str(), 2),
            (bare.as_str(), 2),
        ] {
            assert_eq!(choose(&entries, Some(name), "oci:x").unwrap().digest, entries[wanted].digest, "{name}");
        }
        for name in ["@9", "z:2", "x", "2", "@sha256:00"] {
            assert_eq!(choose(&entries, Some(name), "oci:x").unwrap_err().code(), Code::NotFound, "{name}");
        }
        let error = choose(&entries, Some("1"), "oci:x").unwrap_err();
        assert_eq!(error.code(), Code::InvalidReference);
        assert!(error.message().contains("docker.io/library/x:1, docker.io/library/y:1"), "{error}");
        let error = choose(&entries, None, "oci:x").unwrap_err();
        assert_eq!(error.code(), Code::InvalidReference);
        assert!(
            error.message().contains(&format!(
                "4 images; one must be named: docker.io/library/x:1, docker.io/library/y:1, ghcr.io/o/z:2, @{}",
                entries[3].digest
            )),
            "{error}"
        );
        assert_eq!(choose(&entries[3..], None, "oci:x").unwrap().digest, entries[3].digest, "one image with two names");
        assert_eq!(choose(&[], None, "oci:x").unwrap_err().code(), Code::NotFound);
    }
}
