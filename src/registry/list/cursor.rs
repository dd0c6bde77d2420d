//! The cursor of a list: what a page's result returns as `next`, and the next call accepts.
//!
//! A registry sends it in a Link, whose query is its own: a name, a number, something encrypted. To a caller it is an
//! opaque string, which may come back from any source. So it contains neither host nor path: it identifies its list,
//! and leads to no other.

use std::hash::{DefaultHasher, Hash, Hasher};

use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::Engine as _;
use serde::{Deserialize, Serialize};

use crate::error::{Code, Error, Result};
use crate::http::link;
use crate::http::location::RequestTarget;
use crate::http::Url;
use crate::registry::repository::Remote;
use crate::resource::Resource;

/// A longer one is not taken back, and so is not given either.
const MOST_BYTES: usize = 16 << 10;
/// More calls than any list takes, with one name per call.
const MOST_CALLS: u64 = 5_000_000;
/// The fields of a cursor in its current version.
const VERSION: u8 = 1;

pub(crate) struct RegistryList {
    /// The identity of a list: its host, its path, its filter.
    pub(crate) id: String,
    /// Its path below the registry's base.
    path: String,
    /// Its URL, to compare those of pages with.
    pub(crate) url: Url,
}

impl RegistryList {
    /// A registry's or a repository's; `filter` says which of its elements the registry is asked for.
    pub(crate) fn of(remote: &Remote, resource: Resource, filter: &str) -> Result<RegistryList> {
        let path = resource.path(&remote.name);
        let url = remote.account.base.below(&path)?.url;
        Ok(RegistryList { id: format!("{} {resource} {filter}", remote.full_name()), path, url })
    }

    /// Its URL, without a query for paging.
    pub(crate) fn target(&self) -> RequestTarget {
        RequestTarget::Path(self.path.clone())
    }
}

/// A position in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cursor {
    version: u8,
    /// The id of the list.
    pub(crate) list: String,
    /// The path of the page after that of the list, from registries that page by path.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    below: String,
    query: Option<String>,
    /// The position on the page.
    place: Position,
    round: Round,
}

/// A position on a page.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Position {
    /// Elements of the page that were already returned.
    skip: u64,
    /// The last of those: there may be more or fewer before it meanwhile.
    after: String,
}

impl Cursor {
    /// Parses a cursor that a caller passes for one of these lists.
    pub(crate) fn parse(text: &str, lists: &[&RegistryList]) -> Result<Cursor> {
        let wrong = |why: &str| {
            let hint = "pass the next of the previous page, with the same name and the same filter";
            Error::new(Code::InvalidArgument, format!("the option next {why}")).with_hint(hint)
        };
        if text.len() > MOST_BYTES {
            return Err(wrong("is too long to be one"));
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| wrong("is not one that a page had"))?;
        let cursor: Cursor = serde_json::from_slice(&bytes).map_err(|_| wrong("is not one that a page had"))?;
        if cursor.version != VERSION {
            return Err(wrong("is from another version of the library"));
        }
        match lists.iter().find(|list| list.id == cursor.list) {
            Some(list) if cursor.is_page_of(list) => Ok(cursor),
            Some(_) => Err(wrong("is not one that a page had")),
            None => Err(wrong("belongs to another list")),
        }
    }

    /// The repository of the list that a cursor is for, where it was asked, if it is one; the rest is checked where it is used.
    pub(crate) fn beginner(text: &str) -> Option<String> {
        let bytes = URL_SAFE_NO_PAD.decode(text.get(..MOST_BYTES).unwrap_or(text)).ok()?;
        let cursor: Cursor = serde_json::from_slice(&bytes).ok()?;
        cursor.list.split_once(' ').map(|(name, _)| name.to_owned())
    }

    pub(crate) fn text(&self) -> Result<String> {
        let json = serde_json::to_vec(self)
            .map_err(|error| Error::new(Code::Internal, format!("a cursor is not JSON: {error}")))?;
        let text = URL_SAFE_NO_PAD.encode(json);
        match text.len() <= MOST_BYTES {
            true => Ok(text),
            false => Err(Error::new(Code::Protocol, "the registry's link to the next page is too long to be kept")),
        }
    }

    /// The URL of its page.
    pub(crate) fn target(&self, list: &RegistryList) -> Result<RequestTarget> {
        if !self.is_page_of(list) {
            return Err(Error::new(Code::InvalidArgument, "the option next belongs to another list"));
        }
        let page = match self.below.as_str() {
            "" => list.target(),
            below => RequestTarget::Path(format!("{}/{below}", list.path)),
        };
        Ok(match &self.query {
            Some(query) => page.with_query(query),
            None => page,
        })
    }

    /// Only a query of the list, or of a path below it, and only if that is parsed as written.
    fn is_page_of(&self, list: &RegistryList) -> bool {
        link::is_page_of(&list.url, &self.below, self.query.as_deref())
    }
}

