//! Untrusted text that may reach a terminal. Pure.
//!
//! Control characters (C0, C1 and DEL) control a terminal, and Unicode bidirectional controls change the order of
//! displayed text: a name can then look like another one. Neither gets into a message or a result unescaped.

use std::borrow::Cow;

/// Whether the character controls a terminal, or changes the order or line of the text around it.
pub fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{206f}' | '\u{feff}')
}

/// The text for a message: line breaks become spaces, other control characters U+FFFD.
pub(crate) fn shown(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| (b' '..0x7f).contains(&byte)) || !text.contains(is_obeyed) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(
        text.chars()
            .map(|c| match c {
                '\n' | '\r' | '\t' => ' ',
                c if is_obeyed(c) => '\u{fffd}',
                c => c,
            })
            .collect(),
    )
}

/// A message of this length is not read; its end often gives the reason.
const LONGEST_MESSAGE: usize = 8192;
const ITS_END: usize = 1024;

/// A message, without its middle if it is too long.
pub(crate) fn cut(text: String) -> String {
    if text.len() <= LONGEST_MESSAGE {
        return text;
    }
    let from = |at: usize| (at..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
    let (begin, end) = (from(LONGEST_MESSAGE - ITS_END), from(text.len() - ITS_END));
    format!("{} … {}", &text[..begin], &text[end..])
}

/// Untrusted text for a message: shortened, and without control characters.
pub(crate) fn shorten(text: &str) -> String {
    shorten_to(text, 80)
}

/// As [`shorten`], to a given length.
pub(crate) fn shorten_to(text: &str, most: usize) -> String {
    let mut short: String = text.chars().take(most).map(|c| if is_obeyed(c) { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(most).is_some() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_be_obeyed_is_known() {
        for c in
            "\0\x07\x1b\x7f\u{80}\u{9b}\u{9f}\u{61c}\u{200e}\u{200f}\u{2028}\u{2029}\u{202a}\u{202e}\u{2066}\u{2069}"
                .chars()
        {
            assert!(is_obeyed(c), "{c:?}");
            assert_eq!(shown(&format!("a{c}b")), "a\u{fffd}b");
        }
        for c in "a~\u{a0}é文\u{200d}😀".chars() {
            assert!(!is_obeyed(c), "{c:?}");
        }
        assert_eq!(shown("a\r\n\tb"), "a   b");
        assert!(matches!(shown("plain é"), Cow::Borrowed(_)));
    }

    #[test]
    fn messages_end() {
        let long = format!("begin {} end", "é".repeat(1 << 20));
        let message = cut(long.clone());
        assert!(message.len() < LONGEST_MESSAGE + 10 && message.starts_with("begin é") && message.ends_with("é end"));
        assert!(message.contains("é … é"));
        assert_eq!(cut(long[..7000].to_owned()), long[..7000]);
    }

    #[test]
    fn quoted_text_is_cut_and_cleaned() {
        assert_eq!(shorten("a\nb\x1b\u{202e}"), "a\u{fffd}b\u{fffd}\u{fffd}");
        assert_eq!(shorten(&"x".repeat(500)).chars().count(), 81);
    }
}
