//! Challenges: what a 401 asks for (RFC 9110 11.6.1; distribution, docs/spec/auth/token.md). Registries and the
//! proxies before them send several headers, several challenges in one, and quoting of all kinds.

use std::fmt;

use ::http::header::{HeaderMap, WWW_AUTHENTICATE};

/// How many bytes of headers are read.
const MOST_BYTES: usize = 64 << 10;
const MOST_CHALLENGES: usize = 16;
const MOST_PARAMETERS: usize = 32;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AuthScheme {
    /// A bearer token from a token server.
    Bearer,
    /// Basic: user name and password.
    Basic,
    /// Another scheme, as the server wrote it.
    Other(String),
}

impl fmt::Display for AuthScheme {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            AuthScheme::Bearer => "Bearer",
            AuthScheme::Basic => "Basic",
            AuthScheme::Other(name) => name,
        })
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Challenge {
    pub(crate) scheme: AuthScheme,
    /// The parameters, with names in lower case.
    pub(crate) params: Vec<(String, String)>,
}

impl Challenge {
    fn new(name: &str) -> Challenge {
        let scheme = match name {
            name if name.eq_ignore_ascii_case("bearer") => AuthScheme::Bearer,
            name if name.eq_ignore_ascii_case("basic") => AuthScheme::Basic,
            name => AuthScheme::Other(name.to_owned()),
        };
        Challenge { scheme, params: Vec::new() }
    }

    /// A parameter by its lower-case name; an empty one counts as absent. If repeated, the first counts.
    fn param(&self, name: &str) -> Option<&str> {
        let value = self.params.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        value.filter(|value| !value.is_empty())
    }

    /// The URL of the token server; for Basic only a label.
    pub(crate) fn realm(&self) -> Option<&str> {
        self.param("realm")
    }

    pub(crate) fn service(&self) -> Option<&str> {
        self.param("service")
    }

    /// The scopes, separated by spaces.
    pub(crate) fn scope(&self) -> Option<&str> {
        self.param("scope")
    }

    /// Why the credentials were refused (RFC 6750 3.1): only a hint.
    pub(crate) fn error(&self) -> Option<&str> {
        self.param("error")
    }
}

/// The challenges of all WWW-Authenticate headers, in order. What cannot be parsed is skipped.
pub(crate) fn parse(headers: &HeaderMap) -> Vec<Challenge> {
    let mut found = Vec::new();
    let mut left = MOST_BYTES;
    for value in headers.get_all(WWW_AUTHENTICATE) {
        let bytes = value.as_bytes();
        let Some(rest) = left.checked_sub(bytes.len()) else { break };
        left = rest;
        parse_value(&String::from_utf8_lossy(bytes), &mut found);
    }
    found
}

/// The challenge to answer: Bearer before Basic, the first of each.
pub(crate) fn choose(challenges: &[Challenge]) -> Option<&Challenge> {
    let first = |scheme| challenges.iter().find(|challenge| challenge.scheme == scheme);
    first(AuthScheme::Bearer).or_else(|| first(AuthScheme::Basic))
}

/// A word followed by `=` is a parameter of the challenge before it, any other word starts a challenge. Each header
/// starts again: parameters before its first scheme are ignored.
fn parse_value(text: &str, found: &mut Vec<Challenge>) {
    let mut cursor = Scanner { rest: text };
    let mut current: Option<Challenge> = None;
    loop {
        cursor.skip(|c| is_space(c) || matches!(c, ',' | ';'));
        let Some(next) = cursor.rest.chars().next() else { break };
        let word = cursor.take(is_word);
        if word.is_empty() {
            // Something that no challenge contains: a quoted string without a name, or a stray character.
            match next {
                '"' => drop(cursor.quoted()),
                _ => cursor.rest = &cursor.rest[next.len_utf8()..],
            }
        } else if let Some(mut value) = cursor.value() {
            if word.eq_ignore_ascii_case("scope") {
                value.push_str(cursor.rest_of_scope());
            }
            if let Some(challenge) = current.as_mut().filter(|challenge| challenge.params.len() < MOST_PARAMETERS) {
                challenge.params.push((word.to_ascii_lowercase(), value));
            }
        } else {
            found.extend(current.replace(Challenge::new(word)));
            if found.len() >= MOST_CHALLENGES {
                return;
            }
            cursor.skip_token68();
        }
    }
    found.extend(current);
    found.truncate(MOST_CHALLENGES);
}

struct Scanner<'a> {
    rest: &'a str,
}

