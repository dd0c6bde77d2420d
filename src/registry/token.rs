//! The authorization of a repository, for a caller's own requests.

use std::time::{Duration, SystemTime};

use ::http::Method;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::auth::authorization::{Authorization, AuthorizationWish};
use crate::auth::scope::{Scope, ScopeSet};
use crate::call::Call;
use crate::error::{Code, Error, Result};
use crate::http::redact;
use crate::options::{options, Texts};
use crate::reference::Repository;
use crate::registry::login::scopes;
use crate::registry::repository::Remote;
use crate::registry::Client;
use crate::resource::Resource;
use crate::text::shorten;
use crate::timestamp;

options! {
    /// Options of [`Client::token`].
    #[derive(Clone)]
    pub struct TokenOptions {
        /// what it is for: "pull", "push", "delete", "*" or what else the registry knows (default: "pull")
        ///
        /// a text may have several actions, with commas between them
        pub actions: Texts,
        /// more that the same token is for, each TYPE:NAME:ACTION[,ACTION...]
        ///
        /// an example is "repository:team/base:pull", which a mount from there needs
        pub scope: Texts,
    } and {
        /// Which tokens are acceptable
        pub token: TokenChoice,
    }
}

options! {
    /// Which tokens are acceptable.
    #[derive(Clone)]
    pub struct TokenChoice {
        /// a new token, whatever is in the cache
        pub fresh: bool,
        /// of the cached ones only one that is valid for longer than that; a new one may still end sooner
        pub min_validity_ms: u64,
        /// the value of the Authorization header that the registry refused, or the token in it
        ///
        /// the token that was refused is dropped from the cache and not returned again; other tokens stay in the cache
        pub refused: Option<Zeroizing<String>>,
    }
}

impl TokenChoice {
    /// The wish for a token of this choice, for these scopes.
    pub(super) fn wish(&self, scopes: ScopeSet) -> AuthorizationWish<'_> {
        AuthorizationWish {
            scopes,
            fresh: self.fresh,
            lasts: Duration::from_millis(self.min_validity_ms),
            refused: self.refused.as_ref().map(|refused| refused.as_str()),
        }
    }
}

/// A header of a caller's own request. Not to be displayed.
#[derive(Serialize)]
pub struct RequestHeader {
    /// How the header is called: `Authorization`.
    pub name: &'static str,
    /// The scheme and the secret.
    pub value: Zeroizing<String>,
}

/// The authorization of a repository. Not to be displayed: it contains secrets.
#[derive(Serialize)]
pub struct IssuedToken {
    /// The host as given by the caller.
    pub registry: String,
    /// `host/repository`.
    pub repository: String,
    /// The authentication that the registry requires: "none", "basic" or "bearer".
    pub auth: &'static str,
    /// The header to send; None when none is to be sent.
    pub header: Option<RequestHeader>,
    /// Why there is none.
    pub reason: Option<String>,
    /// The bearer token in it.
    pub token: Option<Zeroizing<String>>,
    /// When it ends, in RFC 3339; None when unknown.
    pub expires: Option<String>,
    /// The seconds until then.
    pub expires_in: Option<u64>,
    /// What it was asked for.
    pub scopes: Vec<String>,
    /// What it is for, according to the token server or the token itself.
    pub granted: Option<Vec<String>>,
    /// The URL of the token server.
    pub token_server: Option<String>,
    /// The service that it was asked for.
    pub service: Option<String>,
    /// The user; None for anonymous ones and when unknown.
    pub username: Option<String>,
    /// Where the credentials come from.
    pub credentials: Option<&'static str>,
    /// Whether the token was in the cache.
    pub cached: bool,
}

impl Client {
    /// The authorization for a repository, from the cache or fetched: what the client's own requests send.
    pub fn token(&self, call: &Call, repository: &Repository, options: &TokenOptions) -> Result<IssuedToken> {
        let remote = Remote::itself(self, call, repository)?;
        let wish = options.token.wish(wanted(&remote.name, options)?);
        let found = authorization(&remote, &wish)?;
        let texts = |scopes: &ScopeSet| scopes.iter().map(Scope::to_string).collect();
        let (expires, expires_in) = until(found.expires);
        let (token_server, service) = match &found.server {
            Some((url, service)) => (Some(redact::url(url)), service.clone()),
            None => (None, None),
        };
        Ok(IssuedToken {
            registry: remote.account.host.clone(),
            repository: repository.full_name(),
            auth: found.scheme,
            reason: found.value.is_none().then(|| format!("{} asks for no credentials", remote.account.host)),
            token: found.token().map(|token| Zeroizing::new(token.to_owned())),
            header: found.value.map(|value| RequestHeader { name: "Authorization", value }),
            expires,
            expires_in,
            scopes: texts(&wish.scopes),
            granted: found.granted.as_ref().map(texts),
            token_server,
            service,
            username: found.username,
            credentials: found.source.name(),
            cached: found.cached,
        })
    }
}

/// The authorization for a repository. Where the ping needs none, its tags are asked for; and where those need none, and more is
/// wanted than to read, an empty part is sent to an upload session that does not exist. An account that may not write is told so
/// before the session is looked for.
pub(super) fn authorization(remote: &Remote, wish: &AuthorizationWish) -> Result<Authorization> {
    let mut probes = vec![(Method::GET, remote.target(Resource::Tags).with_pairs([("n", "1")]))];
    if wish.scopes.writes() {
        probes.push((Method::PATCH, remote.target(Resource::NoUpload)));
    }
    remote.client.auth.authorization(&remote.call, &remote.account, &probes, wish)
}

/// A moment as results give it: in RFC 3339, and the seconds until then.
pub(super) fn until(end: Option<SystemTime>) -> (Option<String>, Option<u64>) {
    let left = end.map(|end| end.duration_since(SystemTime::now()).unwrap_or_default().as_secs());
    (end.and_then(timestamp::text), left)
}

fn wanted(name: &str, options: &TokenOptions) -> Result<ScopeSet> {
    let mut actions: Vec<&str> = options.actions.0.iter().flat_map(|text| text.split(',')).collect();
    if actions.is_empty() {
        actions.push("pull");
    }
    let is_action = |action: &&str| {
        !action.is_empty() && action.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"*_-.".contains(&byte))
    };
    if let Some(wrong) = actions.iter().find(|action| !is_action(action)) {
        let message = format!("the option actions: '{}' is not the name of an action such as pull", shorten(wrong));
        return Err(Error::new(Code::InvalidArgument, message));
    }
    let mut all = ScopeSet::from(Scope::repository(name, &actions));
    all.union(&scopes(&options.scope)?);
    Ok(all)
}
