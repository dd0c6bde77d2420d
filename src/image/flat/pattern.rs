//! A path, or a pattern of paths: `*` is any part of a name, `?` one byte, `[a-z]` one of several, `**` any number of names; after a
//! backslash each stands for itself.

use crate::error::{Code, Error, Result};
use crate::tar::names::{shown, LONGEST_PATH};
use crate::text::shorten;

/// One byte of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
enum PatternPart {
    Byte(u8),
    /// Any byte, once: `?`.
    One,
    /// Any bytes, or none: `*`.
    Any,
    /// From any of these ranges, or from none of them.
    Of(Vec<(u8, u8)>, bool),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Name {
    /// Any number of names.
    Deep,
    Parts(Vec<PatternPart>),
}

#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    text: String,
    names: Vec<Name>,
}

impl Pattern {
    pub(super) fn read(text: &str) -> Result<Pattern> {
        let wrong =
            |why: &str| Err(Error::new(Code::InvalidArgument, format!("the path '{}' {why}", shown(text.as_bytes()))));
        if text.is_empty() || text.len() > LONGEST_PATH {
            return wrong("is empty or too long");
        }
        let mut names = Vec::new();
        for name in text.as_bytes().split(|byte| *byte == b'/') {
            match name {
                b"" | b"." => {}
                b".." => return wrong("leads up"),
                b"**" if names.last() == Some(&Name::Deep) => {}
                b"**" => names.push(Name::Deep),
                name => names.push(Name::Parts(parts(name))),
            }
        }
        Ok(Pattern { text: shorten(text).to_string(), names })
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The one path that it names.
    pub(super) fn exact(&self) -> Option<Vec<u8>> {
        let mut path = Vec::new();
        for name in &self.names {
            let Name::Parts(parts) = name else { return None };
            if !path.is_empty() {
                path.push(b'/');
            }
            for part in parts {
                let PatternPart::Byte(byte) = part else { return None };
                path.push(*byte);
            }
        }
        Some(path).filter(|path| !path.is_empty())
    }

    /// Whether it names a path, or a folder above it. What was skipped for the last `**` or `*` is tried again with one more: so it
    /// takes no more steps than the product of the lengths.
    pub(super) fn names(&self, path: &[u8]) -> bool {
        let path: Vec<&[u8]> = path.split(|byte| *byte == b'/').collect();
        let (mut at, mut here, mut again) = (0, 0, None);
        loop {
            match self.names.get(at) {
                None => return true,
                Some(Name::Deep) => {
                    at += 1;
                    again = Some((at, here));
                }
                Some(Name::Parts(parts)) if path.get(here).is_some_and(|name| fits(parts, name)) => {
                    (at, here) = (at + 1, here + 1);
                }
                Some(Name::Parts(_)) => match again {
                    Some((after, begin)) if begin < path.len() => {
                        again = Some((after, begin + 1));
                        (at, here) = (after, begin + 1);
                    }
                    _ => return false,
                },
            }
        }
    }
}

fn fits(parts: &[PatternPart], name: &[u8]) -> bool {
    let (mut at, mut here, mut again) = (0, 0, None);
    loop {
        let step = match (parts.get(at), name.get(here)) {
            (None, None) => return true,
            (Some(PatternPart::Any), _) => {
                at += 1;
                again = Some((at, here));
                continue;
            }
            (Some(PatternPart::Byte(wanted)), Some(byte)) => wanted == byte,
            (Some(PatternPart::One), Some(_)) => true,
            (Some(PatternPart::Of(ranges, within)), Some(byte)) => {
                ranges.iter().any(|(first, last)| (first..=last).contains(&byte)) == *within
            }
            _ => false,
        };
        match (step, again) {
            (true, _) => (at, here) = (at + 1, here + 1),
            (false, Some((after, begin))) if begin < name.len() => {
                again = Some((after, begin + 1));
                (at, here) = (after, begin + 1);
            }
            _ => return false,
        }
    }
}

fn parts(mut name: &[u8]) -> Vec<PatternPart> {
    let mut parts = Vec::new();
    while let Some((first, rest)) = name.split_first() {
        name = rest;
        match (first, rest.first()) {
            (b'\\', Some(byte)) => {
                parts.push(PatternPart::Byte(*byte));
                name = &rest[1..];
            }
            (b'*', _) if parts.last() == Some(&PatternPart::Any) => {}
            (b'*', _) => parts.push(PatternPart::Any),
            (b'?', _) => parts.push(PatternPart::One),
            (b'[', _) => match ranges(rest) {
                Some((part, rest)) => {
                    parts.push(part);
                    name = rest;
                }
                // Nothing closes it: there are files of that name.
                None => parts.push(PatternPart::Byte(b'[')),
            },
            (byte, _) => parts.push(PatternPart::Byte(*byte)),
        }
    }
    parts
}

/// What is between brackets, and what follows. A bracket that closes may be the first one of the set itself.
fn ranges(text: &[u8]) -> Option<(PatternPart, &[u8])> {
    let within = !matches!(text.first(), Some(b'!' | b'^'));
    let mut rest = if within { text } else { &text[1..] };
    let mut ranges = Vec::new();
    loop {
        let (first, after) = rest.split_first()?;
        if *first == b']' && !ranges.is_empty() {
            return Some((PatternPart::Of(ranges, within), after));
        }
        match after {
            [b'-', last, after @ ..] if *last != b']' => {
                ranges.push((*first, *last));
                rest = after;
            }
            after => {
                ranges.push((*first, *first));
                rest = after;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_name_paths_and_what_is_below() {
        for (pattern, named, others) in [
            ("/etc/passwd", &["etc/passwd", "etc/passwd/x"][..], &["etc", "etc/passwd2", "x/etc/passwd"][..]),
            ("etc/", &["etc", "etc/a/b"], &["etcetera"]),
            ("etc/*.conf", &["etc/a.conf", "etc/.conf", "etc/a.conf/x"], &["etc/a/b.conf", "etc/a.confx", "etc"]),
            ("a?c", &["abc", "a\u{7f}c/d"], &["ac", "abbc", "a/c"]),
            ("[a-c!]x", &["ax", "cx", "!x"], &["dx", "x", "aax"]),
            ("[!a-c]x", &["dx"], &["ax", "x"]),
            ("[]-]", &["]", "-"], &["a"]),
            ("usr/bin/[", &["usr/bin/["], &["usr/bin/a"]),
            ("\\*\\[a]", &["*[a]"], &["x[a]", "*a"]),
            ("**/x", &["x", "a/x", "a/b/x/c"], &["a/xx", "y"]),
            ("a/**/x", &["a/x", "a/b/x", "a/b/c/x/d"], &["x", "b/a/x", "a/b/y"]),
            ("a/**", &["a", "a/b/c"], &["b"]),
            ("**", &["a", "a/b"], &[]),
            ("**/a/**/b", &["a/b", "x/a/y/b", "a/a/b", "b/a/c/a/b"], &["b/a", "a/c"]),
            ("*a*b*", &["ab", "xaxbx", "aab"], &["ba", "a/b"]),
            ("/", &["a"], &[]),
        ] {
            let read = Pattern::read(pattern).unwrap();
            for path in named {
                assert!(read.names(path.as_bytes()), "{pattern} {path}");
            }
            for path in others {
                assert!(!read.names(path.as_bytes()), "{pattern} {path}");
            }
        }
        for wrong in ["", "..", "a/../b", &"x".repeat(5000)] {
            assert_eq!(Pattern::read(wrong).unwrap_err().code(), Code::InvalidArgument, "{wrong}");
        }
    }

    #[test]
    fn what_is_exact_is_known() {
        for (pattern, exact) in [
            ("/a//./b/", Some("a/b")),
            ("a\\*", Some("a*")),
            ("a/[", Some("a/[")),
            ("a*", None),
            ("**", None),
            ("/", None),
        ] {
            let found = Pattern::read(pattern).unwrap().exact();
            assert_eq!(found.as_deref(), exact.map(str::as_bytes), "{pattern}");
        }
    }

    #[test]
    fn many_stars_take_no_time() {
        let begun = std::time::Instant::now();
        let stars = Pattern::read(&"*a".repeat(1000)).unwrap();
        assert!(!stars.names(&[b"a".repeat(999), b"b".to_vec()].concat()));
        let deep = Pattern::read(&"**/a/".repeat(500)).unwrap();
        assert!(!deep.names(&b"a/".repeat(250)));
        assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
    }
}
