//! Explains what a call for a reference would use: where it would go, with which credentials, and why. Without network
//! access.

use serde_json::{json, Value};

use crate::call::Call;
use crate::error::Result;
use crate::http::location::Location;
use crate::http::redact;
use crate::mirrors::ImageSignatures;
use crate::reference::{Reference, Repository};
use crate::registry::host;
use crate::registry::lock;
use crate::registry::Client;

impl Client {
    /// Explains a reference. Helpers and the credentials hook are asked as a call would ask them.
    pub fn explain(&self, call: &Call, reference: &Reference) -> Result<Value> {
        let repository = reference.repository();
        let index = repository.index();
        let options = self.host_options(index);
        let (mut base, scheme_source) = host::endpoint(&self.http, index, &options)?;
        // The result of an earlier probe is used.
        if let Some(account) = lock(&self.accounts).get(&index.written()) {
            base = Location::of_caller(account.base.url.clone());
        }
        let options = self.options_at(index, &base.url, options);
        let mut account = host::account_at(index.name.clone(), base, &options);
        account.repository = repository.remote_name().to_owned();
        let (credentials, source) = self.auth.credentials(call, &account)?;
        host::set_network(&self.http, &account.base.url, &options)?;
        let network = self.http.explain_route(&account.base)?;
        Ok(json!({
            "reference": reference.to_string(),
            "host": account.host,
            "repository": account.repository,
            "endpoint": redact::url(&account.base.url),
            "scheme_source": scheme_source,
            "anonymous": account.anonymous,
            "credentials": source.explained(&credentials),
            "trusted_realms": account.trusted_realms,
            "network": network,
            "endpoints": self.explain_endpoints(call, repository)?,
            "short_name": self.explain_short_name(call, repository)?,
            "signatures": self.files.signatures(&|| call.check_quietly(), reference)?.map(|found| signatures(&found)),
        }))
    }
}

impl Client {
    /// What the machine's registries.conf makes of a name without registry, which is taken for Docker Hub's unless an option says otherwise.
    fn explain_short_name(&self, call: &Call, repository: &Repository) -> Result<Option<Value>> {
        let book = self.rule_book(Some(call))?;
        let names = book.short_names();
        if !repository.index().official || names.is_empty() {
            return Ok(None);
        }
        let name = repository.local_name();
        let found = names.resolve(&name).ok();
        Ok(Some(json!({
            "name": name,
            "stands_for": found.as_ref().map(|(repository, _)| repository.canonical_name()),
            "source": found.map(|(_, source)| source.to_string()),
            "registries": names.registries(),
            "mode": names.mode().as_str(),
        })))
    }
}

/// Where the signatures of an image are, without passwords.
fn signatures(found: &ImageSignatures) -> Value {
    let (read, write) = (found.lookaside.as_ref(), found.lookaside_staging.as_ref());
    let attachments = found.use_sigstore_attachments.as_ref();
    json!({
        "lookaside": read.map(|said| redact::url(&said.value)),
        "lookaside_source": read.map(|said| said.source.to_string()),
        "lookaside_staging": write.map(|said| redact::url(&said.value)),
        "lookaside_staging_source": write.map(|said| said.source.to_string()),
        "use_sigstore_attachments": attachments.is_some_and(|said| said.value),
        "use_sigstore_attachments_source": attachments.map(|said| said.source.to_string()),
    })
}
