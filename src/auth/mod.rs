//! Who asks: challenges, credentials and tokens (distribution-spec "Authentication", RFC 9110 11.6, and the token
//! protocol of distribution's docs/spec/auth).
//!
//! Credentials belong to one origin. They are sent to it and to its token server, never to a host that either names.

pub mod challenge;
mod child;
pub mod config_file;
pub mod entry;
pub mod failure;
mod fetch;
pub mod helper;
pub mod key;
pub mod login;
pub mod places;
pub mod realm;
pub mod scope;
pub mod secrets;
pub mod store;
pub mod stored;
pub mod token;
mod tokens;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use reqwest::header::HeaderValue;
use reqwest::StatusCode;
use url::Url;
use zeroize::Zeroizing;

use crate::digest::Algorithm;
use crate::error::{Code, Error, Result};
use crate::http::answer::Answer;
use crate::http::call::Call;
use crate::http::context::Credentials;
use crate::http::headers::Headers;
use crate::http::origin::Origin;
use crate::http::resolver::Guard;
use crate::http::route::Route;
use crate::http::{Http, Request};
use challenge::{Challenge, Scheme};
use scope::ScopeSet;
use stored::{Stored, Whence};
use tokens::{Grant, Realm, Tokens};

/// A registry host as the caller set it up.
#[derive(Clone)]
pub struct Account {
    /// The host as the caller names it, for the credentials hook.
    pub host: String,
    /// The repository that is asked for; empty for the registry as a whole. Stored credentials may differ by it.
    pub repository: String,
    /// The URL that requests go to.
    pub base: Url,
    /// The credentials from the host's options.
    pub credentials: Option<Credentials>,
    /// Never send any.
    pub anonymous: bool,
    /// Further hosts that may get them as token servers.
    pub trusted_realms: Vec<String>,
}

/// Who spoke for the credentials of a call. The first that says something is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Spoke {
    /// Nobody: the call is anonymous.
    Nobody,
    /// The host's options.
    HostOptions,
    /// The credentials hook.
    Callback,
    /// A file, a variable or a helper.
    Stored(Whence),
}

impl Spoke {
    /// As results show it; None for nobody.
    pub fn name(&self) -> Option<&'static str> {
        match self {
            Spoke::Nobody => None,
            Spoke::HostOptions => Some("host options"),
            Spoke::Callback => Some("callback"),
            Spoke::Stored(whence) if whence.helper.is_some() => Some("helper"),
            Spoke::Stored(whence) if whence.variable.is_some() => Some("environment"),
            Spoke::Stored(_) => Some("file"),
        }
    }
}

/// Why a registry still says no after everything was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// There were no credentials to try.
    NoCredentials,
    /// The credentials were not taken.
    BadCredentials,
    /// The credentials are good, but not for this.
    NotAllowed,
}

/// An answer, and what a 401 among them means.
pub struct Reply {
    /// The answer.
    pub answer: Answer,
    /// Set on a 401 that nothing more can be done about.
    pub refusal: Option<Refusal>,
    /// The right that the request needs, as a scope; empty when it needs none in particular.
    pub needed: String,
}

/// What a request is sent with.
#[derive(Clone)]
enum Proof {
    Nothing,
    Basic(Zeroizing<String>),
    Bearer(Zeroizing<String>),
    Token(Grant),
}

impl Proof {
    fn header(&self) -> Result<Option<HeaderValue>> {
        let text = match self {
            Proof::Nothing => return Ok(None),
            Proof::Basic(encoded) => Zeroizing::new(format!("Basic {}", encoded.as_str())),
            Proof::Bearer(token) => Zeroizing::new(format!("Bearer {}", token.as_str())),
            Proof::Token(grant) => Zeroizing::new(format!("Bearer {}", grant.value())),
        };
        let mut value = HeaderValue::from_str(&text)
            .map_err(|_| Error::new(Code::InvalidArgument, "the token holds characters that no header can carry"))?;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}

/// What is known of an origin.
#[derive(Clone, Default)]
struct Memory {
    /// It has answered once.
    known: bool,
    challenge: Option<Challenge>,
    remote: Option<IpAddr>,
    asked: HashMap<String, Credentials>,
    /// Whether a ping was asked for a challenge; it is asked once.
    pinged: bool,
}

/// The authentication of one client.
pub struct Auth {
    http: Arc<Http>,
    origins: Mutex<HashMap<Origin, Memory>>,
    tokens: Tokens,
    stored: Stored,
}

impl Auth {
    /// Over the client's HTTP, with the credentials that are stored on this machine.
    pub fn new(http: Arc<Http>, stored: Stored) -> Auth {
        Auth { tokens: Tokens::new(http.clone()), http, origins: Mutex::default(), stored }
    }

