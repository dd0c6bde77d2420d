//! Lists of names, and the part of one that a call wants.

use std::ops::ControlFlow;

use ::http::header::HeaderMap;
use ::http::StatusCode;
use serde_json::{json, Map, Value};

use crate::auth::scope::ScopeSet;
use crate::error::{Code, Error, Result};
use crate::http::location::RequestTarget;
use crate::registry::list::cursor::{Cursor, PageFinder, Passage, RegistryList};
use crate::registry::list::name_list::{NameList, NameSet};
use crate::registry::list::pages;
use crate::registry::list::pages::{EmptyPages, FetchedPage, Walk};
use crate::registry::repository::Remote;
use crate::registry_error;
use crate::text::shorten;

/// More names than one result should contain.
const MOST_NAMES: usize = 5_000_000;
/// The largest page that every registry accepts.
const LARGEST_PAGE: u64 = 1000;

pub(crate) struct Names<'a> {
    pub(crate) remote: &'a Remote,
    pub(crate) list: RegistryList,
    pub(crate) scopes: ScopeSet,
    pub(crate) what: String,
    /// The member of a page that contains the names.
    pub(crate) key: &'static str,
    /// Whether an element is a name: others are left out, with a warning to the caller.
    pub(crate) is_name: fn(&str) -> bool,
}

/// The part of a list that a call asks for.
#[derive(Clone, Copy, Default)]
pub(crate) struct NameWindow<'a> {
    /// At most this many.
    pub(crate) limit: Option<u64>,
    /// How many to request at a time.
    pub(crate) page_size: Option<u64>,
    /// Only those after this one.
    pub(crate) last: Option<&'a str>,
    /// Those after the end of an earlier call; `last` is ignored then.
    pub(crate) next: Option<&'a str>,
}

impl<'a> NameWindow<'a> {
    /// From the options that all lists of names have.
    pub(crate) fn new(
        n: Option<u64>,
        all: bool,
        last: Option<&'a str>,
        next: Option<&'a str>,
    ) -> Result<NameWindow<'a>> {
        // A page of zero names is refused: a caller would take it for the end.
        if n == Some(0) {
            return Err(Error::new(Code::InvalidArgument, "the option n must be more than 0"));
        }
        let last = last.filter(|last| !last.is_empty() && next.is_none());
        Ok(NameWindow { limit: n.filter(|_| !all), page_size: n, last, next })
    }
}

pub(crate) struct ListedNames {
    pub(crate) names: NameList,
    /// The last of them, when there are more.
    pub(crate) last: Option<String>,
    /// The cursor of the next part; None at the end.
    pub(crate) next: Option<String>,
}

