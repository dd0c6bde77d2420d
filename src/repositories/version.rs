//! Tags that are versions (semver.org), and ranges of them as skopeo and regsync write them. No I/O.
//!
//! A tag is a version when it is one to three numbers with dots, perhaps after a `v`, and perhaps with a suffix after a hyphen:
//! `v1.2.3`, `1.2`, `22.04`, `1.2.3-alpine`. The suffix counts as that of a pre-release, so that `1.2.3-alpine` comes before `1.2.3`:
//! that is how regsync reads it, and no other rule tells `-alpine` from `-rc1`. A range that ends before a version has no pre-release of
//! that version: a person who writes `<2` does not mean `2.0.0-rc1`, and would remove it by pruning.

use std::cmp::Ordering;

use semver::{BuildMetadata, Prerelease, Version};

use crate::error::{Code, Error, Result};
use crate::text::shorten;

const LONGEST: usize = 1000;

/// Two characters are looked for before one.
const OPERATORS: [(&str, Operator); 11] = [
    (">=", Operator::GreaterEqual),
    ("=>", Operator::GreaterEqual),
    ("<=", Operator::LessEqual),
    ("=<", Operator::LessEqual),
    ("!=", Operator::Not),
    ("~>", Operator::Tilde),
    ("~", Operator::Tilde),
    ("^", Operator::Caret),
    (">", Operator::Greater),
    ("<", Operator::Less),
    ("=", Operator::Equal),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    Not,
    Greater,
    GreaterEqual,
    Less,
    LessEqual,
    Tilde,
    Caret,
}

/// What becomes of versions with a suffix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Suffixes {
    /// They are in a range by their order, whether it names one or not, as regsync has it.
    Ordered,
    /// They are in a range only if it names one with a suffix, as skopeo has it.
    Named,
}

/// The version that a tag is.
pub(crate) fn version_of(tag: &str) -> Option<Version> {
    let PartialVersion { numbers, suffix } = PartialVersion::parse(tag.strip_prefix('v').unwrap_or(tag), false)?;
    numbered(&numbers, suffix)
}

/// The order of tags: versions after what is not a version, and equal ones by their names.
pub(crate) fn order(one: (&Option<Version>, &str), other: (&Option<Version>, &str)) -> Ordering {
    let by_version = match (one.0, other.0) {
        (Some(one), Some(other)) => one.cmp_precedence(other),
        (one, other) => one.is_some().cmp(&other.is_some()),
    };
    by_version.then_with(|| one.1.cmp(other.1))
}

/// A version of which the last numbers may be left open.
struct PartialVersion {
    numbers: Vec<u64>,
    suffix: Prerelease,
}

impl PartialVersion {
    /// `is_open`: `x` and `*` stand for any number.
    fn parse(text: &str, is_open: bool) -> Option<PartialVersion> {
        let text = text.split_once('+').map_or(text, |(text, _)| text);
        let (numbers, suffix) = match text.split_once('-') {
            Some((numbers, suffix)) if !suffix.is_empty() => (numbers, Prerelease::new(suffix).ok()?),
            Some(_) => return None,
            None => (text, Prerelease::EMPTY),
        };
        let parts: Vec<&str> = numbers.split('.').collect();
        if parts.len() > 3 {
            return None;
        }
        let mut found = Vec::new();
        let mut parts = parts.into_iter().peekable();
        while let Some(part) = parts.next_if(|part| !(is_open && matches!(*part, "x" | "X" | "*"))) {
            if part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            found.push(part.parse().ok()?);
        }
        // Nothing but more of them comes after an open one.
        let is_complete = parts.all(|part| matches!(part, "x" | "X" | "*"));
        is_complete.then_some(PartialVersion { numbers: found, suffix })
    }
}

fn numbered(numbers: &[u64], pre: Prerelease) -> Option<Version> {
    let number = |at: usize| numbers.get(at).copied().unwrap_or_default();
    let (major, minor, patch) = (number(0), number(1), number(2));
    Some(Version { major, minor, patch, pre, build: BuildMetadata::EMPTY })
}

