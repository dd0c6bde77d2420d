//! What a registry is to be sent by others than this library: the header that its own requests would have. The challenge comes from
//! memory, from the ping, or from requests that change nothing; the rest is as for those requests.

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use ::http::{Method, StatusCode};
use zeroize::Zeroizing;

use super::authorization_header::Proof;
use super::challenge::{self, Challenge};
use super::scope::ScopeSet;
use super::{Account, Auth, CredentialSource};
use crate::call::Call;
use crate::credentials::Credentials;
use crate::error::{Code, Error, Result};
use crate::http::location::RequestTarget;
use crate::http::request::Redirects;
use crate::http::Request;
use crate::http::Url;
use crate::statuses;

/// What kind of authorization is wanted.
#[derive(Default)]
pub(crate) struct AuthorizationWish<'a> {
    pub(crate) scopes: ScopeSet,
    /// Nothing cached.
    pub(crate) fresh: bool,
    /// Of what is cached, only what is valid for longer than that.
    pub(crate) lasts: Duration,
    /// The value of an Authorization header that the registry refused.
    pub(crate) refused: Option<&'a str>,
}

/// The authorization that a registry asks for.
pub(crate) struct Authorization {
    /// The scheme: "none", "basic" or "bearer".
    pub(crate) scheme: &'static str,
    /// The value of the Authorization header; None when there is to be none.
    pub(crate) value: Option<Zeroizing<String>>,
    /// When it ends, if that is known.
    pub(crate) expires: Option<SystemTime>,
    /// What its token is for, if that is known.
    pub(crate) granted: Option<ScopeSet>,
    /// The token server, and the service that it is asked for.
    pub(crate) server: Option<(Url, Option<String>)>,
    /// Whether the token was fetched by an earlier call.
    pub(crate) cached: bool,
    /// The user, if known.
    pub(crate) username: Option<String>,
    /// Where the credentials come from.
    pub(crate) source: CredentialSource,
}

impl Auth {
    /// The authorization for requests to a registry. `probes` are asked, in order, when the registry's ping needs none.
    pub(crate) fn authorization(
        &self,
        call: &Call,
        account: &Account,
        probes: &[(Method, RequestTarget)],
        wish: &AuthorizationWish,
    ) -> Result<Authorization> {
        let unasked = account.unasked().text()?;
        if unasked.is_some() && unasked.as_deref().map(|value| secret(value)) == wish.refused.map(secret) {
            self.refused_unasked(account);
        }
        let found = self.authorization_once(call, account, probes, wish)?;
        if !found.is_refused(wish) {
            return Ok(found);
        }
        // Those that the hook or a helper gave may be others by now.
        self.forget_answer(call, account);
        let found = self.authorization_once(call, account, probes, wish)?;
        if !found.is_refused(wish) {
            return Ok(found);
        }
        let (message, hint) = match found.server {
            Some(_) => ("the token server gives the same token again, which was refused", "it may lack a right"),
            None => ("there are no other credentials than those that were refused", "check them"),
        };
        Err(Error::new(Code::Unauthenticated, format!("{}: {message}", account.host)).with_hint(hint))
    }

    fn authorization_once(
        &self,
        call: &Call,
        account: &Account,
        probes: &[(Method, RequestTarget)],
        wish: &AuthorizationWish,
    ) -> Result<Authorization> {
        let own = account.credentials.clone().filter(|own| !account.anonymous && matches!(own, Credentials::Token(_)));
        if let Some(Credentials::Token(token)) = own {
            return Authorization::of(&Proof::Bearer(token), CredentialSource::HostOptions, None, None);
        }
        let Some((challenge, remote)) = self.challenge(call, account, probes)? else {
            let (unasked, by_rule) = (self.unasked(call, account)?, account.by_rule.as_ref());
            return match unasked {
                Proof::Nothing => Authorization::of(&unasked, CredentialSource::Nobody, None, None),
                _ => Authorization::of(&unasked, CredentialSource::Rule, None, by_rule.and_then(username)),
            };
        };
        let (credentials, mut source) = self.credentials(call, account)?;
        let (mut server, mut user) = (None, username(&credentials));
        let proof = self.proof(account, &challenge, &credentials, remote, |realm| {
            server = Some((realm.at.url.clone(), realm.service.clone()));
            // A token server elsewhere does not get them: its token is an anonymous one.
            if !realm.has_credentials() {
                (source, user) = (CredentialSource::Nobody, None);
            }
            let refused = wish.refused.map(secret);
            let grant = match wish.fresh {
                true => {
                    refused.map(|refused| self.tokens.drop_value(&realm, refused));
                    self.tokens.fresh(call, &realm, &wish.scopes)
                }
                false => self.tokens.lasting(call, &realm, &wish.scopes, wish.lasts, refused),
            };
            grant.map_err(|error| self.not_taken(call, account, &ScopeSet::new(), error))
        })?;
        let Some(proof) = proof else {
            let message = format!("{} requires a user name and a password", account.host);
            return Err(Error::new(Code::Unauthenticated, message)
                .with_hint(format!("log in to {}, or give credentials", account.host)));
        };
        Authorization::of(&proof, source, server, user)
    }