    /// The stored credentials.
    pub fn stored(&self) -> &Stored {
        &self.stored
    }

    /// Sends a request with what its origin asks for, for these scopes.
    pub fn send(&self, call: &Call, account: &Account, request: &mut Request, wanted: &ScopeSet) -> Result<Reply> {
        let outcome = self.negotiate(call, account, request, wanted);
        let bad = match &outcome {
            Ok(reply) => reply.refusal == Some(Refusal::BadCredentials),
            Err(error) => error.code() == Code::Unauthenticated,
        };
        if bad {
            self.forget_answer(account);
        }
        // A helper that held nothing may have been given something since.
        if matches!(&outcome, Ok(reply) if reply.refusal == Some(Refusal::NoCredentials)) {
            self.stored.forget(&account.host);
        }
        outcome
    }

    fn negotiate(&self, call: &Call, account: &Account, request: &mut Request, wanted: &ScopeSet) -> Result<Reply> {
        let home = Origin::of(&account.base);
        if home.is_none() || Origin::of(&request.url) != home {
            request.authorization = None;
            return Ok(Reply { answer: self.http.send(call, request)?, refusal: None, needed: String::new() });
        }
        let mut proof = self.ready(call, account, wanted)?;
        // Nothing sent yet, then a token from the cache, then a new one.
        for _ in 0..3 {
            request.authorization = proof.header()?;
            let answer = self.http.send(call, request)?;
            if !self.asks_again(&answer, &proof, account) {
                return Ok(Reply { answer, refusal: None, needed: wanted.to_string() });
            }
            let challenges = challenge::parse(&answer.headers);
            self.remember(account, &challenges, answer.remote);
            if let Proof::Token(grant) = &proof {
                self.tokens.forget(grant);
            }
            let next = match request.body.can_be_repeated() {
                true => self.respond(call, account, &challenges, &proof, wanted)?,
                false => None,
            };
            match next {
                Some(next) => proof = next,
                None => {
                    let refusal = refusal(&answer, &challenges, &proof);
                    return Ok(Reply { refusal, answer, needed: wanted.to_string() });
                }
            }
        }
        Err(Error::new(Code::Unauthenticated, format!("{} refuses every token of its own token server", account.host)))
    }

    /// Makes sure that a request which cannot be repeated will not be the one that is asked who it is.
    pub fn prepare(&self, call: &Call, account: &Account, wanted: &ScopeSet) -> Result<()> {
        if matches!(self.ready(call, account, wanted)?, Proof::Nothing) && !self.memory(account).known {
            let ping =
                account.base.join("v2/").map_err(|_| Error::new(Code::Internal, "the base URL takes no path"))?;
            self.send(call, account, &mut Request::new(reqwest::Method::GET, ping), wanted)?;
        }
        Ok(())
    }

    /// A challenge that came with a request of no scope, such as the ping.
    pub fn remember(&self, account: &Account, challenges: &[Challenge], remote: Option<IpAddr>) {
        let Some(origin) = Origin::of(&account.base) else { return };
        let mut origins = self.origins.lock().unwrap_or_else(PoisonError::into_inner);
        let memory = origins.entry(origin).or_default();
        memory.known = true;
        memory.remote = remote.or(memory.remote);
        if let Some(chosen) = challenge::choose(challenges) {
            memory.challenge = Some(chosen.clone());
        }
    }

    /// Lets the registry itself say what it wants.
    fn ping(&self, call: &Call, account: &Account) -> Result<()> {
        let url = account.base.join("v2/").map_err(|_| Error::new(Code::Internal, "the base URL takes no path"))?;
        let answer = self.http.send(call, &mut Request::new(reqwest::Method::GET, url))?;
        if Origin::of(&answer.url) == Origin::of(&account.base) {
            self.remember(account, &challenge::parse(&answer.headers), answer.remote);
        }
        let mut origins = self.origins.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(origin) = Origin::of(&account.base) {
            origins.entry(origin).or_default().pinged = true;
        }
        Ok(())
    }

    /// What the credentials hook or a helper said was wrong: it is asked again the next time.
    pub fn forget_answer(&self, account: &Account) {
        self.stored.forget(&account.host);
        let mut origins = self.origins.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(memory) = Origin::of(&account.base).and_then(|origin| origins.get_mut(&origin)) {
            memory.asked.remove(&account.host);
        }
    }

