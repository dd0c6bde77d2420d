//! The repositories of a registry (`GET /v2/_catalog`, distribution's API; the OCI specification has none).

use serde::{Deserialize, Serialize};

use super::name_list::NameList;
use super::pages::{self, Names};
use super::remote::Remote;
use super::Client;
use crate::auth::scope::{Scope, ScopeSet};
use crate::error::{Code, Error, Result};
use crate::http::call::Call;
use crate::reference::Index;

/// Options of [`Client::catalog`].
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CatalogOptions {
    /// At most this many; without it all pages.
    pub n: Option<u64>,
    /// Only repositories after this one.
    pub last: Option<String>,
    /// Only names that hold this text.
    pub search: Option<String>,
    /// Only names that match this regular expression somewhere.
    pub regex: Option<String>,
}

/// The repositories of a registry.
#[derive(Debug, Serialize)]
pub struct Catalog {
    /// Their names, in the registry's order.
    pub repositories: NameList,
    /// The cursor for the next call, when there are more.
    pub last: Option<String>,
}

impl Client {
    /// Lists repositories.
    pub fn catalog(&self, call: &Call, registry: &str, options: &CatalogOptions) -> Result<Catalog> {
        pages::check_n(options.n)?;
        let pattern = options.regex.as_deref().map(compile).transpose()?;
        let remote = Remote::registry(self, call, &Index::parse(registry)?)?;
        let what = format!("list the repositories of {}", remote.place());
        let wanted = |name: &str| {
            options.search.as_deref().is_none_or(|text| name.contains(text))
                && pattern.as_ref().is_none_or(|pattern| pattern.is_match(name))
        };
        // A search looks at more names than it returns, so the registry's page size is its own business then.
        let filtered = options.search.is_some() || pattern.is_some();
        let page_size = if filtered { None } else { options.n };
        let first = pages::with_cursor(remote.url("_catalog")?, page_size, options.last.as_deref());
        let mut names = Names::new(options.n, options.last.as_deref());
        let scopes = ScopeSet::from(Scope::catalog());
        let has_next = pages::each(&remote, first, &scopes, &what, ("repositories", &mut names), wanted, drop)
            .map_err(unsupported)?;
        let (repositories, last) = names.finish(has_next);
        Ok(Catalog { repositories, last })
    }
}

fn compile(pattern: &str) -> Result<regex_lite::Regex> {
    regex_lite::RegexBuilder::new(pattern)
        .size_limit(1 << 20)
        .build()
        .map_err(|error| Error::new(Code::InvalidArgument, format!("the option regex: {error}")))
}

// Most hosted registries have no catalog, and say so in different ways.
fn unsupported(error: Error) -> Error {
    match error.code() {
        Code::NotFound => error.with_code(Code::Unsupported).with_hint("this registry has no catalog"),
        _ => error,
    }
}
