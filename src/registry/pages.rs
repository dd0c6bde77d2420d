//! Lists that come page by page (distribution-spec "Pagination"; RFC 8288 Link headers).

use std::collections::HashSet;
use std::ops::ControlFlow;

use reqwest::{Method, StatusCode};
use serde_json::{Map, Value};
use url::Url;

use super::name_list::{NameList, NameSet};
use super::page;
use super::remote::Remote;
use crate::auth::scope::ScopeSet;
use crate::auth::Reply;
use crate::error::{Code, Error, Result};
use crate::http::answer::Answer;
use crate::http::origin::Origin;
use crate::http::resolver::Guard;
use crate::http::{link, Request};

/// More pages than any registry has; a guard against one that never ends.
const MOST_PAGES: usize = 100_000;
/// All pages together may be so many times the limit of one.
const MOST_PAGEFULS: u64 = 8;
/// More names than one answer should hold.
const MOST_NAMES: usize = 5_000_000;
/// The most pages in a row that bring nothing new. A few are honest: some registries page first and leave out later what
/// the caller may not see.
const MOST_EMPTY: usize = 100;

/// How often a long page looks whether the call may go on.
const LOOK: usize = 4096;

/// Gives the names in the list under `key` of every page to `names`, until it is full or there is no next page, and what else the
/// page holds to `rest`. Whether there is a next page.
pub fn each(
    remote: &Remote,
    first: Url,
    scopes: &ScopeSet,
    what: &str,
    (key, names): (&str, &mut Names),
    valid: impl Fn(&str) -> bool,
    mut rest: impl FnMut(Map<String, Value>),
) -> Result<bool> {
    let mut has_next = false;
    let open = |reply| remote.expect(reply, &[StatusCode::OK], what).map(Some);
    walk(remote, Request::new(Method::GET, first), scopes, what, open, |answer, bytes, next| {
        rest(elements(remote, answer, bytes, what, key, &mut |element| match element {
            Value::String(name) => names.take(&name, &valid),
            // Lists may hold nulls and other things.
            _ => Ok(()),
        })?);
        names.end_page()?;
        has_next = next.is_some();
        Ok(if names.is_full() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    Ok(has_next)
}

/// Gives the elements of a page's list to `take`; the answer is what else the page holds.
pub fn elements(
    remote: &Remote,
    answer: &Answer,
    bytes: &[u8],
    what: &str,
    key: &str,
    take: &mut dyn FnMut(Value) -> Result<()>,
) -> Result<Map<String, Value>> {
    let mut count = 0;
    let page = page::read(bytes, key, &mut |element| {
        count += 1;
        if count % LOOK == 0 {
            remote.call.check()?;
        }
        take(element)
    });
    page.map_err(|error| match error.code() {
        Code::Protocol | Code::LimitExceeded => error.within(what).with_url(&answer.url),
        _ => error,
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
    names: NameSet,
    limit: Option<usize>,
    cut: bool,
    after: Option<String>,
    /// Whether the page has brought something new.
    is_new: bool,
    empty: usize,
}

impl Names {
    /// At most `limit` names, of those after `after`.
    pub fn new(limit: Option<u64>, after: Option<&str>) -> Names {
        let limit = limit.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let after = after.map(str::to_owned);
        Names { names: NameSet::default(), limit, cut: false, after, is_new: false, empty: 0 }
    }

    /// Takes one of a page, if it is what it should be.
    fn take(&mut self, name: &str, valid: impl Fn(&str) -> bool) -> Result<()> {
        if self.after.as_deref() == Some(name) {
            // A list that holds the cursor comes from a registry that ignores it (distribution 2.8 does, for tags).
            self.after = None;
            self.names.clear();
            (self.cut, self.is_new) = (false, true);
            return Ok(());
        }
        if self.names.has(name) {
            return Ok(());
        }
        self.is_new = true;
        if !valid(name) {
            return Ok(());
        }
        if self.is_full() {
            self.cut = true;
            return Ok(());
        }
        if self.names.list().len() >= MOST_NAMES {
            return Err(Error::new(Code::LimitExceeded, format!("the list holds more than {MOST_NAMES} names")));
        }
        self.names.add(name)
    }

    fn end_page(&mut self) -> Result<()> {
        self.after = None;
        self.empty = if std::mem::take(&mut self.is_new) { 0 } else { self.empty + 1 };
        match self.empty > MOST_EMPTY {
            true => {
                let message =
                    format!("the registry sends more than {MOST_EMPTY} pages in a row that are empty or repeated");
                Err(Error::new(Code::Protocol, message))
            }
            false => Ok(()),
        }
    }

    /// Whether the limit is reached.
    pub fn is_full(&self) -> bool {
        self.limit.is_some_and(|limit| self.names.list().len() >= limit)
    }

    /// The names, and the cursor for the next call when there are more: `more` says whether the registry named a
    /// further page.
    pub fn finish(self, more: bool) -> (NameList, Option<String>) {
        let last = if self.cut || (more && self.is_full()) { self.names.list().last() } else { None };
        let last = last.map(str::to_owned);
        (self.names.into_list(), last)
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
