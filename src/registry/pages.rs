//! Lists that come page by page (distribution-spec "Pagination"; RFC 8288 Link headers).

use std::collections::HashSet;
use std::ops::ControlFlow;

use reqwest::{Method, StatusCode};
use serde_json::Value;
use url::Url;

use super::remote::Remote;
use crate::auth::scope::ScopeSet;
use crate::auth::Reply;
use crate::error::{Code, Error, Result};
use crate::http::answer::Answer;
use crate::http::origin::Origin;
use crate::http::resolver::Guard;
use crate::http::{link, Request};
use crate::json;

/// More pages than any registry has; a guard against one that never ends.
const MOST_PAGES: usize = 100_000;
/// All pages together may be so many times the limit of one.
const MOST_PAGEFULS: u64 = 8;
/// More names than one answer should hold.
const MOST_NAMES: usize = 5_000_000;
/// The most pages in a row that bring nothing new. A few are honest: some registries page first and leave out later what
/// the caller may not see.
const MOST_EMPTY: usize = 100;

/// One page of a list.
pub struct Page {
    /// The document.
    pub document: Value,
    /// The next page, if the registry names one.
    pub next: Option<Url>,
}

/// Gives every page to `take`, until it breaks or there is no next one.
pub fn each(
    remote: &Remote,
    first: Url,
    scopes: &ScopeSet,
    what: &str,
    mut take: impl FnMut(Page) -> Result<ControlFlow<()>>,
) -> Result<()> {
    let open = |reply| remote.expect(reply, &[StatusCode::OK], what).map(Some);
    walk(remote, Request::new(Method::GET, first), scopes, what, open, |answer, bytes, next| {
        let document = json::parse(bytes).map_err(|error| {
            Error::new(Code::Protocol, format!("{what}: the answer is no JSON: {error}")).with_url(&answer.url)
        })?;
        if !document.is_object() {
            let message = format!("{what}: the answer is JSON, but no object");
            return Err(Error::new(Code::Protocol, message).with_url(&answer.url));
        }
        take(Page { document, next: next.cloned() })
    })
}

/// The walk from page to page. `open` says whether an answer is a page, is an error, or ends the walk; `take` gets each
/// page's answer, its bytes, and the URL of the next one.
pub fn walk(
    remote: &Remote,
    first: Request,
    scopes: &ScopeSet,
    what: &str,
    mut open: impl FnMut(Reply) -> Result<Option<Answer>>,
    mut take: impl FnMut(&Answer, &[u8], Option<&Url>) -> Result<ControlFlow<()>>,
) -> Result<()> {
    let limit = remote.client.http.options().max_list_bytes;
    let mut seen = HashSet::new();
    let mut total = 0;
    let mut guard = Guard::Caller;
    let headers = first.headers;
    let mut next = Some(first.url);
    while let Some(url) = next {
        if seen.len() >= MOST_PAGES {
            return Err(Error::new(Code::LimitExceeded, format!("{what}: more than {MOST_PAGES} pages")));
        }
        if !seen.insert(url.clone()) {
            return Err(
                Error::new(Code::Protocol, format!("{what}: the registry's pages go round in a circle")).with_url(&url)
            );
        }
        let page = Request { guard, headers: headers.clone(), ..Request::new(Method::GET, url) };
        let reply = remote.send(&mut page.whole(limit, "a page of the list"), scopes)?;
        let Some(mut answer) = open(reply)? else { break };
        let bytes = answer.take_whole();
        total += bytes.len() as u64;
        if total > MOST_PAGEFULS * limit {
            let message = format!("{what}: the pages hold more than {} bytes", MOST_PAGEFULS * limit);
            return Err(Error::new(Code::LimitExceeded, message));
        }
        next = link::next_page(&answer.headers, &answer.url)?;
        // A list that was redirected goes on where a server sent us.
        if Origin::of(&answer.url) != Origin::of(&remote.account.base) {
            guard = Guard::said_by(answer.remote);
        }
        if take(&answer, &bytes, next.as_ref())?.is_break() {
            break;
        }
    }
    Ok(())
}

/// Names in the order they came, without repetitions, cut at a number.
pub struct Names {
    names: Vec<String>,
    seen: HashSet<String>,
    limit: Option<usize>,
    cut: bool,
    after: Option<String>,
    empty: usize,
}

impl Names {
    /// At most `limit` names, of those after `after`.
    pub fn new(limit: Option<u64>, after: Option<&str>) -> Names {
        let limit = limit.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX));
        Names { names: Vec::new(), seen: HashSet::new(), limit, cut: false, after: after.map(str::to_owned), empty: 0 }
    }

    /// Takes those of a page that are what they should be: lists may be null, and may hold nulls and other things.
    pub fn take(&mut self, list: Option<&Value>, valid: impl Fn(&str) -> bool) -> Result<()> {
        let list: Vec<&str> = list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        self.empty = if list.iter().any(|name| !self.seen.contains(*name)) { 0 } else { self.empty + 1 };
        if self.empty > MOST_EMPTY {
            let message =
                format!("the registry sends more than {MOST_EMPTY} pages in a row that are empty or repeated");
            return Err(Error::new(Code::Protocol, message));
        }
        // A list that holds the cursor comes from a registry that ignores it (distribution 2.8 does, for tags).
        let begin =
            self.after.take().and_then(|after| list.iter().position(|name| *name == after)).map_or(0, |at| at + 1);
        for name in list.into_iter().skip(begin) {
            if !valid(name) || self.seen.contains(name) {
                continue;
            }
            if self.is_full() {
                self.cut = true;
                break;
            }
            if self.names.len() >= MOST_NAMES {
                return Err(Error::new(Code::LimitExceeded, format!("the list holds more than {MOST_NAMES} names")));
            }
            self.seen.insert(name.to_owned());
            self.names.push(name.to_owned());
        }
        Ok(())
    }

    /// Whether the limit is reached.
    pub fn is_full(&self) -> bool {
        self.limit.is_some_and(|limit| self.names.len() >= limit)
    }

    /// The names, and the cursor for the next call when there are more: `more` says whether the registry named a
    /// further page.
    pub fn finish(self, more: bool) -> (Vec<String>, Option<String>) {
        let last = if self.cut || (more && self.is_full()) { self.names.last().cloned() } else { None };
        (self.names, last)
    }
}

/// No names are no page: a caller would take it for the end.
pub fn check_n(n: Option<u64>) -> Result<()> {
    match n {
        Some(0) => Err(Error::new(Code::InvalidArgument, "the option n must be more than 0")),
        _ => Ok(()),
    }
}

/// The largest page that every registry gives.
const LARGEST_PAGE: u64 = 1000;

/// Adds `n` and `last` to a list's URL.
pub fn with_cursor(mut url: Url, n: Option<u64>, last: Option<&str>) -> Url {
    if let Some(n) = n {
        // ECR refuses a larger page; whoever wants more gets it in several.
        url.query_pairs_mut().append_pair("n", &n.min(LARGEST_PAGE).to_string());
    }
    if let Some(last) = last.filter(|last| !last.is_empty()) {
        url.query_pairs_mut().append_pair("last", last);
    }
    url
}
