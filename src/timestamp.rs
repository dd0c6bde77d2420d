//! Moments as text: RFC 3339, and the form without separators that signed URLs have. Reads no clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

const DAY: i64 = 86_400;

/// RFC 3339, between 1970 and 9999: `2026-01-02T03:04:05.678Z` or with `+01:00`.
pub(crate) fn parse(text: &str) -> Option<SystemTime> {
    let bytes = text.as_bytes();
    let number = |from, to| number(bytes, from, to);
    let separated = [(4, b'-'), (7, b'-'), (13, b':'), (16, b':')].iter().all(|(at, c)| bytes.get(*at) == Some(c));
    if !separated || !matches!(bytes.get(10), Some(b'T' | b't' | b' ')) {
        return None;
    }
    let date = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let time = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let fraction = bytes.get(19) == Some(&b'.');
    let digits = if fraction { bytes[20..].iter().take_while(|byte| byte.is_ascii_digit()).count() + 1 } else { 0 };
    let zone = 19 + digits;
    let east = match (bytes.get(zone)?, bytes.len() - zone) {
        (b'Z' | b'z', 1) => 0,
        (sign @ (b'+' | b'-'), 6) if bytes[zone + 3] == b':' => {
            let seconds = number(zone + 1, zone + 3)? * 3600 + number(zone + 4, zone + 6)? * 60;
            if *sign == b'+' {
                seconds
            } else {
                -seconds
            }
        }
        _ => return None,
    };
    moment(date, time, east)
}

/// `20260102T030405Z`, as in X-Amz-Date and X-Goog-Date.
pub(crate) fn parse_compact(text: &str) -> Option<SystemTime> {
    let bytes = text.as_bytes();
    if bytes.len() != 16 || bytes[8] != b'T' || bytes[15] != b'Z' {
        return None;
    }
    let number = |from, to| number(bytes, from, to);
    let date = (number(0, 4)?, number(4, 6)?, number(6, 8)?);
    moment(date, (number(9, 11)?, number(11, 13)?, number(13, 15)?), 0)
}

/// Seconds since 1970.
pub(crate) fn of_seconds(seconds: u64) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

/// RFC 3339 in UTC, to the second; None outside of 1970 to 9999.
pub(crate) fn text(time: SystemTime) -> Option<String> {
    let seconds = i64::try_from(time.duration_since(UNIX_EPOCH).ok()?.as_secs()).ok()?;
    let (day, second) = (seconds / DAY, seconds % DAY);
    // Eras of 400 years that begin in March, as in `days`.
    let day = day + 719_468;
    let (era, of_era) = (day / 146_097, day % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march = (5 * of_year + 2) / 153;
    let (month, date) = (if march < 10 { march + 3 } else { march - 9 }, of_year - (153 * march + 2) / 5 + 1);
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    (year <= 9999).then(|| format!("{year:04}-{month:02}-{date:02}T{hour:02}:{minute:02}:{second:02}Z"))
}

fn number(bytes: &[u8], from: usize, to: usize) -> Option<i64> {
    let digits = bytes.get(from..to).filter(|digits| digits.iter().all(u8::is_ascii_digit))?;
    Some(digits.iter().fold(0i64, |sum, digit| sum * 10 + i64::from(digit - b'0')))
}

fn moment(
    (year, month, day): (i64, i64, i64),
    (hour, minute, second): (i64, i64, i64),
    east: i64,
) -> Option<SystemTime> {
    let sane = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second <= 60;
    let seconds = days(year, month, day) * DAY + hour * 3600 + minute * 60 + second - east;
    sane.then(|| of_seconds(u64::try_from(seconds).ok()?)).flatten()
}

/// Days since 1970 in the Gregorian calendar; years start in March, so that the leap day is the last one.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month > 2 { year } else { year - 1 };
    let month = (month + 9) % 12;
    365 * year + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(time: Option<SystemTime>) -> Option<u64> {
        time.map(|time| time.duration_since(UNIX_EPOCH).unwrap().as_secs())
    }

    #[test]
    fn what_is_written_can_be_read() {
        for (second, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_767_323_045, "2026-01-02T03:04:05Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(text(of_seconds(second).unwrap()).as_deref(), Some(expected));
            assert_eq!(seconds(parse(expected)), Some(second));
        }
        for second in (0..253_402_300_799).step_by(7_654_321) {
            assert_eq!(seconds(parse(&text(of_seconds(second).unwrap()).unwrap())), Some(second));
        }
        assert_eq!(text(of_seconds(253_402_300_800).unwrap()), None);
    }

    #[test]
    fn the_compact_form() {
        assert_eq!(seconds(parse_compact("20260102T030405Z")), Some(1_767_323_045));
        for bad in
            ["", "20260102T030405", "2026-01-02T03:04Z", "20261302T030405Z", "20260102T0304é5Z", "2026010xT030405Z"]
        {
            assert_eq!(parse_compact(bad), None, "{bad}");
        }
    }

    #[test]
    fn dates_are_read() {
        const NOW: u64 = 1_767_323_045;
        let seconds = |text| seconds(parse(text));
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2026-01-02T03:04:05Z", Some(NOW)),
            ("2026-01-02 03:04:05.5z", Some(NOW)),
            ("2026-01-01T22:04:05-05:00", Some(NOW)),
            ("2000-02-29T00:00:00Z", Some(951_782_400)),
            ("2024-03-01T00:00:00Z", Some(1_709_251_200)),
            ("9999-12-31T23:59:60Z", Some(253_402_300_800)),
            ("0000-01-01T00:00:00Z", None),
            ("2026-13-01T00:00:00Z", None),
            ("2026-01-02T03:04:05", None),
            ("2026-01-02T03:04:05.", None),
            ("2026-01-02T03:04:05+01", None),
            ("2026-01-02T03:04:05+0100x", None),
            ("2026-01-02T03:04:05Zx", None),
            ("+026-01-02T03:04:05Z", None),
            ("2026-01-02T03:04:05\u{e9}\u{e9}\u{e9}", None),
            ("", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }
}
