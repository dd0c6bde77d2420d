//! The next page of a list (RFC 8288 Link headers; distribution-spec "Listing tags"), read as tolerantly as
//! registries write them: without angle brackets, with unquoted or unusually ordered parameters, several in a header.

use ::http::header::{HeaderMap, LINK};
use url::Url;

use super::origin::{host_of, Origin};
use super::redirect::join;
use crate::error::{Code, Error, Result};

/// The URL of the page after `page`, if the headers name one. Its query is kept undecoded: it is the server's cursor.
///
/// It always has the origin of `page`. Registries behind proxies write the wrong scheme or lose the port, and proxies
/// change paths, so of a link to the same list only the query counts; a link to another host is a PROTOCOL error.
pub(crate) fn next_page(link_headers: &HeaderMap, page: &Url) -> Result<Option<Url>> {
    let mut links = Vec::new();
    for value in link_headers.get_all(LINK) {
        links.extend(self::links(std::str::from_utf8(value.as_bytes()).map_err(|_| wrong(page, "is not text"))?));
    }
    if let Some(link) = links.iter().find(|link| link.is_next()) {
        let target = link.target.ok_or_else(|| wrong(page, "names a next page, but not where it is"))?;
        return resolve(target, page).map(Some);
    }
    // The truncated part may have been the link to the next page.
    if links.iter().any(|link| link.is_cut) {
        return Err(wrong(page, "ends in the middle of a URL"));
    }
    if links.iter().any(|link| !link.is_bracketed && link.relations.is_none() && link.target.is_some()) {
        return Err(wrong(page, "cannot be read: it names neither a URL in angle brackets nor a relation"));
    }
    // Some registries send only the target.
    let bare = links.iter().find(|link| link.is_bracketed && link.relations.is_none());
    bare.and_then(|link| link.target).map(|target| resolve(target, page)).transpose()
}

/// The rest of a page's path after the list's path; None for other paths.
pub(crate) fn below<'a>(list: &Url, page: &'a Url) -> Option<&'a str> {
    match page.path().strip_prefix(list.path())? {
        "" => Some(""),
        rest => rest.strip_prefix('/').filter(|rest| !rest.is_empty()),
    }
}

/// Whether a path below a list, and a query, name a page of the list when they are parsed: as written, and nowhere else.
pub(crate) fn is_page_of(list: &Url, path: &str, query: Option<&str>) -> bool {
    let mut url = list.clone();
    if !path.is_empty() {
        url.set_path(&format!("{}/{path}", list.path()));
    }
    url.set_query(query);
    (path.is_empty() || below(list, &url) == Some(path)) && url.query() == query
}

fn resolve(target: &str, page: &Url) -> Result<Url> {
    let link = join(page, target).map_err(|why| wrong(page, format!("does not contain a URL ({why})")))?;
    let (Some(linked), Some(home)) = (Origin::of(&link), Origin::of(page)) else {
        return Err(wrong(page, "names a URL that is neither http nor https"));
    };
    // A missing port in a link may have been lost on the way; an explicit one counts.
    if linked.host != home.host || link.port().is_some_and(|port| port != home.port) {
        return Err(wrong(page, format!("leads to another host, {linked}")));
    }
    let mut next = page.clone();
    if !is_same_list(&link, page) {
        next.set_path(link.path());
    }
    next.set_query(link.query());
    next.set_fragment(None);
    Ok(next)
}

/// Whether a link leads to the same list as its page. What a proxy adds to or removes from a path is at its beginning,
/// and in links it is missing or superfluous.
fn is_same_list(link: &Url, page: &Url) -> bool {
    let end = |url: &Url| -> Vec<String> {
        url.path()
            .rsplit('/')
            .filter(|part| !part.is_empty())
            .take(2)
            .map(|part| part.replace("%3A", ":").replace("%3a", ":"))
            .collect()
    };
    end(link).iter().zip(end(page)).all(|(linked, own)| *linked == own)
}

