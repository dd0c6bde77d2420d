//! Which tags of a repository are meant. No I/O.

use regex_lite::{Regex, RegexBuilder};
use semver::Version;

use super::glob::Glob;
use super::version::{order, version_of, Suffixes, VersionRange};
use crate::error::{Code, Error, Result};
use crate::options::options;
use crate::store::is_digest_tag;
use crate::text::shorten;

/// The longest expression, how much memory one may take, compiled, and how many of each kind there may be: every tag is compared with
/// all of them.
const LONGEST: usize = 1000;
const LARGEST: usize = 64 << 10;
const MOST: usize = 100;

options! {
    /// Which tags.
    #[derive(Debug, Clone)]
    pub struct TagSelection {
        /// globs, with *, ? and [a-z]: only tags that are as one of them
        pub tags: Vec<String>,
        /// regular expressions: only tags in which one of them finds something, ^ and $ being the ends of the tag
        pub tags_regex: Vec<String>,
        /// only tags that are versions in one of these ranges: ">=1.2 <2", "^1.2", "1.2 || 1.4"
        ///
        /// a range may also be "~1.2.3", "1.2.x" or "1.2 - 1.4". The tags v1.2.3 and 1.2 are versions too. A tag with a suffix such as
        /// 1.2.3-alpine is a pre-release, which comes before its version: it is in "^1.2" and "<=1.2.3", and not in ">=1.2.3". A range
        /// that ends before a version has no pre-release of that version: 2.0.0-rc1 is not in "^1.2", "1.x", "<2" and "<2.0.0", but it
        /// is in "<=2.0.0" and "<2.0.0-rc2"
        pub semver: Vec<String>,
        /// globs: none of these
        pub exclude: Vec<String>,
        /// of the tags that are left, only so many: those of the highest versions
        ///
        /// what is not a version comes after all versions, the highest by its name first. A date such as 20240131 is a version too,
        /// and a high one
        pub newest: Option<u64>,
    }
}

/// What a tag has to be.
#[derive(Debug, Clone)]
enum Condition {
    AsOne(Vec<Glob>),
    AsNone(Vec<Glob>),
    Found(Vec<Regex>),
    In(Vec<VersionRange>),
}

impl Condition {
    fn holds(&self, tag: &str) -> bool {
        match self {
            Condition::AsOne(globs) => globs.iter().any(|glob| glob.matches(tag)),
            Condition::AsNone(globs) => !globs.iter().any(|glob| glob.matches(tag)),
            Condition::Found(expressions) => expressions.iter().any(|expression| expression.is_match(tag)),
            Condition::In(ranges) => {
                version_of(tag).is_some_and(|version| ranges.iter().any(|range| range.has(&version)))
            }
        }
    }
}

/// The tags that are meant: those for which everything holds, and of these the newest.
#[derive(Debug, Clone, Default)]
pub(crate) struct TagFilter {
    conditions: Vec<Condition>,
    newest: Option<usize>,
}

impl TagFilter {
    /// What options say.
    pub(crate) fn of(options: &TagSelection) -> Result<TagFilter> {
        let mut filter = TagFilter::default();
        let globs = |globs: &[String]| globs.iter().map(|glob| Glob::parse(glob)).collect::<Result<Vec<_>>>();
        let range = |text: &String| VersionRange::parse(text, Suffixes::Ordered);
        for (key, list) in [
            ("tags", &options.tags),
            ("tags_regex", &options.tags_regex),
            ("semver", &options.semver),
            ("exclude", &options.exclude),
        ] {
            if list.len() > MOST {
                let message = format!("the option {key} has more than {MOST} values");
                return Err(Error::new(Code::InvalidArgument, message));
            }
            if list.is_empty() {
                continue;
            }
            let condition = match key {
                "tags" => globs(list).map(Condition::AsOne),
                "tags_regex" => list.iter().map(|text| expression(text)).collect::<Result<_>>().map(Condition::Found),
                "semver" => list.iter().map(range).collect::<Result<_>>().map(Condition::In),
                _ => globs(list).map(Condition::AsNone),
            };
            filter.conditions.push(condition.map_err(|error| error.within(format!("the option {key}")))?);
        }
        filter.newest = match options.newest {
            Some(0) => return Err(Error::new(Code::InvalidArgument, "the option newest must be more than 0")),
            newest => newest.map(|newest| usize::try_from(newest).unwrap_or(usize::MAX)),
        };
        Ok(filter)
    }

    /// The same, and an expression finds something in the tag.
    pub(crate) fn and_found(mut self, text: &str) -> Result<TagFilter> {
        self.conditions.push(Condition::Found(vec![expression(text)?]));
        Ok(self)
    }

    /// The same, and the tag is a version in a range as skopeo reads it.
    pub(crate) fn and_in(mut self, text: &str) -> Result<TagFilter> {
        self.conditions.push(Condition::In(vec![VersionRange::parse(text, Suffixes::Named)?]));
        Ok(self)
    }

    /// Whether the newest of all tags are meant, whatever they are: then any tag with a number in it pushes out another.
    pub(crate) fn is_newest_of_all(&self) -> bool {
        let narrows = |one: &Condition| !matches!(one, Condition::AsNone(_));
        self.newest.is_some() && !self.conditions.iter().any(narrows)
    }