    /// What the registry asks for, and the address that it has; None when it asks for nothing.
    fn challenge(
        &self,
        call: &Call,
        account: &Account,
        probes: &[(Method, RequestTarget)],
    ) -> Result<Option<(Challenge, Option<IpAddr>)>> {
        let known = |memory: &super::OriginMemory| memory.challenge.clone().map(|challenge| (challenge, memory.remote));
        let (pinged, remembered) = self.recall(account, |memory| (memory.known, known(memory)));
        let mut unasked = self.unasked(call, account)?.header()?;
        if remembered.is_some() && unasked.is_none() {
            return Ok(remembered);
        }
        let ping = (Method::GET, account.ping());
        for (method, target) in (!pinged).then_some(&ping).into_iter().chain(probes) {
            let mut request = Request::new(method.clone());
            request.redirects = Redirects::SameOrigin;
            request.authorization = unasked.clone();
            let response = self.http.send(call, &account.base.find(target)?, &mut request)?;
            match response.status {
                StatusCode::UNAUTHORIZED => {
                    if unasked.take().is_some() {
                        self.refused_unasked(account);
                    }
                    self.remember(account, &challenge::parse(&response.headers), response.remote);
                    return match self.recall(account, known) {
                        Some(known) => Ok(Some(known)),
                        None => Err(unsupported(account).with_http_status(401).with_url(&response.url)),
                    };
                }
                status if statuses::says_nothing_now(status.as_u16()) => {
                    return Err(self.refused(call, account, response, "ask which authentication it requires"));
                }
                _ => self.remember(account, &[], response.remote),
            }
        }
        Ok(None)
    }
}

impl AuthorizationWish<'_> {
    /// Whether whatever the client has will do.
    pub(crate) fn is_plain(&self) -> bool {
        !self.fresh && self.lasts.is_zero() && self.refused.is_none()
    }
}

impl Authorization {
    /// What a request was sent with.
    pub(super) fn sent(proof: &Proof) -> Result<Authorization> {
        Authorization::of(proof, CredentialSource::Nobody, None, None)
    }

    fn of(
        proof: &Proof,
        source: CredentialSource,
        server: Option<(Url, Option<String>)>,
        username: Option<String>,
    ) -> Result<Authorization> {
        let grant = match proof {
            Proof::Token(grant) => Some(grant),
            _ => None,
        };
        Ok(Authorization {
            scheme: match proof {
                Proof::Nothing => "none",
                Proof::Basic(_) => "basic",
                Proof::Bearer(_) | Proof::Token(_) => "bearer",
            },
            value: proof.text()?,
            expires: grant.map(|grant| grant.token.expires),
            granted: grant.and_then(|grant| grant.token.granted.clone()),
            cached: grant.is_some_and(|grant| !grant.new),
            server,
            username,
            source,
        })
    }

    fn is_refused(&self, wish: &AuthorizationWish) -> bool {
        self.value.is_some() && self.value.as_deref().map(|value| secret(value)) == wish.refused.map(secret)
    }

    /// The token of a Bearer header.
    pub(crate) fn token(&self) -> Option<&str> {
        self.value.as_deref().filter(|_| self.scheme == "bearer").map(|value| secret(value))
    }
}

/// A header's value without its scheme; what has none is taken for the token itself.
fn secret(value: &str) -> &str {
    value.trim().split_once(' ').map_or(value, |(_, secret)| secret).trim()
}

fn username(credentials: &Credentials) -> Option<String> {
    match credentials {
        Credentials::Password { username, .. } => Some(username.clone()),
        Credentials::IdentityToken { username, .. } => username.clone(),
        Credentials::Token(_) | Credentials::Anonymous => None,
    }
}

pub(super) fn unsupported(account: &Account) -> Error {
    let message = format!("{} asks for credentials in a way that is not supported", account.host);
    Error::new(Code::Unauthenticated, message)
}
