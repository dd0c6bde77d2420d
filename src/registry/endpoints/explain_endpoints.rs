//! The endpoints of a repository, for display.

use serde_json::{json, Value};

use super::account::Circumstances;
use super::endpoint_memory::PassedOver;
use super::rule_book::ShownEndpoint;
use crate::call::Call;
use crate::error::Result;
use crate::http::endpoint_settings::host_and_port;
use crate::http::{redact, Url};
use crate::mirrors::{Rename, RuleSource};
use crate::reference::Repository;
use crate::registry::Client;

impl Client {
    /// The endpoints of a repository without network access: the base of each, and what names are there.
    pub(crate) fn endpoint_bases(&self, call: &Call, repository: &Repository) -> Result<Vec<(Url, Rename)>> {
        let index = repository.index();
        let (endpoints, blocks_origin) = self.rule_book(Some(call))?.shown(index, repository.remote_name())?;
        let about = Circumstances { index, has_alternative: false, blocks_origin };
        let base = |shown: &ShownEndpoint| {
            Ok((self.account_shown(&shown.endpoint, about)?.base.url, shown.endpoint.rename.clone()))
        };
        endpoints.iter().map(base).collect()
    }

    /// The endpoints of a repository, in order, without network access.
    pub(crate) fn explain_endpoints(&self, call: &Call, repository: &Repository) -> Result<Vec<Value>> {
        let (index, name) = (repository.index(), repository.remote_name());
        let (endpoints, blocks_origin) = self.rule_book(Some(call))?.shown(index, name)?;
        let about = Circumstances { index, has_alternative: false, blocks_origin };
        let passed = self.memory::<PassedOver>();
        let mut all = Vec::new();
        for ShownEndpoint { endpoint, blocked, is_ruled } in &endpoints {
            let mut account = self.account_shown(endpoint, about)?;
            let there = super::account::renamed(endpoint, name).ok();
            account.repository = there.clone().unwrap_or_default();
            let left = passed.left(&endpoint.key(index), name);
            let (credentials, source) = self.auth.credentials(call, &account)?;
            let network = self.http.explain_route(&account.base)?;
            let blocked = blocked.clone().or_else(|| self.block_of(&account.base.url));
            all.push(json!({
                "url": redact::url(&account.base.url),
                "host": account.host,
                "repository": there,
                "asked_for": blocked.as_ref().map_or_else(|| endpoint.may.names(), |_| Vec::new()),
                "blocked": blocked.as_ref().map(ToString::to_string),
                "passed_over_seconds": left.as_ref().map_or(0, |failure| failure.left().as_secs() + 1),
                "passed_over_reason": left.map(|failure| failure.reason),
                "anonymous": account.anonymous,
                "credentials": source.explained(&credentials),
                "headers": network["headers"],
                "network": network,
                "source": is_ruled.then(|| endpoint.source.to_string()),
            }));
        }
        Ok(all)
    }

    /// What blocks a host under whichever of its names.
    fn block_of(&self, url: &Url) -> Option<RuleSource> {
        let (host, port) = host_and_port(url)?;
        self.http.forbidden_hosts().block(&host, port).cloned()
    }
}