/// The first version after all that begin with these numbers.
fn after(numbers: &[u64]) -> Option<Version> {
    let (last, before) = numbers.split_last()?;
    let next = [before, &[last.checked_add(1)?]].concat();
    numbered(&next, Prerelease::EMPTY)
}

/// What ends before a version and its pre-releases; of a pre-release, before that one.
fn before(version: Version) -> Option<(Version, bool)> {
    let pre = if version.pre.is_empty() { Prerelease::new("0").ok()? } else { version.pre };
    Some((Version { pre, ..version }, false))
}

/// From a version to another.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Interval {
    /// The first, and whether it is one of them.
    from: Option<(Version, bool)>,
    to: Option<(Version, bool)>,
    negated: bool,
    has_suffix: bool,
}

impl Interval {
    /// What an operator makes of a version; None where that is nothing.
    fn of(operator: Operator, version: &PartialVersion) -> Option<Interval> {
        let PartialVersion { numbers, suffix } = version;
        let low = || numbered(numbers, suffix.clone()).map(|low| (low, true));
        let up_to = |count: usize| after(&numbers[..count.min(numbers.len())]).and_then(before);
        let is_whole = numbers.len() == 3;
        let any = (None, None);
        let (from, to) = match operator {
            Operator::Greater | Operator::Less | Operator::Not if numbers.is_empty() => return None,
            _ if numbers.is_empty() => any,
            Operator::Equal | Operator::Not if is_whole => (low(), low()),
            Operator::Equal | Operator::Not => (low(), Some(up_to(3)?)),
            Operator::Greater if is_whole => (low().map(|(low, _)| (low, false)), None),
            Operator::Greater => (Some((after(numbers)?, true)), None),
            Operator::GreaterEqual => (low(), None),
            Operator::Less => (None, low().and_then(|(end, _)| before(end))),
            Operator::LessEqual if is_whole => (None, low()),
            Operator::LessEqual => (None, Some(up_to(3)?)),
            Operator::Tilde => (low(), Some(up_to(2)?)),
            // The first number that is not zero stays.
            Operator::Caret => {
                let count = numbers.iter().position(|number| *number > 0).map_or(numbers.len(), |at| at + 1);
                (low(), Some(up_to(count)?))
            }
        };
        Some(Interval { from, to, negated: operator == Operator::Not, has_suffix: !suffix.is_empty() })
    }

    fn has(&self, version: &Version, suffixes: Suffixes) -> bool {
        if suffixes == Suffixes::Named && !version.pre.is_empty() && !self.has_suffix {
            return false;
        }
        let is_after = self.from.as_ref().is_none_or(|(from, included)| match version.cmp_precedence(from) {
            Ordering::Equal => *included,
            order => order == Ordering::Greater,
        });
        let is_before = self.to.as_ref().is_none_or(|(to, included)| match version.cmp_precedence(to) {
            Ordering::Equal => *included,
            order => order == Ordering::Less,
        });
        (is_after && is_before) != self.negated
    }
}

/// A range: alternatives, each of which is a list of intervals that all have to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct VersionRange {
    alternatives: Vec<Vec<Interval>>,
    suffixes: Suffixes,
}

impl VersionRange {
    /// Comparisons with spaces or commas between them, alternatives with `||`: `>=1.2 <2`, `^1.2`, `~1.2.3`, `1.2.x`, `1.2 - 1.4`,
    /// `!=1.3.0`. A version alone is that version, and one with fewer numbers all that begin with them.
    pub(crate) fn parse(text: &str, suffixes: Suffixes) -> Result<VersionRange> {
        let wrong = |why: String| Error::new(Code::InvalidArgument, format!("the range '{}' {why}", shorten(text)));
        if text.len() > LONGEST {
            return Err(wrong(format!("is longer than {LONGEST} bytes")));
        }
        let alternatives = text.split("||").map(|part| alternative(part).map_err(wrong)).collect::<Result<_>>()?;
        Ok(VersionRange { alternatives, suffixes })
    }

    pub(crate) fn has(&self, version: &Version) -> bool {
        self.alternatives.iter().any(|all| all.iter().all(|one| one.has(version, self.suffixes)))
    }
}

