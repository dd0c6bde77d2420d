//! Lists that come page by page (distribution-spec "Pagination"; RFC 8288 Link headers).

use std::collections::HashSet;
use std::ops::ControlFlow;

use ::http::header::HeaderMap;
use ::http::Method;
use serde_json::{Map, Value};

use crate::auth::scope::ScopeSet;
use crate::auth::Reply;
use crate::error::{Code, Error, Result};
use crate::http::location::RequestTarget;
use crate::http::response::Response;
use crate::http::Request;
use crate::http::Url;
use crate::registry::list::cursor::AskedPage;
use crate::registry::list::page;
use crate::registry::repository::Remote;

/// More pages than any list has, a guard against one that never ends: those of the longest list of names by the smallest pages that registries
/// choose themselves, of 50.
const MOST_PAGES: usize = 100_000;
/// The most consecutive pages without anything new. A few are legitimate: some registries page first and later leave
/// out what the caller may not see.
const MOST_EMPTY: usize = 100;
/// How many times the limit of one page all pages together may have.
const MOST_PAGEFULS: u64 = 8;

/// How often a long page looks whether the call may go on.
const LOOK: usize = 4096;

pub(crate) struct FetchedPage<'a> {
    /// The URL that was requested, and the one that responded.
    pub(crate) asked: AskedPage<'a>,
    pub(crate) response: &'a Response,
    pub(crate) bytes: &'a [u8],
    pub(crate) next: Option<&'a Url>,
    /// Whether the walk starts with it.
    pub(crate) is_first: bool,
}

/// Counts the pages in a row that bring nothing new.
#[derive(Default)]
pub(crate) struct EmptyPages {
    in_a_row: usize,
}

impl EmptyPages {
    /// A page is at its end.
    pub(crate) fn end_page(&mut self, is_new: bool) -> Result<()> {
        self.in_a_row = if is_new { 0 } else { self.in_a_row + 1 };
        match self.in_a_row > MOST_EMPTY {
            true => {
                let message =
                    format!("the registry sends more than {MOST_EMPTY} pages in a row that are empty or repeated");
                Err(Error::new(Code::Protocol, message))
            }
            false => Ok(()),
        }
    }
}

/// Passes the elements of a page's list to `take`; returns the other members of the page.
pub(crate) fn elements(
    remote: &Remote,
    got: &FetchedPage,
    what: &str,
    key: &str,
    take: &mut dyn FnMut(Value) -> Result<()>,
) -> Result<Map<String, Value>> {
    let mut count = 0;
    let page = page::read(got.bytes, key, &mut |element| {
        count += 1;
        if count % LOOK == 0 {
            remote.call.check()?;
        }
        take(element)
    });
    page.map_err(|error| match error.code() {
        Code::Protocol | Code::LimitExceeded => error.within(what).with_url(&got.response.url),
        _ => error,
    })
}

pub(crate) struct Walk<'a> {
    pub(crate) remote: &'a Remote,
    pub(crate) scopes: &'a ScopeSet,
    /// The name of the list for errors.
    pub(crate) what: &'a str,
    /// The headers of each request.
    pub(crate) headers: HeaderMap,
}

impl Walk<'_> {
    /// Goes. `open` says whether a response is a page, is an error, or ends the walk; `take` gets each page.
    pub(crate) fn begin(
        &self,
        first: RequestTarget,
        mut open: impl FnMut(Reply) -> Result<Option<Response>>,
        mut take: impl FnMut(&FetchedPage) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        let (remote, what) = (self.remote, self.what);
        let limit = remote.client.options().max_list_bytes;
        let (mut seen, mut total) = (HashSet::new(), 0);
        let mut target = first;
        loop {
            if seen.len() >= MOST_PAGES {
                return Err(Error::new(Code::LimitExceeded, format!("{what}: more than {MOST_PAGES} pages")));
            }
            let reply = self.ask(&target, limit)?;
            let url = reply.begin.url.clone();
            seen.insert(url.clone());
            let Some(mut response) = open(reply)? else { break };
            let bytes = response.take_whole();
            total += bytes.len() as u64;
            if total > limit.saturating_mul(MOST_PAGEFULS) {
                let message = format!("{what}: the pages have more than {MOST_PAGEFULS} times {limit} bytes in all");
                return Err(Error::new(Code::LimitExceeded, message));
            }
            let next = remote.account.base.next_page(&response)?;
            let page = FetchedPage {
                asked: AskedPage { url: &url, answered: &response.url },
                response: &response,
                bytes: &bytes,
                next: next.as_ref().map(|next| &next.url),
                is_first: seen.len() == 1,
            };
            if take(&page)?.is_break() {
                break;
            }
            let Some(next) = next else { break };
            if seen.contains(&next.url) {
                let message = format!("{what}: the registry's pages form a loop");
                return Err(Error::new(Code::Protocol, message).with_url(&next.url));
            }
            target = next.into();
        }
        Ok(())
    }

    fn ask(&self, target: &RequestTarget, limit: u64) -> Result<Reply> {
        let mut request = Request::new(Method::GET).whole(limit, "a page of the list");
        request.headers = self.headers.clone();
        self.remote.send(target, &mut request, self.scopes)
    }
}