impl Names<'_> {
    /// Gets the `wanted` part of the list. Other members of the pages go to `rest`.
    pub(crate) fn get(
        &self,
        window: NameWindow,
        wanted: impl Fn(&str) -> bool,
        mut rest: impl FnMut(Map<String, Value>),
    ) -> Result<ListedNames> {
        let cursor = window.next.map(|text| Cursor::parse(text, &[&self.list])).transpose()?;
        let first = match &cursor {
            Some(cursor) => cursor.target(&self.list)?,
            None => self.first_page(window.page_size, window.last),
        };
        let (mut part, mut passage) = (Gathered::new(window.limit), Passage::new(cursor.as_ref()));
        let (mut next, mut is_first, mut odd) = (None, true, NonNames::default());
        let open = |reply| self.remote.expect(reply, &[StatusCode::OK], &self.what).map(Some);
        self.walk().begin(first, open, |page| {
            passage.begin_page(match std::mem::take(&mut is_first) {
                true => self.behind(page, window, cursor.as_ref())?,
                false => 0,
            });
            let members = self.elements(page, &mut |element| {
                let name = element.as_str();
                passage.pass(name.unwrap_or_default(), || match name {
                    Some(name) => part.take(name, |name| odd.passes(name, self.is_name) && wanted(name)),
                    None => Ok(true),
                })
            })?;
            rest(members);
            part.end_page()?;
            if !part.is_full() {
                return Ok(ControlFlow::Continue(()));
            }
            let place = passage.cursor(&self.list, page.asked, page.next);
            next = place.map_err(|error| error.within(&self.what).with_url(&page.response.url))?;
            Ok(ControlFlow::Break(()))
        })?;
        if let Some(warning) = odd.warning(self.key) {
            self.remote.call.warn_of(&self.remote.full_name(), &warning)?;
        }
        let last = next.as_ref().and_then(|_| part.names.list().last()).map(str::to_owned);
        let next = next.map(|next| next.text()).transpose().map_err(|error| error.within(&self.what))?;
        Ok(ListedNames { names: part.names.into_list(), last, next })
    }

    fn walk(&self) -> Walk<'_> {
        Walk { remote: self.remote, scopes: &self.scopes, what: &self.what, headers: HeaderMap::new() }
    }

    /// The URL of the first page, with `n` and `last`.
    fn first_page(&self, n: Option<u64>, last: Option<&str>) -> RequestTarget {
        // ECR refuses a larger page; for more, several are requested.
        let n = n.map(|n| n.min(LARGEST_PAGE).to_string());
        let pairs = [("n", n.as_deref()), ("last", last)];
        self.list.target().with_pairs(pairs.into_iter().filter_map(|(key, value)| Some((key, value?))))
    }

    fn elements(&self, page: &FetchedPage, take: &mut dyn FnMut(Value) -> Result<()>) -> Result<Map<String, Value>> {
        let wrong = |why: String| Error::new(Code::Protocol, why).within(&self.what).with_url(&page.response.url);
        let key = self.key;
        let rest = pages::elements(self.remote, page, &self.what, key, &mut |element| match element {
            Value::String(_) | Value::Null => take(element),
            _ => Err(Error::new(
                Code::Protocol,
                format!("the list {key} in the response contains something that is not a name"),
            )),
        })?;
        match (rest.get(key), rest.get("errors")) {
            (Some(Value::Null | Value::Array(_)), _) => Ok(rest),
            (Some(_), _) => Err(wrong(format!("the member {key} of the response is not a list"))),
            (None, Some(errors)) if !errors.is_null() => {
                let (response, body) = (page.response, json!({"errors": errors}).to_string());
                Err(registry_error::error_of(
                    response.status.as_u16(),
                    &response.headers,
                    body.as_bytes(),
                    &response.url,
                    &self.what,
                ))
            }
            // Some registries return only the name for a repository without tags.
            (None, _) if rest.is_empty() || rest.contains_key("name") => Ok(rest),
            (None, _) => Err(wrong(format!("the response has no list {key}"))),
        }
    }

    /// How many names of the first page come before the starting point.
    fn behind(&self, page: &FetchedPage, window: NameWindow, cursor: Option<&Cursor>) -> Result<u64> {
        if let Some(mut finder) = cursor.and_then(PageFinder::new) {
            self.elements(page, &mut |element| {
                finder.look(element.as_str().unwrap_or_default());
                Ok(())
            })?;
            return Ok(finder.skip());
        }
        match window.last {
            Some(last) => self.after(page, last, window.page_size),
            None => Ok(0),
        }
    }

    /// How many names of a page requested with `last` are not after it. If a registry ignores `last` and returns
    /// its whole list, as distribution 2.8 does for tags, the list is cut here. Its first page again would never end.
    fn after(&self, page: &FetchedPage, last: &str, page_size: Option<u64>) -> Result<u64> {
        let (mut at, mut place, mut first, mut before) = (0, None, None, last.to_owned());
        let mut is_in_order = true;
        self.elements(page, &mut |element| {
            let name = element.as_str().unwrap_or_default();
            at += 1;
            if name == last {
                place.get_or_insert(at);
            }
            first.get_or_insert_with(|| name.to_owned());
            is_in_order &= !is_surely_before(name, last) && !is_surely_before(name, &before);
            before.clear();
            before.push_str(name);
            Ok(())
        })?;
        let has_more = page.next.is_some();
        let is_ignored = match place {
            Some(place) if place == 1 || !has_more => return Ok(place),
            Some(_) => true,
            // If names are sorted, those after a name are greater. Otherwise a registry that honours `last` does not
            // start with a name after which it was asked to start.
            None if is_in_order && !(at == 1 && has_more) => false,
            None => match &first {
                Some(name) => self.first_name(page_size, name)? == first,
                None => false,
            },
        };
        match is_ignored {
            false => Ok(0),
            true => {
                let message = format!("{}: the registry ignores last and starts from the beginning", self.what);
                let hint = "use the next of the previous page, or get the whole list";
                Err(Error::new(Code::Unsupported, message).with_url(&page.response.url).with_hint(hint))
            }
        }
    }

    /// The first name that the registry returns after another.
    fn first_name(&self, page_size: Option<u64>, last: &str) -> Result<Option<String>> {
        let mut first = None;
        let open = |reply| self.remote.expect(reply, &[StatusCode::OK], &self.what).map(Some);
        self.walk().begin(self.first_page(page_size, Some(last)), open, |page| {
            self.elements(page, &mut |element| {
                first.get_or_insert_with(|| element.as_str().unwrap_or_default().to_owned());
                Ok(())
            })?;
            Ok(ControlFlow::Break(()))
        })?;
        Ok(first)
    }
}

