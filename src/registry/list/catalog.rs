//! The repositories of a registry (`GET /v2/_catalog`, distribution's API; the OCI specification has none).

use serde::Serialize;

use crate::auth::scope::{Scope, ScopeSet};
use crate::call::Call;
use crate::error::{Code, Error, Result};
use crate::options::options;
use crate::reference::Index;
use crate::registry::list::cursor::RegistryList;
use crate::registry::list::name_list::NameList;
use crate::registry::list::names::{NameWindow, Names};
use crate::registry::repository::Remote;
use crate::registry::Client;
use crate::resource::Resource;
use crate::text::is_obeyed;

options! {
    /// Options of [`Client::catalog`].
    #[derive(Debug, Clone)]
    pub struct CatalogOptions {
        /// at most this many, also the page size requested, up to 1000
        pub n: Option<u64>,
        /// all pages, each of `n` names
        pub all: bool,
        /// only repositories after this one
        pub last: Option<String>,
        /// go on where the page with this `next` ended; `last` does not count then
        pub next: Option<String>,
        /// only names that contain it
        pub search: Option<String>,
        /// only names that it matches somewhere; Rust's regex syntax
        pub regex: Option<String>,
    }
}

/// The repositories of a registry.
#[derive(Debug, Serialize)]
pub struct Catalog {
    /// Their names, in the registry's order.
    pub repositories: NameList,
    /// The last of them, when there are more.
    pub last: Option<String>,
    /// Where the next call continues; None at the end.
    pub next: Option<String>,
}

impl Client {
    /// Lists repositories.
    pub fn catalog(&self, call: &Call, registry: &str, options: &CatalogOptions) -> Result<Catalog> {
        let mut window = NameWindow::new(options.n, options.all, options.last.as_deref(), options.next.as_deref())?;
        let pattern = options.regex.as_deref().map(compile).transpose()?;
        let remote = Remote::registry(self, call, &Index::parse(registry)?)?;
        let names = Names {
            list: RegistryList::of(&remote, Resource::Catalog, "")?,
            scopes: ScopeSet::from(Scope::catalog()),
            what: format!("list the repositories of {}", remote.full_name()),
            key: "repositories",
            is_name: is_name_of_a_repository,
            remote: &remote,
        };
        let wanted = |name: &str| {
            options.search.as_deref().is_none_or(|text| name.contains(text))
                && pattern.as_ref().is_none_or(|pattern| pattern.is_match(name))
        };
        // A search reads more names than it returns, so the registry's own page size is used.
        if (options.search.is_some() || pattern.is_some()) && !options.all {
            window.page_size = None;
        }
        let part = names.get(window, wanted, drop).map_err(unsupported)?;
        Ok(Catalog { repositories: part.names, last: part.last, next: part.next })
    }
}

/// Whether it can be part of a path: registries have names that the specification does not allow, but none that leads
/// elsewhere or that a terminal obeys.
fn is_name_of_a_repository(name: &str) -> bool {
    let is_part = |part: &str| !matches!(part, "" | "." | "..");
    name.split('/').all(is_part) && !name.contains(|c: char| c.is_whitespace() || c == '\\' || is_obeyed(c))
}

fn compile(pattern: &str) -> Result<regex_lite::Regex> {
    regex_lite::RegexBuilder::new(pattern)
        .size_limit(1 << 20)
        .build()
        .map_err(|error| Error::new(Code::InvalidArgument, format!("the option regex: {error}")))
}

// Most hosted registries have no catalog, and report that in different ways.
fn unsupported(error: Error) -> Error {
    match error.code() {
        Code::NotFound => error.with_code(Code::Unsupported).with_hint("this registry has no catalog"),
        _ => error,
    }
}