impl<'a> Scanner<'a> {
    fn take(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !belongs(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    fn skip(&mut self, belongs: impl Fn(char) -> bool) {
        self.take(belongs);
    }

    /// The value after `=`, which may have spaces around it; None, with nothing consumed, when there is no `=`.
    fn value(&mut self) -> Option<String> {
        let behind = self.rest.trim_start_matches(is_space).strip_prefix('=')?;
        self.rest = behind.trim_start_matches(is_space);
        Some(match self.rest.starts_with('"') {
            true => self.quoted(),
            // More characters than a token may contain, because servers omit the quotes around URLs.
            false => self.take(|c| !is_space(c) && c != ',').to_owned(),
        })
    }

    /// The rest of a scope without quotes: actions after commas, scopes after spaces.
    fn rest_of_scope(&mut self) -> &'a str {
        let whole = self.rest;
        loop {
            let mut ahead = Scanner { rest: self.rest };
            let separator = ahead.take(|c| is_space(c) || c == ',');
            let piece = ahead.take(|c| !is_space(c) && c != ',');
            let belongs = match separator {
                "," => matches!(piece, "pull" | "push" | "delete" | "*"),
                " " => piece.starts_with("repository:") || piece.starts_with("registry:"),
                _ => false,
            };
            if !belongs {
                return &whole[..whole.len() - self.rest.len()];
            }
            self.rest = ahead.rest;
        }
    }

    /// A quoted string; an unterminated one ends with the header.
    fn quoted(&mut self) -> String {
        let mut text = String::new();
        let mut chars = self.rest.char_indices().skip(1);
        while let Some((index, c)) = chars.next() {
            match c {
                '"' => {
                    self.rest = &self.rest[index + 1..];
                    return text;
                }
                '\\' => text.extend(chars.next().map(|(_, c)| c)),
                c => text.push(c),
            }
        }
        self.rest = "";
        text
    }

    /// Opaque credentials, as sent with `NTLM` and `Negotiate`: not supported.
    fn skip_token68(&mut self) {
        let mut ahead = Scanner { rest: self.rest.trim_start_matches(is_space) };
        let spaced = ahead.rest.len() < self.rest.len();
        let piece = ahead.take(|c| c.is_ascii_alphanumeric() || "-._~+/".contains(c));
        ahead.skip(|c| c == '=');
        let behind = ahead.rest.trim_start_matches(is_space);
        if spaced && !piece.is_empty() && (behind.is_empty() || behind.starts_with(',')) {
            self.rest = behind;
        }
    }
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t')
}

/// The characters of a token (RFC 9110 5.6.2).
fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::http::header::HeaderValue;

