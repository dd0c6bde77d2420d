//! The output of a failing credential helper as it may be repeated in a message: the first line, shortened, without
//! control characters, and without anything that may be a secret. Pure.

use regex_lite::Regex;

use crate::text::shorten_to;

/// How many characters of a line are repeated.
const LONGEST: usize = 200;
/// A secret with fewer letters is searched for only as a separate word.
const SHORT: usize = 4;
const REDACTED: &str = "<redacted>";

/// What looks like a secret in a sentence; the first group, if any, is kept.
const SECRETS: [&str; 6] = [
    r#"(?i)("[^"]*(?:secret|password|token|auth)[^"]*"\s*:\s*)"(?:[^"\\]|\\.)*"?"#,
    r"(?i)(\w*(?:secret|passw|passphrase|token|auth|key)\w*=)\S+",
    r"(?i)((?:secret|password|passwd|passphrase)\s*:\s*)\S+",
    r"(?i)(\btoken\s*:\s*)[^\s:]*\d\S*",
    r"(?i)(\b(?:bearer|basic)\s+)[\w+/=.~-]{8,}",
    r"(//)[^/\s]+@",
];
/// A named secret, up to the end of the line; except stores and services whose names start like that.
const NAMED: &str = r"(?i)((?:secret|password|passwd|passphrase)[\s:=]+)(\S.*)";
const NO_SECRETS: [&str; 2] = ["store", "service"];
/// A long word of letters and digits: tokens look like this, and so do identifiers that a message can do without.
const LONG_WORD: &str = r"[\w+=-]{24,}";

/// The first non-empty line, without these secrets. None if there is none, or if it may be the helper's answer
/// itself.
pub(super) fn first_line(said: &[u8], secrets: &[&str]) -> Option<String> {
    let text = String::from_utf8_lossy(said);
    let line = text.split(['\n', '\r']).map(str::trim).find(|line| !line.is_empty())?;
    if line.starts_with(['{', '[', '"']) {
        return None;
    }
    let line = secrets.iter().fold(line.to_owned(), |line, secret| without(&line, secret));
    Some(shorten_to(&without_secrets(&line), LONGEST))
}

/// A short secret occurs within many words, and counts only where it stands alone.
fn without(line: &str, secret: &str) -> String {
    if secret.is_empty() {
        return line.to_owned();
    }
    let goes_on = |c: Option<char>| secret.len() < SHORT && c.is_some_and(char::is_alphanumeric);
    let (mut shown, mut done) = (String::new(), 0);
    for (at, _) in line.match_indices(secret) {
        let end = at + secret.len();
        if !goes_on(line[..at].chars().next_back()) && !goes_on(line[end..].chars().next()) {
            shown.push_str(&line[done..at]);
            shown.push_str(REDACTED);
            done = end;
        }
    }
    shown + &line[done..]
}

fn without_secrets(line: &str) -> String {
    let mut shown = line.to_owned();
    for pattern in SECRETS {
        if let Ok(pattern) = Regex::new(pattern) {
            shown = pattern.replace_all(&shown, format!("${{1}}{REDACTED}")).into_owned();
        }
    }
    if let Ok(named) = Regex::new(NAMED) {
        let replace = |found: &regex_lite::Captures| match NO_SECRETS.iter().any(|name| found[2].starts_with(name)) {
            true => found[0].to_owned(),
            false => format!("{}{REDACTED}", &found[1]),
        };
        shown = named.replace(&shown, replace).into_owned();
    }
    let Ok(words) = Regex::new(LONG_WORD) else { return shown };
    let is_token = |word: &str| word.contains(|c: char| c.is_ascii_digit()) && word.contains(char::is_alphabetic);
    words
        .replace_all(&shown, |found: &regex_lite::Captures| {
            let word = found.get(0).map_or("", |word| word.as_str());
            (if is_token(word) { REDACTED } else { word }).to_owned()
        })
        .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(said: &str) -> Option<String> {
        first_line(said.as_bytes(), &["s3cr", "dTpzM2Ny"])
    }

    #[test]
    fn sentences_are_repeated() {
        for line in [
            "panic: boom",
            "denied",
            "ecr: Failed to get authorization token: operation error ECR: GetAuthorizationToken, https response error",
            "exec: \"docker-credential-desktop.exe\": executable file not found in $PATH",
            "cannot read /home/me/.password-store/docker-credential-helpers/aHR0cHM6/me.gpg",
            "Error communicating with the keychain (-25308)",
            "pass not initialized: exit status 1: Error: password store is empty.",
        ] {
            assert_eq!(shown(line).as_deref(), Some(line));
            assert_eq!(shown(&format!(" \r\n\n\t{line}\r\nmore")).as_deref(), Some(line));
        }
        assert_eq!(shown(""), None);
        assert_eq!(shown(" \n\r\n"), None);
    }

    #[test]
    fn a_terminal_obeys_nothing_of_it_and_it_is_cut() {
        assert_eq!(shown("\x1b[31mno\x07\u{202e}").as_deref(), Some("\u{fffd}[31mno\u{fffd}\u{fffd}"));
        assert_eq!(first_line(b"\xff\xfe no", &[]).as_deref(), Some("\u{fffd}\u{fffd} no"));
        assert_eq!(shown(&"x ".repeat(4000)).unwrap().chars().count(), LONGEST + 1);
    }

    #[test]
    fn secrets_are_not() {
        for line in [r#"{"ServerURL":"h","Username":"u","Secret":"HIDE"}"#, "[HIDE]", "\"HIDE\""] {
            assert_eq!(shown(line), None, "{line}");
        }
        for (line, left) in [
            ("stored u with s3cr!", "stored u with <redacted>!"),
            ("s3crs3cr", "<redacted><redacted>"),
            ("Authorization of dTpzM2Ny failed", "Authorization of <redacted> failed"),
        ] {
            assert_eq!(shown(line).as_deref(), Some(left));
        }
        assert_eq!(first_line(b"not implemented: p", &["p", ""]).as_deref(), Some("not implemented: <redacted>"));
        for line in [
            r#"debug: {"Username":"u","Secret":"HI\"DE HIDE"}"#,
            r#"debug: {"Username":"u","identitytoken" : "HIDE"#,
            "PASSWORD=HIDE failed",
            "api_key=HIDE",
            "the password: HIDE",
            "the password: some HIDE with spaces",
            "Your password is HIDE",
            "wrong passphrase HIDE",
            "SECRET = some HIDE",
            "token: HIDE1 is old",
            "Authorization: Bearer HIDE.HIDE-1",
            "GET https://u:HIDE@h/ failed",
            "got eyJHIDEeyJHIDEeyJHIDEeyJ1eyJHIDE from it",
        ] {
            let shown = shown(line).unwrap();
            assert!(shown.contains(REDACTED) && !shown.contains("HIDE"), "{shown}");
        }
    }
}