    fn memory(&self, account: &Account) -> Memory {
        let origins = self.origins.lock().unwrap_or_else(PoisonError::into_inner);
        Origin::of(&account.base).and_then(|origin| origins.get(&origin).cloned()).unwrap_or_default()
    }

    // A 401; or, from registries that answer 400 or 403 to an expired token, those while an older token is used.
    fn asks_again(&self, answer: &Answer, proof: &Proof, account: &Account) -> bool {
        if Origin::of(&answer.url) != Origin::of(&account.base) {
            return false;
        }
        let aged = matches!(proof, Proof::Token(grant) if grant.is_aged());
        answer.status == StatusCode::UNAUTHORIZED || (aged && matches!(answer.status.as_u16(), 400 | 403))
    }

    /// What can be sent at once, by what is known of the origin.
    fn ready(&self, call: &Call, account: &Account, wanted: &ScopeSet) -> Result<Proof> {
        if let (Some(Credentials::Token(token)), false) = (&account.credentials, account.anonymous) {
            return Ok(Proof::Bearer(token.clone()));
        }
        let memory = self.memory(account);
        let Some(challenge) = &memory.challenge else { return Ok(Proof::Nothing) };
        match (&challenge.scheme, self.credentials(call, account)?.0) {
            (_, Credentials::Token(token)) => Ok(Proof::Bearer(token)),
            (Scheme::Basic, credentials) => Ok(basic(&credentials).unwrap_or(Proof::Nothing)),
            (Scheme::Bearer, _) if wanted.is_empty() => Ok(Proof::Nothing),
            (Scheme::Bearer, credentials) => {
                let realm = self.realm(account, challenge, &credentials, memory.remote)?;
                self.tokens.get(call, &realm, wanted).map(Proof::Token)
            }
            _ => Ok(Proof::Nothing),
        }
    }

    /// The answer to a challenge; None when there is no other than the one that has just failed.
    fn respond(
        &self,
        call: &Call,
        account: &Account,
        challenges: &[Challenge],
        failed: &Proof,
        wanted: &ScopeSet,
    ) -> Result<Option<Proof>> {
        if matches!(failed, Proof::Basic(_) | Proof::Bearer(_))
            || matches!(failed, Proof::Token(grant) if grant.is_new())
        {
            return Ok(None);
        }
        // Some registries send a bare 401: what they said before still holds, or what they say to a ping.
        let mut memory = self.memory(account);
        if challenge::choose(challenges).is_none() && memory.challenge.is_none() && !memory.pinged {
            self.ping(call, account)?;
            memory = self.memory(account);
        }
        let Some(challenge) = challenge::choose(challenges).or(memory.challenge.as_ref()) else { return Ok(None) };
        match (&challenge.scheme, self.credentials(call, account)?.0) {
            (_, Credentials::Token(token)) => Ok(Some(Proof::Bearer(token))),
            (Scheme::Basic, credentials) => Ok(basic(&credentials)),
            (Scheme::Bearer, credentials) => {
                let mut scopes = wanted.clone();
                // A ping's challenge may name a placeholder; only a request that wanted something is believed.
                if let (Some(scope), false) = (challenge.scope(), wanted.is_empty()) {
                    scopes.add_text(scope);
                }
                let realm = self.realm(account, challenge, &credentials, memory.remote)?;
                self.tokens.get(call, &realm, &scopes).map(|grant| Some(Proof::Token(grant)))
            }
            _ => Ok(None),
        }
    }

    /// Whose credentials a call has: the host's options, else what the hook says, else what is stored.
    pub fn credentials(&self, call: &Call, account: &Account) -> Result<(Credentials, Spoke)> {
        let nobody = (Credentials::Anonymous, Spoke::Nobody);
        if account.anonymous {
            return Ok(nobody);
        }
        if let Some(credentials) = &account.credentials {
            return Ok((credentials.clone(), Spoke::HostOptions));
        }
        match self.asked(call, account)? {
            Credentials::Anonymous => {}
            credentials => return Ok((credentials, Spoke::Callback)),
        }
        let found = self.stored.find(call, &account.host, &account.repository)?;
        Ok(found.map_or(nobody, |found| (found.credentials, Spoke::Stored(found.whence))))
    }

    /// What the hook says, or said before.
    fn asked(&self, call: &Call, account: &Account) -> Result<Credentials> {
        // What one call's hook said is for calls that have a hook.
        if !call.asks_for_credentials() {
            return Ok(Credentials::Anonymous);
        }
        if let Some(asked) = self.memory(account).asked.remove(&account.host) {
            return Ok(asked);
        }
        let Some(credentials) = call.credentials(&account.host)? else { return Ok(Credentials::Anonymous) };
        if let Some(origin) = Origin::of(&account.base) {
            let mut origins = self.origins.lock().unwrap_or_else(PoisonError::into_inner);
            origins.entry(origin).or_default().asked.insert(account.host.clone(), credentials.clone());
        }
        Ok(credentials)
    }

