//! Lists that come page by page (distribution-spec "Pagination"; RFC 8288 Link headers).

use std::collections::HashSet;
use std::ops::ControlFlow;

use ::http::Method;
use serde_json::{Map, Value};
use url::Url;

use crate::auth::scope::ScopeSet;
use crate::auth::Reply;
use crate::error::{Code, Error, Result};
use crate::http::guard::Guard;
use crate::http::origin::Origin;
use crate::http::response::Answer;
use crate::http::{link, Request};
use crate::registry::list::cursor::Asked;
use crate::registry::list::page;
use crate::registry::repository::Remote;

/// More pages than any registry has; a guard against one that never ends.
const MOST_PAGES: usize = 100_000;
/// All pages together may be so many times the limit of one.
const MOST_PAGEFULS: u64 = 8;

/// How often a long page looks whether the call may go on.
const LOOK: usize = 4096;

/// A page as it came.
pub(crate) struct Fetched<'a> {
    /// Where it was asked for, and answered.
    pub asked: Asked<'a>,
    pub answer: &'a Answer,
    /// Its body.
    pub bytes: &'a [u8],
    /// The URL of the page behind it.
    pub next: Option<&'a Url>,
    /// Whether the walk begins with it.
    pub is_first: bool,
}

/// Gives the elements of a page's list to `take`; the answer is what else the page holds.
pub(crate) fn elements(
    remote: &Remote,
    got: &Fetched,
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
        Code::Protocol | Code::LimitExceeded => error.within(what).with_url(&got.answer.url),
        _ => error,
    })
}

/// The walk from page to page. `open` says whether an answer is a page, is an error, or ends the walk; `take` gets each page.
pub(crate) fn walk(
    remote: &Remote,
    first: Request,
    scopes: &ScopeSet,
    what: &str,
    mut open: impl FnMut(Reply) -> Result<Option<Answer>>,
    mut take: impl FnMut(&Fetched) -> Result<ControlFlow<()>>,
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
        let page = Request { guard, headers: headers.clone(), ..Request::new(Method::GET, url.clone()) };
        let reply = remote.send(&mut page.whole(limit, "a page of the list"), scopes)?;
        let Some(mut answer) = open(reply)? else { break };
        let bytes = answer.take_whole();
        total += bytes.len() as u64;
        if total > limit.saturating_mul(MOST_PAGEFULS) {
            let message = format!("{what}: the pages hold more than {MOST_PAGEFULS} times {limit} bytes");
            return Err(Error::new(Code::LimitExceeded, message));
        }
        next = link::next_page(&answer.headers, &answer.url)?;
        // A list that was redirected goes on where a server sent us.
        if Origin::of(&answer.url) != Origin::of(&remote.account.base) {
            guard = Guard::said_by(answer.remote);
        }
        if take(&Fetched {
            asked: Asked { url: &url, answered: &answer.url },
            answer: &answer,
            bytes: &bytes,
            next: next.as_ref(),
            is_first: seen.len() == 1,
        })?
        .is_break()
        {
            break;
        }
    }
    Ok(())
}