fn wrong(page: &Url, why: impl std::fmt::Display) -> Error {
    let host = host_of(page);
    Error::new(Code::Protocol, format!("the Link header of {host} {why}")).with_url(page)
}

#[derive(Debug, PartialEq)]
struct Link<'a> {
    target: Option<&'a str>,
    is_bracketed: bool,
    relations: Option<String>,
    is_cut: bool,
}

impl Link<'_> {
    fn is_next(&self) -> bool {
        self.relations
            .iter()
            .flat_map(|relations| relations.split_ascii_whitespace())
            .any(|relation| relation.eq_ignore_ascii_case("next"))
    }
}

fn links(text: &str) -> Vec<Link<'_>> {
    let mut rest = text;
    let mut found = Vec::new();
    while !rest.is_empty() {
        let (link, behind) = link(rest);
        found.push(link);
        rest = behind;
    }
    found
}

/// Splits off one link: parts between semicolons, up to the comma that ends it. The target is the part in angle
/// brackets, otherwise the first one.
fn link(text: &str) -> (Link<'_>, &str) {
    let (mut bracketed, mut first, mut relations, mut is_cut) = (None, None, None, false);
    let mut rest = text;
    loop {
        let (part, behind) = part(rest, first.is_none());
        if let Some(inner) = part.strip_prefix('<') {
            is_cut |= !inner.contains('>');
            bracketed = bracketed.or(Some(inner.strip_suffix('>').unwrap_or(inner).trim()));
        } else if let Some(value) = relation(part) {
            // The first of several rel parameters counts.
            relations.get_or_insert(value);
        }
        first.get_or_insert(part);
        rest = behind.get(1..).unwrap_or_default();
        if !behind.starts_with(';') {
            break;
        }
    }
    let target = bracketed.or(first.filter(|part| !part.is_empty() && relation(part).is_none()));
    (Link { target, is_bracketed: bracketed.is_some(), relations, is_cut }, rest)
}

/// Splits off one part; the rest starts with the separator. A comma in angle brackets or quotes is not a separator, and
/// in a bare URL (`is_first`) only with a space or a bracket after it.
fn part(text: &str, is_first: bool) -> (&str, &str) {
    let start = text.len() - text.trim_start().len();
    let bracketed = text[start..].starts_with('<');
    let (mut in_brackets, mut quoted, mut escaped) = (bracketed, false, false);
    let mut end = text.len();
    for (index, byte) in text.bytes().enumerate().skip(start) {
        match byte {
            _ if in_brackets => in_brackets = byte != b'>',
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' if bracketed || !is_first => quoted = !quoted,
            _ if quoted => {}
            b',' if is_first && !bracketed && !ends_link(&text[index + 1..]) => {}
            b',' | b';' => {
                end = index;
                break;
            }
            _ => {}
        }
    }
    (text[start..end].trim(), &text[end..])
}

fn ends_link(behind: &str) -> bool {
    behind.is_empty() || behind.starts_with([' ', '\t', '<', ','])
}

