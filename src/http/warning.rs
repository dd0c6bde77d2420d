//! Warnings from a registry to its users (distribution-spec "Warnings", RFC 7234 5.5). They are texts for
//! people: nothing in the library acts on them.

use ::http::header::{HeaderMap, WARNING};

use crate::text::is_obeyed;

/// The largest total size of all warnings of one response, by the specification.
const MOST_BYTES: usize = 4096;
/// How many warnings of one response are read.
const MOST: usize = 16;

/// The texts of the warnings in the headers, in order. Only `299 - "text"` counts, as in the specification;
/// one with another code, another agent or a date is ignored.
pub(crate) fn parse(headers: &HeaderMap) -> Vec<String> {
    let mut texts: Vec<String> = Vec::new();
    let mut room = MOST_BYTES;
    for value in headers.get_all(WARNING) {
        let text = String::from_utf8_lossy(value.as_bytes());
        let mut rest = text.as_ref();
        while let Some((warning, behind)) = next(rest) {
            rest = behind;
            let Some(mut warning) = warning.filter(|warning| !warning.is_empty() && !texts.contains(warning)) else {
                continue;
            };
            if texts.len() == MOST {
                return texts;
            }
            if warning.len() > room {
                cut(&mut warning, room);
                texts.extend(Some(warning).filter(|warning| !warning.is_empty()));
                return texts;
            }
            room -= warning.len();
            texts.push(warning);
        }
    }
    texts
}

fn cut(text: &mut String, most: usize) {
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
}

/// Splits off one element of a list: its text if it is a warning in the specification's form, and the rest.
fn next(list: &str) -> Option<(Option<String>, &str)> {
    let list = list.trim_start_matches([',', ' ', '\t']);
    if list.is_empty() {
        return None;
    }
    let begin = list.find('"').unwrap_or(list.len());
    // An element without a quoted text ends at its comma.
    if let Some(comma) = list[..begin].find(',') {
        return Some((None, &list[comma..]));
    }
    let (text, behind) = match list.get(begin + 1..) {
        Some(inner) => quoted(inner)?,
        None => return None,
    };
    let end = behind.find(',').unwrap_or(behind.len());
    let dated = !behind[..end].trim().is_empty();
    let ours = list[..begin].split_ascii_whitespace().eq(["299", "-"]);
    let behind = if dated { after_date(behind) } else { &behind[end..] };
    Some(((ours && !dated).then_some(text), behind))
}

/// A date is quoted too, and contains a comma.
fn after_date(behind: &str) -> &str {
    match behind.trim_start().strip_prefix('"').and_then(quoted) {
        Some((_, behind)) => behind,
        None => "",
    }
}

/// The text up to the closing quote, with escapes resolved and control characters removed; None if unterminated.
fn quoted(inner: &str) -> Option<(String, &str)> {
    let mut text = String::new();
    let mut characters = inner.char_indices();
    while let Some((at, c)) = characters.next() {
        let c = match c {
            '"' => return Some((text.trim().to_owned(), &inner[at + 1..])),
            '\\' => characters.next()?.1,
            other => other,
        };
        if !is_obeyed(c) {
            text.push(c);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::http::header::HeaderValue;

    fn read(values: &[&[u8]]) -> Vec<String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(WARNING, HeaderValue::from_bytes(value).unwrap());
        }
        parse(&headers)
    }

    #[test]
    fn warnings_of_the_specification_are_read() {
        for (value, expected) in [
            (
                &br#"299 - "Your auth token will expire in 30 seconds.""#[..],
                &["Your auth token will expire in 30 seconds."][..],
            ),
            (br#"  299   -   "a"  "#, &["a"]),
            (br#"299 - "say \"hi\" and \\ and \x""#, &[r#"say "hi" and \ and x"#]),
            (br#"299 - "a, b", 299 - "c""#, &["a, b", "c"]),
            (br#"299 - "a",299 - "a""#, &["a"]),
            (br#"110 - "stale", 299 - "c""#, &["c"]),
            (br#"299 host:80 "x", 299 - "c""#, &["c"]),
            (br#"299 - "dated" "Sat, 21 Nov 2026 00:00:00 GMT", 299 - "c""#, &["c"]),
            (br#"nonsense, 299 - "c""#, &["c"]),
            (b"299 - \"tab\tand \xe2\x82\xac and \xff\"", &["taband \u{20ac} and \u{fffd}"]),
        ] {
            assert_eq!(read(&[value]), expected, "{}", String::from_utf8_lossy(value));
        }
        assert_eq!(read(&[br#"299 - "one""#, br#"299 - "two""#, br#"299 - "one""#]), ["one", "two"]);
    }

    #[test]
    fn what_is_none_is_left_out() {
        for value in [
            "",
            ",",
            "299",
            "299 -",
            "299 - text",
            "299 - \"open",
            "299 - \"open\\",
            "299 - \"\"",
            "299 - \" \"",
            "199 - \"x\"",
            "0299 - \"x\"",
            "299 - - \"x\"",
            "299- \"x\"",
            "\"x\"",
            "299 - \"x\" trailing",
        ] {
            assert_eq!(read(&[value.as_bytes()]), [""; 0], "{value}");
        }
    }

    #[test]
    fn much_is_cut() {
        let long = format!("299 - \"{}\u{20ac}\u{20ac}\"", "x".repeat(4094));
        let cut = read(&[long.as_bytes(), b"299 - \"more\""]);
        assert_eq!((cut.len(), cut[0].len()), (1, 4094));
        let many: Vec<String> = (0..100).map(|number| format!("299 - \"{number}\"")).collect();
        assert_eq!(read(&many.iter().map(String::as_bytes).collect::<Vec<_>>()).len(), 16);
    }
}
