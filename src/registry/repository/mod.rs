//! A registry or one of its repositories as a call sees it: URLs, scopes, and what an unwanted status means.

pub(crate) mod delete;
pub(crate) mod facts;

pub use delete::Deleted;

use std::sync::Arc;

use ::http::header::HeaderMap;
use ::http::{Method, StatusCode};

use crate::auth::scope::{Scope, ScopeSet};
use crate::auth::{unknown_names, Account, Refusal, Reply};
use crate::call::Call;
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::http::location::{Location, RequestTarget};
use crate::http::origin::{host_of, Origin};
use crate::http::response::Response;
use crate::http::Request;
use crate::mirrors::{EndpointKey, Rename};
use crate::reference::{Index, Repository};
use crate::registry::Client;
use crate::registry_error;
use crate::resource::Resource;
use crate::statuses;

/// How much of an error's body is read.
const ERROR_BODY: usize = 64 << 10;

/// One repository at a registry, for one call.
#[derive(Clone)]
pub(crate) struct Remote {
    /// Whose connections, tokens and settings are used.
    pub(crate) client: Client,
    /// What ends it, and where it reports to.
    pub(crate) call: Call,
    /// Where requests go, and with whose credentials.
    pub(crate) account: Account,
    /// The repository's name at the registry; empty for the registry itself.
    pub(crate) name: String,
    /// What the caller calls it, wherever it is: `HOST/REPOSITORY`.
    pub(crate) meant: Arc<str>,
    /// Which of several endpoints it is; None without a rule.
    pub(crate) key: Option<EndpointKey>,
    /// Whether it may be asked what a tag names.
    pub(crate) by_tag: bool,
    /// What repositories are called here.
    pub(crate) rename: Rename,
}

impl Remote {
    fn new(client: &Client, call: &Call, account: Account, name: &str, meant: &str) -> Remote {
        Remote {
            client: client.clone(),
            call: call.clone(),
            account: Account { repository: name.to_owned(), ..account },
            name: name.to_owned(),
            meant: meant.into(),
            key: None,
            by_tag: true,
            rename: Rename::Keep,
        }
    }

    /// A repository at its own registry, which no rule is for.
    pub(crate) fn at_origin(client: &Client, call: &Call, repository: &Repository) -> Result<Remote> {
        let account = client.account_of_origin(call, repository.index())?;
        Ok(Remote::new(client, call, account, repository.remote_name(), &repository.full_name()))
    }

    /// A repository at its own registry, as a rule reaches that; an error if it is not to be asked.
    pub(crate) fn itself(client: &Client, call: &Call, repository: &Repository) -> Result<Remote> {
        let account = client.account(call, repository.index(), repository.remote_name())?;
        Ok(Remote::new(client, call, account, repository.remote_name(), &repository.full_name()))
    }

    /// The endpoint that answers here, for results: `HOST[:PORT]`.
    pub(crate) fn served_by(&self) -> String {
        host_of(&self.account.base.url)
    }

    /// Whether it is the registry itself.
    pub(crate) fn is_registry(&self) -> bool {
        self.key.as_ref().is_none_or(EndpointKey::is_registry)
    }

    /// What the caller calls the repository, without the registry.
    pub(crate) fn meant_name(&self) -> &str {
        self.meant.split_once('/').map_or("", |(_, name)| name)
    }

    /// Whether another endpoint is asked if this one fails.
    pub(crate) fn has_alternative(&self) -> bool {
        self.account.base.endpoint_settings().is_some_and(|settings| settings.has_alternative)
    }

    /// A registry as a whole, without a repository.
    pub(crate) fn registry(client: &Client, call: &Call, index: &Index) -> Result<Remote> {
        Ok(Remote::new(client, call, client.account(call, index, "")?, "", &index.name))
    }

    /// Something of this repository, as what a request is sent to.
    pub(crate) fn target(&self, resource: Resource) -> RequestTarget {
        RequestTarget::Path(resource.path(&self.name))
    }

    /// The scope for actions on this repository.
    pub(crate) fn scopes(&self, actions: &[&str]) -> ScopeSet {
        ScopeSet::from(Scope::repository(&self.name, actions))
    }

    /// The name of the repository here, for messages: `HOST[:PORT]/NAME`.
    pub(crate) fn full_name(&self) -> String {
        match self.name.as_str() {
            "" => self.account.host.clone(),
            name => format!("{}/{name}", self.account.host),
        }
    }