fn relation(part: &str) -> Option<String> {
    let (name, value) = part.split_once('=')?;
    if !name.trim().eq_ignore_ascii_case("rel") {
        return None;
    }
    let value = value.trim();
    let value = value.strip_prefix('"').unwrap_or(value);
    Some(value.strip_suffix('"').unwrap_or(value).replace('\\', ""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::http::header::HeaderValue;

    const PAGE: &str = "https://reg.example/v2/a/tags/list?n=2";

    fn headers(values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(LINK, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        headers
    }

    fn next_of(page: &str, values: &[&str]) -> Result<Option<String>> {
        next_page(&headers(values), &Url::parse(page).unwrap()).map(|next| next.map(String::from))
    }

    #[test]
    fn every_way_of_writing_it_is_read() {
        let expected = "https://reg.example/v2/a/tags/list?last=x&n=2";
        for value in [
            r#"</v2/a/tags/list?last=x&n=2>; rel="next""#,
            r#"</v2/a/tags/list?last=x&n=2>;rel=next"#,
            r#"</v2/a/tags/list?last=x&n=2> ; Rel = NEXT"#,
            r#"  < /v2/a/tags/list?last=x&n=2 >; title="a, \"b\"; c"; rel="prev next""#,
            r#"</v2/a/tags/list?last=x&n=2>; rel="next"; rel="prev""#,
            r#"rel="next"; </v2/a/tags/list?last=x&n=2>"#,
            r#"/v2/a/tags/list?last=x&n=2; rel="next""#,
            r#"/v2/a/tags/list?last=x&n=2;rel=next"#,
            r#"<?last=x&n=2>; rel="next""#,
            r#"<list?last=x&n=2>; rel="next""#,
            r#"<https://reg.example/v2/a/tags/list?last=x&n=2>; rel="next""#,
            r#"https://reg.example/v2/a/tags/list?last=x&n=2; rel="next""#,
            r#"<//reg.example/v2/a/tags/list?last=x&n=2#f>; rel="next""#,
            r#"</v2/a/tags/list?last=p>; rel="prev", </v2/a/tags/list?last=x&n=2>; rel="next""#,
            r#"</v2/a/tags/list?last=p>;rel=prev,</v2/a/tags/list?last=x&n=2>;rel=next"#,
            r#"/v2/a/tags/list?last=p; rel=prev, /v2/a/tags/list?last=x&n=2; rel=next"#,
            r#", ,</v2/a/tags/list?last=x&n=2>; rel="next","#,
            r#"</v2/a/tags/list?last=q>, </v2/a/tags/list?last=x&n=2>; rel=next"#,
            r#"</v2/a/tags/list?last=x&n=2>; rel="next"#,
        ] {
            assert_eq!(next_of(PAGE, &[value]).unwrap().as_deref(), Some(expected), "{value}");
        }
        let several = ["</p>; rel=prev", "</v2/a/tags/list?last=x&n=2>; rel=next", "</other>; rel=next"];
        assert_eq!(next_of(PAGE, &several).unwrap().as_deref(), Some(expected));
    }

    #[test]
    fn commas_and_semicolons_stay_in_urls() {
        for (value, expected) in [
            ("</x?last=a,b;c>; rel=next", "https://reg.example/x?last=a,b;c"),
            ("/x?last=a,b,c; rel=next", "https://reg.example/x?last=a,b,c"),
            ("</x?last=\"a,b>; rel=next", "https://reg.example/x?last=%22a,b"),
        ] {
            assert_eq!(next_of(PAGE, &[value]).unwrap().as_deref(), Some(expected), "{value}");
        }
    }

    #[test]
    fn the_query_is_not_decoded() {
        let query = "last=a%2Fb+c%20d%7E~|%25&next_page=gAAAA%3D%3D&n=";
        let next = next_of(PAGE, &[&format!("</v2/_catalog?{query}>; rel=next")]).unwrap();
        assert_eq!(next, Some(format!("https://reg.example/v2/_catalog?{query}")));
    }

    #[test]
    fn no_next_page() {
        for value in ["", " ", ",", ";", "</x>; rel=prev", "</x>; rel=nextpage"] {
            assert_eq!(next_of(PAGE, &[value]).unwrap(), None, "{value}");
        }
        assert_eq!(next_of(PAGE, &[]).unwrap(), None);
        for value in ["/x, rel", "junk", "</x>; rel=prev, junk", ">", "\""] {
            assert_eq!(next_of(PAGE, &[value]).unwrap_err().code(), Code::Protocol, "{value}");
        }
    }

    #[test]
    fn a_link_that_does_not_say_what_it_is_leads_on() {
        let expected = "https://reg.example/v2/a/tags/list?last=x";
        for value in [
            "</v2/a/tags/list?last=x>",
            "</v2/a/tags/list?last=x>; title=\"rel=next\"",
            "</v2/a/tags/list?last=x>; relation=prev",
            "</p>; rel=prev, <?last=x>",
        ] {
            assert_eq!(next_of(PAGE, &[value]).unwrap().as_deref(), Some(expected), "{value}");
        }
        let several = ["</p>", "<?last=x>; rel=next"];
        assert_eq!(next_of(PAGE, &several).unwrap().as_deref(), Some(expected));
        assert_eq!(next_of(PAGE, &["<https://evil.example/x>"]).unwrap_err().code(), Code::Protocol);
    }

    #[test]
    fn the_page_keeps_its_origin() {
        for (page, target, expected) in [
            ("https://h/v2/x", "http://h/v2/x?last=1", "https://h/v2/x?last=1"),
            ("https://h/v2/x", "http://h:443/v2/x?last=1", "https://h/v2/x?last=1"),
            ("https://h:5000/v2/x", "http://h/v2/x?last=1", "https://h:5000/v2/x?last=1"),
            ("https://h:5000/v2/x", "https://h:5000/v2/x?last=1", "https://h:5000/v2/x?last=1"),
            ("https://h/v2/x", "https://H:443/v2/x?last=1", "https://h/v2/x?last=1"),
            ("https://h/v2/x", "https://user:pw@h/v2/x?last=1", "https://h/v2/x?last=1"),
            ("https://h/prefix/v2/x?n=1", "/v2/x?last=1", "https://h/prefix/v2/x?last=1"),
            ("https://h/v2/x?n=1", "/v2/x", "https://h/v2/x"),
            ("https://h/v2/a/tags/list", "/repository/p/v2/a/tags/list?last=1", "https://h/v2/a/tags/list?last=1"),
            ("https://h/v2/p/a/tags/list", "/v2/a/tags/list?last=1", "https://h/v2/p/a/tags/list?last=1"),
            ("https://h/v2/a/tags/list", "a/tags/list?last=1", "https://h/v2/a/tags/list?last=1"),
            ("https://h/v2/a/tags/list", "/?last=1", "https://h/v2/a/tags/list?last=1"),
            ("https://h/v2/a/tags/list", "list/2", "https://h/v2/a/tags/list/2"),
            ("https://h/p/v2/_catalog", "/_catalog?last=1", "https://h/p/v2/_catalog?last=1"),
        ] {
            let next = next_of(page, &[&format!("<{target}>; rel=next")]).unwrap();
            assert_eq!(next.as_deref(), Some(expected), "{page} {target}");
        }
    }

    #[test]
    fn other_hosts_and_broken_links_are_errors() {
        for target in [
            "https://evil.example/v2/x?SECRET",
            "//evil.example/x?SECRET",
            "https://reg.example.evil/x",
            "https://reg.example:5001/x",
            "ftp://reg.example/x?SECRET",
            "javascript:SECRET",
            "https://reg.example:99999/?SECRET",
            "/\\evil.example/x",
        ] {
            let error = next_of(PAGE, &[&format!("<{target}>; rel=next")]).unwrap_err();
            assert_eq!(error.code(), Code::Protocol, "{target}");
            assert!(error.message().contains("reg.example") && !error.message().contains("SECRET"), "{error}");
        }
        for value in
            ["<", "rel=next", "; rel=\"next\"", "</v2/x?last=1; rel=next", "</p>; rel=prev, </v2/x", "<>; rel=next"]
        {
            let found = next_of(PAGE, &[value]);
            // An empty reference is the page itself, which is not the next page either.
            assert!(found.is_err() || found.unwrap().as_deref() == Some(PAGE), "{value}");
        }
        let mut latin1 = HeaderMap::new();
        latin1.insert(LINK, HeaderValue::from_bytes(b"</\xe9>; rel=next").unwrap());
        assert_eq!(next_page(&latin1, &Url::parse(PAGE).unwrap()).unwrap_err().code(), Code::Protocol);
    }
}