/// Detects pages that loop, in however many calls they are requested, by remembering the result of one call in two,
/// four, eight, … (Brent's way to find a cycle).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Round {
    calls: u64,
    mark: u64,
}

impl Round {
    fn turn(self, brought: u64) -> Result<Round> {
        if self.calls > 0 && brought == self.mark {
            return Err(Error::new(Code::Protocol, "the registry's pages form a loop: the same page came again"));
        }
        if self.calls >= MOST_CALLS {
            return Err(Error::new(Code::LimitExceeded, format!("the list has more than {MOST_CALLS} pages")));
        }
        let calls = self.calls + 1;
        Ok(Round { calls, mark: if calls.is_power_of_two() { brought } else { self.mark } })
    }
}

/// A requested page, and where it was answered: redirects may have led elsewhere.
#[derive(Clone, Copy)]
pub(crate) struct AskedPage<'a> {
    /// The URL that was requested.
    pub(crate) url: &'a Url,
    pub(crate) answered: &'a Url,
}

impl<'a> AskedPage<'a> {
    /// A page that was not redirected.
    pub(crate) fn at(url: &'a Url) -> AskedPage<'a> {
        AskedPage { url, answered: url }
    }
}

/// Walks through the elements of pages, from where a call starts to where it has enough.
pub(crate) struct Passage {
    round: Round,
    brought: DefaultHasher,
    /// The position on the current page.
    at: u64,
    skip: u64,
    before: String,
    stopped: Option<Position>,
}

impl Passage {
    /// Starts at a cursor.
    pub(crate) fn new(cursor: Option<&Cursor>) -> Passage {
        Passage {
            round: cursor.map(|cursor| cursor.round.clone()).unwrap_or_default(),
            brought: DefaultHasher::new(),
            at: 0,
            skip: 0,
            before: String::new(),
            stopped: None,
        }
    }

    /// A page whose first elements are skipped.
    pub(crate) fn begin_page(&mut self, skip: u64) {
        (self.at, self.skip) = (0, skip);
        self.before.clear();
    }

    /// Passes an element to `take` if it is wanted; that returns whether it had room for it.
    pub(crate) fn pass(&mut self, name: &str, take: impl FnOnce() -> Result<bool>) -> Result<()> {
        if self.stopped.is_some() {
            return Ok(());
        }
        if self.at >= self.skip {
            if !take()? {
                self.stopped = Some(Position { skip: self.at, after: self.before.clone() });
                return Ok(());
            }
            name.hash(&mut self.brought);
        }
        self.at += 1;
        self.before.clear();
        self.before.push_str(name);
        Ok(())
    }

    /// Where the next call continues: on the current page, or on the one after it.
    pub(crate) fn cursor(&self, list: &RegistryList, page: AskedPage, next: Option<&Url>) -> Result<Option<Cursor>> {
        let (url, place) = match (&self.stopped, next) {
            (Some(place), _) => (page.url, place.clone()),
            (None, Some(next)) => (next, Position::default()),
            (None, None) => return Ok(None),
        };
        let below = match link::below(&list.url, url) {
            Some(below) => below,
            // The list is answered elsewhere: the next request starts at its original URL again.
            None if [page.url, page.answered].iter().any(|known| known.path() == url.path()) => "",
            None => {
                return Err(Error::new(Code::Protocol, "the registry's Link does not lead to this list"));
            }
        };
        Ok(Some(Cursor {
            version: VERSION,
            list: list.id.clone(),
            below: below.to_owned(),
            query: url.query().map(str::to_owned),
            place,
            round: self.round.clone().turn(self.brought.finish())?,
        }))
    }
}

/// Finds a position on its page: where its element is, or otherwise where it was.
pub(crate) struct PageFinder<'a> {
    place: &'a Position,
    at: u64,
    found: Option<u64>,
}