/// Whether a name sorts before another in every order that the specification ever had.
fn is_surely_before(name: &str, other: &str) -> bool {
    name < other && name.to_lowercase() < other.to_lowercase()
}

/// Names in the order they came, without repetitions, up to a number.
struct Gathered {
    names: NameSet,
    limit: Option<usize>,
    /// Whether the page has brought something new.
    is_new: bool,
    empty: EmptyPages,
}

impl Gathered {
    fn new(limit: Option<u64>) -> Gathered {
        let limit = limit.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX));
        Gathered { names: NameSet::default(), limit, is_new: false, empty: EmptyPages::default() }
    }

    /// Takes one name of a page, if valid; false when there is no room for it.
    fn take(&mut self, name: &str, mut wanted: impl FnMut(&str) -> bool) -> Result<bool> {
        if self.names.has(name) {
            return Ok(true);
        }
        self.is_new = true;
        if !wanted(name) {
            return Ok(true);
        }
        if self.is_full() {
            return Ok(false);
        }
        if self.names.list().len() >= MOST_NAMES {
            return Err(Error::new(Code::LimitExceeded, format!("the list has more than {MOST_NAMES} names")));
        }
        self.names.add(name).map(|()| true)
    }

    fn end_page(&mut self) -> Result<()> {
        self.empty.end_page(std::mem::take(&mut self.is_new))
    }

    /// Whether the limit is reached.
    fn is_full(&self) -> bool {
        self.limit.is_some_and(|limit| self.names.list().len() >= limit)
    }
}

/// Elements of a list that are not names.
#[derive(Default)]
struct NonNames {
    count: usize,
    first: String,
}

impl NonNames {
    fn passes(&mut self, name: &str, is_name: fn(&str) -> bool) -> bool {
        let passes = is_name(name);
        if !passes {
            self.count += 1;
            if self.count == 1 {
                self.first = shorten(name);
            }
        }
        passes
    }

    fn warning(&self, key: &str) -> Option<String> {
        let NonNames { count, first } = self;
        (*count > 0)
            .then(|| format!("left out of the list {key}: {count} entries that cannot be names, the first '{first}'"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_every_order_has_before_is_before() {
        assert!(is_surely_before("a", "b") && is_surely_before("v1", "v2"));
        for (name, other) in [("b", "a"), ("a", "a"), ("B", "a"), ("Z", "a"), ("a", "B")] {
            assert!(!is_surely_before(name, other), "{name} {other}");
        }
    }
}