fn alternative(text: &str) -> std::result::Result<Vec<Interval>, String> {
    let mut words = text.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty()).peekable();
    let mut found = Vec::new();
    while let Some(word) = words.next() {
        let (operator, version) = split(word);
        if words.next_if_eq(&"-").is_some() {
            let end = words.next().filter(|_| operator.is_none());
            let end = end.ok_or_else(|| format!("has a '-' that is not between two versions: '{}'", shorten(word)))?;
            found.push(interval(Operator::GreaterEqual, version)?);
            found.push(interval(Operator::LessEqual, end)?);
            continue;
        }
        // `>= 1.2` is one comparison.
        let version = match (operator, version) {
            (Some(_), "") => words.next().unwrap_or_default(),
            (_, version) => version,
        };
        found.push(interval(operator.unwrap_or(Operator::Equal), version)?);
    }
    match found.is_empty() {
        true => Err("contains no version".to_owned()),
        false => Ok(found),
    }
}

fn split(word: &str) -> (Option<Operator>, &str) {
    let found = OPERATORS.iter().find_map(|(sign, operator)| Some((*operator, word.strip_prefix(sign)?)));
    found.map_or((None, word), |(operator, rest)| (Some(operator), rest))
}

fn interval(operator: Operator, version: &str) -> std::result::Result<Interval, String> {
    let no = |why: &str| format!("has '{}', which {why}", shorten(version));
    let partial = PartialVersion::parse(version.strip_prefix('v').unwrap_or(version), true);
    let partial = partial.ok_or_else(|| no("is not a version"))?;
    Interval::of(operator, &partial).ok_or_else(|| no("cannot be compared in that way"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(text: &str, suffixes: Suffixes) -> impl Fn(&str) -> bool {
        let range = VersionRange::parse(text, suffixes).unwrap();
        move |tag| version_of(tag).is_some_and(|version| range.has(&version))
    }

    #[test]
    fn tags_are_versions_or_not() {
        for (tag, wanted) in [
            ("v1.2.3", Some("1.2.3")),
            ("1.2", Some("1.2.0")),
            ("3", Some("3.0.0")),
            ("22.04", Some("22.4.0")),
            ("1.2.3-alpine3.18", Some("1.2.3-alpine3.18")),
            ("2024-01-31", Some("2024.0.0-01-31")),
            ("latest", None),
            ("1.2.3.4", None),
            ("1.", None),
            ("", None),
            ("v", None),
            ("1.2.3-", None),
            ("1.2.x", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(version_of(tag).map(|version| version.to_string()).as_deref(), wanted, "{tag}");
        }
    }

    #[test]
    fn ranges_are_those_of_skopeo_and_regsync() {
        for (text, yes, no) in [
            (">=1.2.0 <2.0.0", &["1.2.0", "v1.9", "1.2.3-alpine"][..], &["1.1", "2.0.0", "latest"][..]),
            (">= 3.12.0", &["3.12", "4"], &["3.11.9"]),
            (">=1, <2 || ^4.1", &["1.5", "4.2"], &["2.0", "4.0.9", "5"]),
            ("1.2.3", &["1.2.3", "v1.2.3"], &["1.2.4", "1.2.3-rc1"]),
            ("1.2", &["1.2.0", "1.2.9"], &["1.3.0", "1.1"]),
            ("1.2.x", &["1.2.9"], &["1.3"]),
            ("*", &["0", "9.9"], &["latest"]),
            (">1.2", &["1.3.0"], &["1.2.9", "1.2"]),
            ("<=1.2", &["1.2.9", "0"], &["1.3"]),
            ("~1.2.3", &["1.2.3", "1.2.9"], &["1.3.0", "1.2.2"]),
            ("~>1", &["1.9"], &["2", "0.9"]),
            ("^1.2.3", &["1.2.3", "1.9"], &["2", "1.2.2"]),
            ("^0.2.3", &["0.2.9"], &["0.3", "0.2.2"]),
            ("^0.0.3", &["0.0.3"], &["0.0.4"]),
            ("^0.0", &["0.0.7"], &["0.1.0"]),
            ("^0", &["0.7"], &["1"]),
            ("1.2 - 1.4", &["1.2", "1.4.9"], &["1.5", "1.1"]),
            ("!=1.3.0", &["1.2", "1.3.1"], &["1.3", "v1.3.0"]),
            ("=>2 =<3", &["2", "3.1"], &["1", "4"]),
        ] {
            let has = range(text, Suffixes::Ordered);
            assert!(yes.iter().all(|tag| has(tag)), "{text}: {yes:?}");
            assert!(!no.iter().any(|tag| has(tag)), "{text}: {no:?}");
        }
        for bad in ["", "||", ">=", "1.2 -", "- 1", ">1 - 2", "a.b", ">*", "1.2.3.4", "1.x.3", &"1 ".repeat(LONGEST)] {
            let error = VersionRange::parse(bad, Suffixes::Ordered).unwrap_err();
            assert_eq!(error.code(), Code::InvalidArgument, "{bad}");
        }
    }

    #[test]
    fn suffixes_are_in_a_range_by_their_order_or_when_it_names_one() {
        let (ordered, named) = (range("^1.2", Suffixes::Ordered), range("^1.2", Suffixes::Named));
        assert!(ordered("1.3.0-alpine") && !named("1.3.0-alpine") && named("1.3.0"));
        assert!(range(">=1.2.0-0", Suffixes::Named)("1.3.0-alpine"));
        // As semver.org orders them, a pre-release comes before its version.
        assert!(ordered("1.2.3-alpine") && !ordered("1.2.0-rc1"));
    }

    #[test]
    fn a_range_ends_before_the_pre_releases_of_its_end() {
        for (text, yes, no) in [
            ("^1.2", &["1.9.9-rc1", "1.2.3-alpine"][..], &["2.0.0-rc1", "2-alpine", "v2.0.0-0"][..]),
            ("^0.2.3", &["0.2.4-rc1"], &["0.3.0-rc1"]),
            ("^0.0.3", &["0.0.3"], &["0.0.4-rc1"]),
            ("^1.2.3-rc1", &["1.2.3-rc2", "1.2.3"], &["2.0.0-rc1"]),
            ("~1.2.3", &["1.2.4-rc1"], &["1.3.0-rc1"]),
            ("~>1", &["1.9-rc1"], &["2.0.0-rc1"]),
            ("1.2", &["1.2.3-alpine"], &["1.3.0-rc1"]),
            ("1.x", &["1.9-rc1"], &["2.0.0-rc1"]),
            ("1.2 - 1.4", &["1.4.9-rc1"], &["1.5.0-rc1"]),
            ("<=1.2", &["1.2.9-rc1"], &["1.3.0-rc1"]),
            ("<2", &["1.9-rc1"], &["2.0.0-rc1"]),
            ("<2.1", &["2.0.0-rc1"], &["2.1.0-rc1"]),
            (">=1.2.0 <2.0.0", &["1.9-rc1"], &["2.0.0-rc1"]),
            // A rule that names one has those before it, and one that has the version has its pre-releases.
            ("<2.0.0-rc2", &["2.0.0-rc1"], &["2.0.0-rc2"]),
            ("<=2.0.0", &["2.0.0-rc1"], &["2.0.1-rc1"]),
            ("1.0.0 - 2.0.0", &["2.0.0-rc1"], &["2.0.1-rc1"]),
            ("!=1.2", &["1.3.0-rc1"], &["1.2.9-rc1"]),
        ] {
            let has = range(text, Suffixes::Ordered);
            assert!(yes.iter().all(|tag| has(tag)), "{text}: {yes:?}");
            assert!(!no.iter().any(|tag| has(tag)), "{text}: {no:?}");
        }
    }

    #[test]
    fn the_newest_is_the_last() {
        let mut tags = ["1.2", "latest", "v1.10.0", "1.9", "1.2.0", "2.0.0-rc1", "a", "1.10.0-alpine"];
        tags.sort_by(|one, other| order((&version_of(one), one), (&version_of(other), other)));
        assert_eq!(tags, ["a", "latest", "1.2", "1.2.0", "1.9", "1.10.0-alpine", "v1.10.0", "2.0.0-rc1"]);
    }
}