    fn realm(
        &self,
        account: &Account,
        challenge: &Challenge,
        credentials: &Credentials,
        remote: Option<IpAddr>,
    ) -> Result<Realm> {
        let text = challenge.realm().unwrap_or_default();
        let url = realm::resolve(text, &account.base)
            .map_err(|error| error.within(format!("the token server of {}", account.host)))?;
        let trusted = realm::may_send_credentials(&account.base, &url, &account.trusted_realms);
        let sent = match credentials {
            Credentials::Password { .. } | Credentials::IdentityToken { .. } if trusted => credentials.clone(),
            _ => Credentials::Anonymous,
        };
        Ok(Realm {
            identity: identity(&account.base, &sent),
            service: challenge.service().map(str::to_owned),
            withheld: !trusted && !matches!(credentials, Credentials::Anonymous | Credentials::Token(_)),
            credentials: sent,
            offline: false,
            guard: Guard::said_by(remote),
            route: self.realm_route(account, &url, trusted)?,
            headers: if trusted { self.http.headers(&url) } else { Headers::default() },
            url,
        })
    }
}

impl Auth {
    /// A registry's own token server is likely certified by the same private authority. What is never inherited is to
    /// go unverified (CVE-2019-10214), nor any other way than the trust.
    fn realm_route(&self, account: &Account, realm: &Url, trusted: bool) -> Result<Route> {
        let mut route = self.http.route(realm, trusted)?;
        if route.trust.ca_files.is_empty() && trusted {
            let registry = self.http.route(&account.base, true)?.trust;
            (route.trust.ca_files, route.trust.ca_only) = (registry.ca_files, registry.ca_only);
        }
        Ok(route)
    }
}

/// Basic credentials as an Authorization header (RFC 7617), for a protocol that sends them unasked; None for those that
/// Basic cannot carry.
pub fn basic_header(credentials: &Credentials) -> Result<Option<HeaderValue>> {
    basic(credentials).map_or(Ok(None), |proof| proof.header())
}

/// The credentials as Basic carries them; None for those that it cannot carry.
fn basic(credentials: &Credentials) -> Option<Proof> {
    let (username, password) = match credentials {
        Credentials::Password { username, password } => (username.as_str(), password),
        Credentials::IdentityToken { username, token } => (username.as_deref().unwrap_or(fetch::NO_USER), token),
        Credentials::Token(_) | Credentials::Anonymous => return None,
    };
    let joined = Zeroizing::new(format!("{username}:{}", password.as_str()));
    Some(Proof::Basic(Zeroizing::new(base64::engine::general_purpose::STANDARD.encode(joined.as_bytes()))))
}

/// Tells cached tokens of different users apart without keeping a password in the key.
pub fn identity(base: &Url, credentials: &Credentials) -> String {
    let origin = Origin::of(base).map(|origin| origin.to_string()).unwrap_or_default();
    let (kind, username, secret) = match credentials {
        Credentials::Password { username, password } => ("password", username.as_str(), password),
        Credentials::IdentityToken { username, token } => ("identity", username.as_deref().unwrap_or_default(), token),
        Credentials::Token(token) => ("token", "", token),
        Credentials::Anonymous => return origin,
    };
    let joined = Zeroizing::new(format!("{kind}\0{username}\0{}", secret.as_str()));
    format!("{origin} {}", Algorithm::Sha256.digest(joined.as_bytes()).hex())
}

fn refusal(answer: &Answer, challenges: &[Challenge], proof: &Proof) -> Option<Refusal> {
    if answer.status != StatusCode::UNAUTHORIZED {
        return None;
    }
    let insufficient = challenges.iter().any(|challenge| challenge.error() == Some("insufficient_scope"));
    Some(match proof {
        Proof::Nothing => Refusal::NoCredentials,
        Proof::Token(grant) if !grant.has_credentials() => Refusal::NoCredentials,
        // An older one may just have expired.
        Proof::Token(grant) if !grant.is_new() => return None,
        Proof::Token(_) => Refusal::NotAllowed,
        Proof::Bearer(_) if insufficient => Refusal::NotAllowed,
        Proof::Basic(_) | Proof::Bearer(_) => Refusal::BadCredentials,
    })
}