    /// Whether a tag is one of those that are selected, whether it is among the newest or not. What is kept under a tag made of a
    /// digest belongs to what has that digest.
    pub(crate) fn covers(&self, tag: &str) -> bool {
        !is_about_a_digest(tag) && self.conditions.iter().all(|condition| condition.holds(tag))
    }

    /// Those of some tags that are meant, in their order.
    pub(crate) fn select(&self, tags: impl Iterator<Item = String>) -> Vec<String> {
        let mut found: Vec<String> = tags.filter(|tag| self.covers(tag)).collect();
        if let Some(newest) = self.newest.filter(|newest| *newest < found.len()) {
            let mut by_age: Vec<(Option<Version>, &str)> =
                found.iter().map(|tag| (version_of(tag), tag.as_str())).collect();
            by_age.sort_by(|one, other| order((&other.0, other.1), (&one.0, one.1)));
            let kept: std::collections::HashSet<String> =
                by_age.into_iter().take(newest).map(|(_, tag)| tag.to_owned()).collect();
            found.retain(|tag| kept.contains(tag));
        }
        found
    }
}

/// What cosign keeps, and the lists of referrers (distribution-spec "Referrers Tag Schema").
fn is_about_a_digest(tag: &str) -> bool {
    is_digest_tag(tag) || tag.replacen('-', ":", 1).parse::<crate::digest::Digest>().is_ok()
}

fn expression(text: &str) -> Result<Regex> {
    let wrong =
        |why: String| Error::new(Code::InvalidArgument, format!("the regular expression '{}' {why}", shorten(text)));
    if text.len() > LONGEST {
        return Err(wrong(format!("is longer than {LONGEST} bytes")));
    }
    RegexBuilder::new(text).size_limit(LARGEST).build().map_err(|error| wrong(format!("is not valid: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{json, Value};

    fn filter(options: Value) -> Result<TagFilter> {
        TagFilter::of(&serde_json::from_value(options).unwrap())
    }

    fn selected(options: Value, tags: &str) -> String {
        filter(options).unwrap().select(tags.split(' ').map(str::to_owned)).join(" ")
    }

    #[test]
    fn each_kind_narrows_what_is_meant() {
        let tags = "latest v1.0.0 1.1 1.2-alpine 2.0 edge";
        for (options, wanted) in [
            (json!({}), tags),
            (json!({"tags": ["*1*", "edge"]}), "v1.0.0 1.1 1.2-alpine edge"),
            (json!({"tags": ["*1*"], "exclude": ["*alpine"]}), "v1.0.0 1.1"),
            (json!({"tags_regex": ["^[0-9]"]}), "1.1 1.2-alpine 2.0"),
            (json!({"tags_regex": ["1$", "^e"]}), "1.1 edge"),
            (json!({"semver": [">=1.1"]}), "1.1 1.2-alpine 2.0"),
            (json!({"semver": ["1.0", "2"]}), "v1.0.0 2.0"),
            (json!({"newest": 2}), "1.2-alpine 2.0"),
            (json!({"newest": 5}), "latest v1.0.0 1.1 1.2-alpine 2.0"),
            (json!({"newest": 100}), tags),
            (json!({"semver": ["<2"], "newest": 1}), "1.2-alpine"),
        ] {
            assert_eq!(selected(options.clone(), tags), wanted, "{options}");
        }
    }

    #[test]
    fn what_belongs_to_a_digest_is_no_tag_of_its_own() {
        let hex = "0".repeat(64);
        let tags = format!("a sha256-{hex}.sig sha256-{hex} sha256-{hex}.att b");
        assert_eq!(selected(json!({}), &tags), "a b");
        assert!(!filter(json!({"tags": ["sha256-*"]})).unwrap().covers(&format!("sha256-{hex}.sbom")));
    }

    #[test]
    fn what_is_not_among_the_newest_is_covered() {
        let filter = filter(json!({"tags": ["1.*"], "newest": 1})).unwrap();
        assert!(filter.covers("1.0") && !filter.covers("2.0"));
    }

    #[test]
    fn skopeos_own_kinds_are_added() {
        let base = filter(json!({"exclude": ["*.9*"]})).unwrap();
        let found =
            |filter: TagFilter| filter.select(["1.2", "1.9", "1.3-rc1"].map(str::to_owned).into_iter()).join(" ");
        assert_eq!(found(base.clone().and_in(">=1").unwrap()), "1.2");
        assert_eq!(found(base.clone().and_found("rc").unwrap()), "1.3-rc1");
        assert!(base.clone().and_in("x").is_ok() && base.and_found("(").is_err());
    }

    #[test]
    fn what_cannot_be_is_named() {
        for (options, part) in [
            (json!({"tags": ["["]}), "the option tags: the glob"),
            (json!({"tags_regex": ["("]}), "the option tags_regex: the regular expression '('"),
            (json!({"tags_regex": ["(a{1000}){1000}"]}), "is not valid"),
            (json!({"semver": [">"]}), "the option semver: the range"),
            (json!({"newest": 0}), "newest must be more than 0"),
            (json!({"exclude": vec!["a"; MOST + 1]}), "exclude has more than"),
        ] {
            let error = filter(options).unwrap_err();
            assert!(error.code() == Code::InvalidArgument && error.message().contains(part), "{error}");
        }
    }
}