impl<'a> PageFinder<'a> {
    /// Searches for the position of a cursor; None at the beginning of a page.
    pub(crate) fn new(cursor: &'a Cursor) -> Option<PageFinder<'a>> {
        (cursor.place != Position::default()).then_some(PageFinder { place: &cursor.place, at: 0, found: None })
    }

    /// Looks at the next element of the page.
    pub(crate) fn look(&mut self, name: &str) {
        self.at += 1;
        if name == self.place.after && self.found != Some(self.place.skip) {
            self.found = Some(self.at);
        }
    }

    /// How many elements were already returned.
    pub(crate) fn skip(&self) -> u64 {
        self.found.unwrap_or(self.place.skip)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::location::Location;

    fn list(path: &str) -> RegistryList {
        let url = Url::parse(&format!("https://h/{path}")).unwrap();
        RegistryList { id: format!("h {}", url.path()), path: path.to_owned(), url }
    }

    fn cursor_to(next: &str) -> Result<Option<Cursor>> {
        let list = list("v2/a/tags/list");
        Passage::new(None).cursor(&list, AskedPage::at(&list.url), Some(&list.url.join(next).unwrap()))
    }

    fn text_of(value: serde_json::Value) -> String {
        URL_SAFE_NO_PAD.encode(value.to_string())
    }

    #[test]
    fn a_cursor_comes_back_as_it_went() {
        let list = list("v2/a/tags/list");
        for next in
            ["?last=a%2Fb+c&n=", "?next_page=gAAA%3D%3D", "/v2/a/tags/list", "list/page/2?x", "?a=b?c=/../d;e,f"]
        {
            let cursor = cursor_to(next).unwrap().unwrap();
            let text = cursor.text().unwrap();
            assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')));
            let again = Cursor::parse(&text, &[&list]).unwrap();
            let home = Location::of_caller(Url::parse("https://h/").unwrap());
            let page = home.find(&again.target(&list).unwrap()).unwrap().url;
            assert_eq!((&again, page), (&cursor, list.url.join(next).unwrap()));
        }
        assert_eq!(cursor_to("/v2/b/tags/list?last=x").unwrap_err().code(), Code::Protocol);
        let long = cursor_to(&format!("?last={}", "x".repeat(MOST_BYTES))).unwrap().unwrap();
        assert_eq!(long.text().unwrap_err().code(), Code::Protocol);
    }

    #[test]
    fn a_forged_or_foreign_cursor_is_refused() {
        let own = list("v2/a/tags/list");
        let good = serde_json::to_value(cursor_to("?last=x").unwrap().unwrap()).unwrap();
        assert!(Cursor::parse(&text_of(good.clone()), &[&own]).is_ok());
        let changed = |key: &str, value: serde_json::Value| {
            let mut forged = good.clone();
            forged[key] = value;
            text_of(forged)
        };
        for text in [
            String::new(),
            "x".to_owned(),
            "?last=x".to_owned(),
            "https://evil.example/v2/a/tags/list".to_owned(),
            text_of("x".into()),
            text_of(serde_json::json!({})),
            format!("{}=", text_of(good.clone())),
            "A".repeat(MOST_BYTES + 1),
            changed("version", 2.into()),
            changed("more", 2.into()),
            changed("list", "h /v2/b/tags/list".into()),
            changed("below", "../../../b/tags/list".into()),
            changed("below", "..%2f../x/%2e%2e/%2E%2E/%2e%2e/y".into()),
            changed("below", "/x\\..\\..\\..\\y".into()),
            changed("below", "x?y".into()),
            changed("query", "x#y".into()),
            changed("query", "x\ny".into()),
            changed("query", "x y\u{e9}".into()),
            changed("place", serde_json::json!({"skip": -1, "after": ""})),
        ] {
            let error = Cursor::parse(&text, &[&own]).unwrap_err();
            assert_eq!((error.code(), error.message().contains("the option next")), (Code::InvalidArgument, true));
        }
        for other in ["v2/b/tags/list", "v2/_catalog", "v2/a/referrers/x"] {
            let error = Cursor::parse(&text_of(good.clone()), &[&list(other)]).unwrap_err();
            assert!(error.message().contains("another list"), "{error}");
        }
    }

    #[test]
    fn a_place_is_found_again_though_the_page_has_changed() {
        let cursor = Cursor { place: Position { skip: 2, after: "b".to_owned() }, ..cursor_to("?x").unwrap().unwrap() };
        for (page, skip) in [("abc", 2), ("bc", 1), ("aabc", 3), ("acd", 2), ("bbc", 2), ("abb", 2), ("", 2)] {
            let mut finder = PageFinder::new(&cursor).unwrap();
            page.split("").filter(|name| !name.is_empty()).for_each(|name| finder.look(name));
            assert_eq!(finder.skip(), skip, "{page}");
        }
        assert!(PageFinder::new(&cursor_to("?x").unwrap().unwrap()).is_none());
    }

    #[test]
    fn what_goes_round_is_noticed() {
        for (before, length) in [(0, 1), (0, 2), (1, 3), (5, 7), (100, 1000)] {
            let (mut round, mut calls) = (Round::default(), 0u64);
            let error = loop {
                let brought = if calls < before { calls } else { before + (calls - before) % length };
                calls += 1;
                match round.turn(brought) {
                    Ok(next) => round = next,
                    Err(error) => break error,
                }
            };
            assert!(error.code() == Code::Protocol && calls <= 4 * (before + length) + 2, "{calls}");
        }
        let long = (0..10_000).try_fold(Round::default(), |round, page| round.turn(page)).unwrap();
        assert_eq!(long.calls, 10_000);
        let endless = Round { calls: MOST_CALLS, mark: 0 };
        assert_eq!(endless.turn(1).unwrap_err().code(), Code::LimitExceeded);
    }
}
