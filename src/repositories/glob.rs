//! Globs over tags: `*` is any text, `?` any character, `[a-z]` one of these and `[!a-z]` none of these. No I/O.

use crate::error::{Code, Error, Result};
use crate::text::shorten;

const LONGEST: usize = 1000;

/// What tags are compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Glob(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Any,
    One,
    Letter(char),
    Among { ranges: Vec<(char, char)>, negated: bool },
}

impl Piece {
    fn takes(&self, letter: char) -> bool {
        match self {
            Piece::Any | Piece::One => true,
            Piece::Letter(one) => *one == letter,
            Piece::Among { ranges, negated } => {
                ranges.iter().any(|(first, last)| (*first..=*last).contains(&letter)) != *negated
            }
        }
    }
}

impl Glob {
    pub(crate) fn parse(text: &str) -> Result<Glob> {
        let wrong = |why: &str| Error::new(Code::InvalidArgument, format!("the glob '{}' {why}", shorten(text)));
        if text.is_empty() {
            return Err(wrong("is empty"));
        }
        if text.len() > LONGEST {
            return Err(wrong(&format!("is longer than {LONGEST} bytes")));
        }
        let mut letters = text.chars().peekable();
        let mut pieces = Vec::new();
        while let Some(letter) = letters.next() {
            pieces.push(match letter {
                // Two are as one.
                '*' if pieces.last() == Some(&Piece::Any) => continue,
                '*' => Piece::Any,
                '?' => Piece::One,
                '[' => {
                    let negated = letters.next_if(|letter| matches!(letter, '!' | '^')).is_some();
                    let ranges = ranges(&mut letters).ok_or_else(|| wrong("has a '[' without a ']'"))?;
                    Piece::Among { ranges, negated }
                }
                letter => Piece::Letter(letter),
            });
        }
        Ok(Glob(pieces))
    }

    /// Whether the whole tag is meant. After a `*` only the last one has to be tried again: time is bounded by both lengths.
    pub(crate) fn matches(&self, tag: &str) -> bool {
        let letters: Vec<char> = tag.chars().collect();
        let (mut piece, mut letter) = (0, 0);
        let mut again: Option<(usize, usize)> = None;
        while letter < letters.len() {
            match self.0.get(piece) {
                Some(Piece::Any) => {
                    again = Some((piece, letter));
                    piece += 1;
                }
                Some(one) if one.takes(letters[letter]) => {
                    piece += 1;
                    letter += 1;
                }
                _ => {
                    let Some((star, taken)) = again else { return false };
                    again = Some((star, taken + 1));
                    (piece, letter) = (star + 1, taken + 1);
                }
            }
        }
        self.0[piece..].iter().all(|piece| *piece == Piece::Any)
    }
}

/// What stands in brackets, to their end; a `]` that comes first is one of the letters.
fn ranges(letters: &mut std::iter::Peekable<std::str::Chars>) -> Option<Vec<(char, char)>> {
    let mut ranges = Vec::new();
    loop {
        let first = letters.next()?;
        if first == ']' && !ranges.is_empty() {
            return Some(ranges);
        }
        let mut after = letters.clone();
        match (after.next(), after.next()) {
            (Some('-'), Some(last)) if last != ']' => {
                *letters = after;
                ranges.push((first, last));
            }
            _ => ranges.push((first, first)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glob_is_about_the_whole_tag() {
        for (glob, yes, no) in [
            ("v1.*", &["v1.", "v1.2", "v1.2.3-rc1"][..], &["v1", "xv1.2", "v2.1"][..]),
            ("*", &["latest", "1"], &[]),
            ("**", &["latest"], &[]),
            ("?", &["a"], &["", "ab"]),
            ("*-alpine", &["3-alpine", "-alpine", "a-alpine-alpine"], &["3-alpine3", "alpine"]),
            ("*1*2*", &["12", "x1y2z", "112"], &["21", "1"]),
            ("[0-9]*", &["1.2", "9"], &["v1", ""]),
            ("[!v]*", &["1.2"], &["v1"]),
            ("[^v]", &["1"], &["v"]),
            ("[a-]", &["a", "-"], &["b"]),
            ("[]x]", &["]", "x"], &["a"]),
            ("1.2", &["1.2"], &["1.2.3", "1x2"]),
        ] {
            let parsed = Glob::parse(glob).unwrap();
            assert!(yes.iter().all(|tag| parsed.matches(tag)), "{glob}");
            assert!(!no.iter().any(|tag| parsed.matches(tag)), "{glob}");
        }
        for bad in ["", "[", "[a", "[!", &"x".repeat(LONGEST + 1)] {
            assert_eq!(Glob::parse(bad).unwrap_err().code(), Code::InvalidArgument, "{bad}");
        }
    }

    #[test]
    fn a_glob_of_stars_takes_no_time() {
        let glob = Glob::parse(&"*a".repeat(400)).unwrap();
        let begun = std::time::Instant::now();
        assert!(!glob.matches(&"a".repeat(128).replace("aa", "ab")));
        assert!(begun.elapsed() < std::time::Duration::from_secs(1));
    }
}
