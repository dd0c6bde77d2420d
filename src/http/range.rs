//! Ranges as registries write them (RFC 9110 14.4; distribution-spec "Pushing a blob in chunks").

/// A part of a blob: both ends are inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ContentRange {
    /// The offset of the first byte.
    pub(crate) start: u64,
    /// The offset of the last byte.
    pub(crate) end: u64,
    /// The size of the whole; None when the server does not say.
    pub(crate) size: Option<u64>,
}

impl ContentRange {
    pub(crate) fn length(&self) -> u64 {
        (self.end - self.start).saturating_add(1)
    }
}

/// Reads `bytes 0-9/10`, and the forms without unit or size that some registries send. Other units, ends before the
/// start and sizes that do not include the end are None.
pub(crate) fn parse_content_range(text: &str) -> Option<ContentRange> {
    let text = without_unit(text.trim());
    let (range, size) = match text.split_once('/') {
        Some((range, size)) => (range, Some(size.trim())),
        None => (text, None),
    };
    let (start, end) = range.trim().split_once('-')?;
    let (start, end) = (number(start.trim())?, number(end.trim())?);
    let size = match size {
        None | Some("*") => None,
        Some(size) => Some(number(size)?),
    };
    // The offset after the last byte has to be a number too.
    let next = end.checked_add(1)?;
    (start <= end && size.is_none_or(|size| next <= size)).then_some(ContentRange { start, end, size })
}

/// The offset at which an upload continues, from the Range of a session's response: `0-<end>`, with or without unit.
///
/// `0-0` is ambiguous: it means one byte, but most registries also send it for an empty session. The result is 1;
/// a caller that knows that nothing was sent yet must not use it.
pub(crate) fn parse_upload_range(text: &str) -> Option<u64> {
    let (start, end) = without_unit(text.trim()).split_once('-')?;
    // Registries that compute the last byte's offset without a check report an empty session as ending at -1.
    if (start.trim(), end.trim()) == ("0", "-1") {
        return Some(0);
    }
    match number(start.trim())? {
        0 => number(end.trim())?.checked_add(1),
        _ => None,
    }
}

/// Strips `bytes ` or `bytes=`; anything else remains and is then not a number.
fn without_unit(text: &str) -> &str {
    let Some((unit, rest)) = text.split_at_checked("bytes".len()) else { return text };
    match unit.eq_ignore_ascii_case("bytes") && rest.starts_with(['=', ' ', '\t']) {
        true => rest[1..].trim_start(),
        false => text,
    }
}

/// Digits only: the standard parser would accept a plus sign.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: &str = "18446744073709551615";

    #[test]
    fn content_ranges_are_read() {
        let part = |start, end, size| Some(ContentRange { start, end, size });
        for (text, expected) in [
            ("bytes 0-9/10", part(0, 9, Some(10))),
            ("Bytes 5-9/100", part(5, 9, Some(100))),
            ("bytes 5-9/*", part(5, 9, None)),
            ("bytes=5-9/10", part(5, 9, Some(10))),
            ("5-9/10", part(5, 9, Some(10))),
            ("5-9", part(5, 9, None)),
            ("  bytes   5 - 9 / 10  ", part(5, 9, Some(10))),
            ("bytes 0-18446744073709551614/18446744073709551615", part(0, u64::MAX - 1, Some(u64::MAX))),
        ] {
            assert_eq!(parse_content_range(text), expected, "{text}");
        }
    }

    #[test]
    fn impossible_content_ranges_are_refused() {
        let overflow = format!("bytes 0-{MAX}/*");
        let larger = format!("bytes 0-{MAX}0/*");
        for text in [
            "",
            "bytes",
            "bytes ",
            "bytes */10",
            "bytes -5/10",
            "bytes 5-/10",
            "bytes 9-5/10",
            "bytes 0-10/10",
            "bytes 0-9/",
            "bytes 0-9/x",
            "bytes 0-9/+10",
            "bytes +0-9/10",
            "bytes 0--9/10",
            "items 0-9/10",
            "bytes0-9/10",
            "bytes 0-9/10/11",
            "bytes 0-4,5-9/10",
            "bytes 0x0-9/10",
            "é 0-9",
            "bytés 0-1",
            &overflow,
            &larger,
        ] {
            assert_eq!(parse_content_range(text), None, "{text}");
        }
    }

    #[test]
    fn upload_ranges_give_the_next_offset() {
        for (text, expected) in [
            ("0-1023", Some(1024)),
            ("bytes=0-1023", Some(1024)),
            ("bytes 0-1023", Some(1024)),
            (" 0-1023 ", Some(1024)),
            ("0-0", Some(1)),
            ("1-5", None),
            ("0-", None),
            ("-5", None),
            ("0--1", Some(0)),
            ("0-+5", None),
            ("1023", None),
            ("", None),
            ("0-5-9", None),
        ] {
            assert_eq!(parse_upload_range(text), expected, "{text}");
        }
        assert_eq!(parse_upload_range(&format!("0-{MAX}")), None);
        assert_eq!(parse_upload_range("0-18446744073709551614"), Some(u64::MAX));
    }
}