    /// Refuses a mirror's answer that names another digest than was asked for. The registry itself is believed in spite of such a header.
    pub(crate) fn not_another(&self, wanted: &Digest, response: &Response) -> Result<()> {
        let is_other = |named: &Digest| named.algorithm() == wanted.algorithm() && named != wanted;
        match digest_headers(&response.headers).into_iter().find(is_other) {
            Some(named) if !self.is_registry() && statuses::is_success(response.status.as_u16()) => {
                let message = format!("the endpoint gives the digest {named} for {wanted}");
                Err(Error::new(Code::DigestMismatch, message).with_url(&response.url))
            }
            _ => Ok(()),
        }
    }

    /// Sends a request for a resource of this repository.
    pub(crate) fn ask(&self, resource: Resource, request: &mut Request, scopes: &ScopeSet) -> Result<Reply> {
        self.send(&self.target(resource), request, scopes)
    }

    /// Sends a request to a target, such as what a server named.
    pub(crate) fn send(&self, target: &RequestTarget, request: &mut Request, scopes: &ScopeSet) -> Result<Reply> {
        self.client.auth.send(&self.call, &self.account, target, request, scopes)
    }

    /// The response, if its status is one of these; otherwise its error.
    pub(crate) fn expect(&self, reply: Reply, wanted: &[StatusCode], what: &str) -> Result<Response> {
        if wanted.contains(&reply.response.status) {
            return Ok(reply.response);
        }
        Err(self.failure(reply, what))
    }

    /// The error for a response.
    pub(crate) fn failure(&self, reply: Reply, what: &str) -> Error {
        let Reply { mut response, refusal, needed, .. } = reply;
        let body = response.beginning(&self.call, ERROR_BODY);
        let led = match response.status.is_redirection() {
            true => self.location(&response).ok().and_then(|target| Origin::of(&target.url)),
            false => None,
        };
        let what = &led.map_or_else(|| what.to_owned(), |to| format!("{what}: no redirect to {to} is followed here"));
        let error = registry_error::error_of(response.status.as_u16(), &response.headers, &body, &response.url, what)
            .with_attempts(response.attempts);
        let error = match response.method {
            Method::GET | Method::HEAD => registry_error::of_a_read(error),
            _ => error,
        };
        let right = match needed.as_str() {
            "" => String::new(),
            needed => format!(" (it needs the right {needed})"),
        };
        let host = &self.account.host;
        match refusal {
            Some(Refusal::NotAllowed) => error.with_code(Code::Forbidden).with_hint(format!(
                "the credentials are good, but not for this{right}; some registries say the same of a repository that does not exist"
            )),
            Some(Refusal::Unexplained) => error.with_hint(format!(
                "the credentials are valid, but {host} does not say what else it requires{right}: its response has no WWW-Authenticate"
            )),
            Some(Refusal::Elsewhere) => error.with_hint(self.account.sends_on()),
            Some(Refusal::BadCredentials) => error.with_hint(format!("{host} does not accept these credentials: check them")),
            Some(Refusal::NoCredentials) => error.with_hint(format!(
                "log in to {host}, or give credentials{right}{}; some registries respond the same for a repository that does not exist",
                self.names_without_login()
            )),
            None if error.code() == Code::Forbidden => error.with_hint(format!(
                "check what the account may do at {host}{right}; some registries say the same of a repository that does not exist"
            )),
            None => error,
        }
    }

    /// For which names the helper has nothing, if it was asked by several.
    fn names_without_login(&self) -> String {
        let unknown = unknown_names(&self.call, &self.account.host);
        unknown.map_or_else(String::new, |names| format!("; the credential helper has none for {}", names.join(", ")))
    }

    /// The Location of a response: where an upload continues, or where something new can be found.
    pub(crate) fn location(&self, response: &Response) -> Result<Location> {
        self.account.base.named_by(response)
    }
}

/// The digests in a response, because some proxies repeat headers; invalid ones count as absent.
pub(crate) fn digest_headers(headers: &HeaderMap) -> Vec<Digest> {
    let values = headers.get_all("docker-content-digest").iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).filter_map(|digest| digest.trim().parse().ok()).collect()
}

/// The digest in a response; two different ones count as none.
pub(crate) fn digest_header(headers: &HeaderMap) -> Option<Digest> {
    let mut named = digest_headers(headers);
    named.dedup();
    (named.len() == 1).then(|| named.remove(0))
}