    fn of(values: &[&[u8]]) -> Vec<Challenge> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(WWW_AUTHENTICATE, HeaderValue::from_bytes(value).unwrap());
        }
        parse(&headers)
    }

    /// The challenges of one header, written as `Scheme k=v k=v | Scheme ...`.
    fn shown(value: &str) -> String {
        let show = |challenge: &Challenge| {
            let params: String = challenge.params.iter().map(|(key, value)| format!(" {key}={value}")).collect();
            format!("{}{params}", challenge.scheme)
        };
        of(&[value.as_bytes()]).iter().map(show).collect::<Vec<_>>().join(" | ")
    }

    #[test]
    fn every_form_is_read() {
        for (value, expected) in [
            ("", ""),
            (" , ,", ""),
            ("Basic", "Basic"),
            ("bAsIc rEaLm=\"R\"", "Basic realm=R"),
            (
                r#"Bearer realm="https://auth/token",service="reg",scope="repository:a:pull,push repository:b:pull""#,
                "Bearer realm=https://auth/token service=reg scope=repository:a:pull,push repository:b:pull",
            ),
            (
                r#"Negotiate, NTLM abc==, Basic realm="x, Bearer realm=y", Bearer realm="https://a""#,
                "Negotiate | NTLM | Basic realm=x, Bearer realm=y | Bearer realm=https://a",
            ),
            (r#"Negotiate abc, Bearer realm=r"#, "Negotiate | Bearer realm=r"),
            (r#"Basic realm="a", Bearer realm="b""#, "Basic realm=a | Bearer realm=b"),
            (r#"Bearer realm = "a" , service	=	b"#, "Bearer realm=a service=b"),
            (r#"Bearer realm=https://a:1/t?x=1&y=2,service=s"#, "Bearer realm=https://a:1/t?x=1&y=2 service=s"),
            (r#"Bearer realm="a" service="b"; scope="c""#, "Bearer realm=a service=b scope=c"),
            (r#"Bearer ,, realm="a",,service="b","#, "Bearer realm=a service=b"),
            (r#"Bearer,realm="a""#, "Bearer realm=a"),
            (
                r#"Bearer realm=r,scope=repository:a:pull,push,service=s"#,
                "Bearer realm=r scope=repository:a:pull,push service=s",
            ),
            (
                r#"Bearer realm=r,scope=repository:a:delete,pull,delete,*,service=s"#,
                "Bearer realm=r scope=repository:a:delete,pull,delete,* service=s",
            ),
            (
                "Bearer scope=repository:a:pull,push repository:b:pull,*, realm=r, Basic realm=x",
                "Bearer scope=repository:a:pull,push repository:b:pull,* realm=r | Basic realm=x",
            ),
            ("Bearer scope=repository:a:pull,Basic realm=x", "Bearer scope=repository:a:pull | Basic realm=x"),
            (r#"Bearer scope="repository:a:pull",push,realm=r"#, "Bearer scope=repository:a:pull,push realm=r"),
            (r#"Bearer realm="a \"b\" \\ c""#, r#"Bearer realm=a "b" \ c"#),
            (r#"Bearer realm="open, service=s"#, "Bearer realm=open, service=s"),
            (r#"Bearer realm="end\"#, "Bearer realm=end"),
            (r#"Bearer realm=, service=s"#, "Bearer service=s"),
            (r#"Bearer realm="", error="invalid_token""#, "Bearer realm= error=invalid_token"),
            (r#"realm="a", Basic realm="b""#, "Basic realm=b"),
            (r#""stray" = Bearer realm=a"#, "Bearer realm=a"),
            (
                r#"Digest realm="a", nonce="b==", qop="auth,auth-int", Basic"#,
                "Digest realm=a nonce=b== qop=auth,auth-int | Basic",
            ),
        ] {
            assert_eq!(shown(value), expected, "{value}");
        }
    }

    #[test]
    fn all_headers_count_and_stay_apart() {
        let found = of(&[b"Basic realm=\"open", b"service=lost, Bearer realm=b", b"NTLM"]);
        let schemes: Vec<String> = found.iter().map(|challenge| challenge.scheme.to_string()).collect();
        assert_eq!(schemes, ["Basic", "Bearer", "NTLM"]);
        assert_eq!(found[0].params, [("realm".to_owned(), "open".to_owned())]);
        assert_eq!(of(&[]), []);
    }

    #[test]
    fn bearer_goes_before_basic() {
        let chosen =
            |value: &str| choose(&of(&[value.as_bytes()])).map(|c| (c.scheme.clone(), c.realm().map(str::to_owned)));
        let some = |scheme, realm: &str| Some((scheme, Some(realm.to_owned())));
        assert_eq!(chosen("Basic realm=a, bearer realm=b, Bearer realm=c"), some(AuthScheme::Bearer, "b"));
        assert_eq!(chosen("NTLM, Basic realm=a, Basic realm=b"), some(AuthScheme::Basic, "a"));
        assert_eq!(chosen("Negotiate, NTLM abc=="), None);
        assert_eq!(choose(&[]), None);
    }

    #[test]
    fn empty_and_repeated_parameters() {
        let found = of(&[br#"Bearer realm="r", service="", scope="a:b:c", scope="d:e:f", Error="insufficient_scope""#]);
        let bearer = &found[0];
        assert_eq!((bearer.realm(), bearer.service(), bearer.scope()), (Some("r"), None, Some("a:b:c")));
        assert_eq!(bearer.error(), Some("insufficient_scope"));
    }

    #[test]
    fn sizes_are_bounded() {
        assert_eq!(of(&["Basic, ".repeat(1000).as_bytes()]).len(), MOST_CHALLENGES);
        assert_eq!(of(&[b"A, B, C, D, E".as_slice(); 20]).len(), MOST_CHALLENGES);
        let many = format!("Bearer {}", "a=b,".repeat(10_000));
        assert_eq!(of(&[many.as_bytes()])[0].params.len(), MOST_PARAMETERS);
        let large = format!("Basic realm=\"{}\"", "x".repeat(MOST_BYTES));
        assert_eq!(of(&[b"Basic", large.as_bytes(), b"Bearer"]).len(), 1);
    }

    #[test]
    fn mutated_headers_never_panic_and_stay_bounded() {
        let seeds: [&[u8]; 5] = [
            br#"Negotiate, NTLM abc==, Basic realm="x, Bearer realm=y", Bearer realm="https://a/t",service="s",scope="r:a:pull,push""#,
            br#"Bearer realm = "a \"b\" \\ c" , service=d;scope=e f"#,
            "Basic realm=\"caf\u{e9} \u{1f600}\", charset=\"UTF-8\"".as_bytes(),
            b"=,=\"\\\",;= \t,,==",
            b"Bearer",
        ];
        let pieces: &[u8] = b"\",=\\; \tBb~a1/:\xff\xc3\xe9";
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let mut random = move |below: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 33) as usize % below
        };
        let (mut parsed, mut challenges) = (0, 0);
        for round in 0..100_000 {
            let mut bytes = seeds[round % seeds.len()].to_vec();
            for _ in 0..=random(8) {
                let at = random(bytes.len() + 1);
                match random(4) {
                    0 if at < bytes.len() => drop(bytes.remove(at)),
                    1 if at < bytes.len() => bytes[at] = pieces[random(pieces.len())],
                    2 => bytes.truncate(at),
                    _ => bytes.insert(at, pieces[random(pieces.len())]),
                }
            }
            let Ok(value) = HeaderValue::from_bytes(&bytes) else { continue };
            let mut headers = HeaderMap::new();
            headers.insert(WWW_AUTHENTICATE, value);
            let found = parse(&headers);
            assert!(found.len() <= MOST_CHALLENGES);
            let size: usize = found.iter().flat_map(|c| &c.params).map(|(key, value)| key.len() + value.len()).sum();
            // An invalid byte becomes a replacement character of three bytes.
            assert!(size <= bytes.len() * 3);
            parsed += 1;
            challenges += found.len();
        }
        assert!(parsed > 99_000 && challenges > parsed, "{parsed} {challenges}");
    }
}
