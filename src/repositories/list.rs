//! Plain lists of what is to be synced: `SOURCE [DESTINATION]` a line, and comments from `#` on. No I/O.

use crate::error::{Code, Error, Result};
use crate::text::shorten;

/// The most bytes of a list, of whatever form, and the most lines.
pub(crate) const MOST_BYTES: usize = 4 << 20;
const MOST_LINES: usize = 100_000;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ListedLine {
    /// Counted from 1.
    pub(crate) line: usize,
    pub(crate) source: String,
    pub(crate) destination: Option<String>,
}

/// The lines that say something.
pub(crate) fn parse(text: &str) -> Result<Vec<ListedLine>> {
    check_length(text)?;
    // Some editors begin a file so.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut found = Vec::new();
    for (at, text) in text.lines().enumerate() {
        // A name has no '#', but a path may.
        let words = text.split_whitespace().take_while(|word| !word.starts_with('#'));
        let mut words = words.map(str::to_owned);
        let Some(source) = words.next() else { continue };
        let (line, destination) = (at + 1, words.next());
        if let Some(more) = words.next() {
            let message =
                format!("line {line} of the list has more than a source and a destination: '{}'", shorten(&more));
            return Err(Error::new(Code::InvalidArgument, message));
        }
        if found.len() == MOST_LINES {
            return Err(Error::new(Code::LimitExceeded, format!("the list has more than {MOST_LINES} lines")));
        }
        found.push(ListedLine { line, source, destination });
    }
    Ok(found)
}

/// Refuses a text that is too long to be a list.
pub(crate) fn check_length(text: &str) -> Result<()> {
    match text.len() > MOST_BYTES {
        true => Err(Error::new(Code::LimitExceeded, format!("the list has more than {MOST_BYTES} bytes"))),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_source_and_perhaps_a_destination() {
        let found = parse("# all of it\n\nh/a   g/a # why\n\th/b:1\r\n  # no\noci:x#y h/c\n").unwrap();
        let shown: Vec<_> =
            found.iter().map(|one| (one.line, one.source.as_str(), one.destination.as_deref())).collect();
        assert_eq!(shown, [(3, "h/a", Some("g/a")), (4, "h/b:1", None), (6, "oci:x#y", Some("h/c"))]);
        assert!(parse("").unwrap().is_empty() && parse("\u{feff}").unwrap().is_empty());
        assert_eq!(parse("\u{feff}h/a\n").unwrap()[0].source, "h/a");
        let error = parse("a b\na b c\n").unwrap_err();
        assert!(
            error.message().contains("line 2 of the list has more than a source and a destination: 'c'"),
            "{error}"
        );
        assert_eq!(parse(&"a\n".repeat(MOST_LINES + 1)).unwrap_err().code(), Code::LimitExceeded);
        assert_eq!(parse(&" ".repeat(MOST_BYTES + 1)).unwrap_err().code(), Code::LimitExceeded);
    }
}
