//! The text of a configuration file: errors name its path and line, and never what stands there if that may be a secret.

use std::fmt::Display;

use super::rule_source::RuleSource;
use crate::error::{Code, Error};

/// A file's text.
#[derive(Debug)]
pub(crate) struct ConfigText<'a> {
    pub(crate) path: &'a str,
    pub(crate) text: &'a str,
    /// Where lines begin.
    lines: Vec<usize>,
}

impl<'a> ConfigText<'a> {
    pub(crate) fn new(path: &'a str, text: &'a str) -> ConfigText<'a> {
        let starts = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        ConfigText { path, text, lines: std::iter::once(0).chain(starts).collect() }
    }

    /// The line of a byte, counted from 1.
    pub(crate) fn line(&self, offset: usize) -> u32 {
        u32::try_from(self.lines.partition_point(|start| *start <= offset)).unwrap_or(u32::MAX)
    }

    /// What a line says comes from there.
    pub(crate) fn source(&self, line: u32) -> RuleSource {
        RuleSource::File { path: self.path.to_owned(), line }
    }

    /// The error for a line; line 0 is the whole file.
    pub(crate) fn wrong(&self, line: u32, what: impl Display) -> Error {
        let at = match line {
            0 => self.path.to_owned(),
            line => format!("{}, line {line}", self.path),
        };
        Error::new(Code::Io, format!("{at}: {what}"))
    }

    /// The error for a line with which there is too much.
    pub(crate) fn too_many(&self, line: u32, what: impl Display) -> Error {
        self.wrong(line, format!("there are {what}")).with_code(Code::LimitExceeded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_from_one() {
        let text = ConfigText::new("/f", "a\nbc\n\nd");
        let lines: Vec<u32> = (0..=8).map(|offset| text.line(offset)).collect();
        assert_eq!(lines, [1, 1, 2, 2, 2, 3, 4, 4, 4]);
        assert_eq!(text.wrong(4, "it is odd").message(), "/f, line 4: it is odd");
    }
}
