//! Who asks: challenges, credentials and tokens (distribution-spec "Authentication", RFC 9110 11.6, and the token
//! protocol of distribution's docs/spec/auth).
//!
//! Credentials belong to one origin. They are sent to it and to its token server, never to a host that either names.

pub(crate) mod challenge;
mod child;
pub(crate) mod config_file;
pub(crate) mod credential_lookup;
pub(crate) mod credential_writer;
pub(crate) mod entry;
pub(crate) mod helper;
pub(crate) mod key;
pub(crate) mod login;
mod negotiate;
pub(crate) mod places;
pub(crate) mod realm;
pub(crate) mod registry_error;
pub(crate) mod scope;
pub(crate) mod secrets;
mod token_cache;
mod token_request;
pub(crate) mod token_response;
mod words;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use ::http::header::HeaderValue;
use base64::Engine as _;
use url::Url;
use zeroize::Zeroizing;

use crate::call::Call;
use crate::credentials::Credentials;
use crate::digest::Algorithm;
use crate::error::{Code, Error, Result};
use crate::http::guard::Guard;
use crate::http::headers::Headers;
use crate::http::location::{Location, RequestTarget};
use crate::http::origin::Origin;
use crate::http::response::Answer;
use crate::http::route::Route;
use crate::http::{Http, Request};
use crate::resource::Resource;
use crate::sync::lock;
use challenge::Challenge;
use credential_lookup::{Stored, Whence};
use token_cache::{Grant, Realm, Tokens};

/// The user of an identity token of which no user is known.
const NO_USER: &str = "<token>";

/// Of how many origins something is known at once.
const MOST_ORIGINS: usize = 10_000;

/// A registry host as the caller set it up.
#[derive(Clone)]
pub struct Account {
    /// The host as the caller names it, for the credentials hook.
    pub host: String,
    /// The repository that is asked for; empty for the registry as a whole. Stored credentials may differ by it.
    pub repository: String,
    /// What the paths of its API are below, and who named it. One that a server sent us to gets nothing of the caller's.
    pub base: Location,
    /// The credentials from the host's options.
    pub credentials: Option<Credentials>,
    /// Never send any.
    pub anonymous: bool,
    /// Further hosts that may get them as token servers.
    pub trusted_realms: Vec<String>,
}

impl Account {
    /// Nobody, at the origin of a URL that a server sent us to.
    fn stranger(at: &Location) -> Account {
        let mut base = at.clone();
        base.url.set_path("/");
        base.url.set_query(None);
        Account {
            host: Origin::of(&at.url).map(|origin| origin.to_string()).unwrap_or_default(),
            repository: String::new(),
            base,
            credentials: None,
            anonymous: true,
            trusted_realms: Vec::new(),
        }
    }

    /// What to do about another registry that it sends us to, and that refuses us.
    pub fn sends_on(&self) -> String {
        let host = &self.host;
        format!("{host} sends us there, and nobody's credentials go along: name that registry itself, with credentials for it")
    }

    /// Where it says what it is.
    fn ping(&self) -> RequestTarget {
        RequestTarget::Path(Resource::Api.path(""))
    }

    /// Whether it is not the one that the caller named.
    fn is_strange(&self) -> bool {
        self.base.guard != Guard::Caller
    }

    /// Whether a URL is of its origin.
    fn is_at(&self, url: &Url) -> bool {
        self.base.is_origin_of(url)
    }
}

/// Who spoke for the credentials of a call. The first that says something is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Spoke {
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
    pub(crate) fn name(&self) -> Option<&'static str> {
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
    /// The credentials are good, and the registry does not say what else it wants.
    Unexplained,
    /// The registry sent us to another one, which refuses who is not known there.
    Elsewhere,
}

/// An answer, and what a 401 among them means.
pub struct Reply {
    /// The answer.
    pub answer: Answer,
    /// Where the request was sent, before redirects led elsewhere.
    pub begin: Location,
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
pub(crate) struct Auth {
    http: Arc<Http>,
    origins: Mutex<HashMap<Origin, Memory>>,
    tokens: Tokens,
    stored: Stored,
}

impl Auth {
    /// Over the client's HTTP, with the credentials that are stored on this machine.
    pub(crate) fn new(http: Arc<Http>, stored: Stored) -> Auth {
        Auth { tokens: Tokens::new(http.clone()), http, origins: Mutex::default(), stored }
    }

    /// The stored credentials.
    pub(crate) fn stored(&self) -> &Stored {
        &self.stored
    }

    /// A challenge that came with a request of no scope, such as the ping.
    pub(crate) fn remember(&self, account: &Account, challenges: &[Challenge], remote: Option<IpAddr>) {
        self.learn(account, |memory| {
            memory.known = true;
            memory.remote = remote.or(memory.remote);
            if let Some(chosen) = challenge::choose(challenges) {
                memory.challenge = Some(chosen.clone());
            }
        });
    }

    /// Lets the registry itself say what it wants.
    fn ping(&self, call: &Call, account: &Account) -> Result<()> {
        let at = account.base.find(&account.ping())?;
        let answer = self.http.send(call, &at, &mut Request::new(::http::Method::GET))?;
        if account.is_at(&answer.url) {
            self.remember(account, &challenge::parse(&answer.headers), answer.remote);
        }
        self.learn(account, |memory| memory.pinged = true);
        Ok(())
    }

    /// What the credentials hook or a helper said was wrong: it is asked again the next time.
    pub(crate) fn forget_answer(&self, account: &Account) {
        self.stored.forget(&account.host);
        self.learn(account, |memory| drop(memory.asked.remove(&account.host)));
    }

    fn learn(&self, account: &Account, change: impl FnOnce(&mut Memory)) {
        let Some(origin) = Origin::of(&account.base.url) else { return };
        let mut origins = lock(&self.origins);
        // Servers name origins too, and could go on for ever.
        if origins.len() >= MOST_ORIGINS && !origins.contains_key(&origin) {
            origins.clear();
        }
        change(origins.entry(origin).or_default());
    }

    fn memory(&self, account: &Account) -> Memory {
        let origins = lock(&self.origins);
        Origin::of(&account.base.url).and_then(|origin| origins.get(&origin).cloned()).unwrap_or_default()
    }

    /// Whose credentials a call has: the host's options, else what the hook says, else what is stored.
    pub(crate) fn credentials(&self, call: &Call, account: &Account) -> Result<(Credentials, Spoke)> {
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
        self.learn(account, |memory| drop(memory.asked.insert(account.host.clone(), credentials.clone())));
        Ok(credentials)
    }

    fn realm(
        &self,
        account: &Account,
        challenge: &Challenge,
        credentials: &Credentials,
        remote: Option<IpAddr>,
    ) -> Result<Realm> {
        let (text, base) = (challenge.realm().unwrap_or_default(), &account.base.url);
        let url = realm::resolve(text, base, &account.trusted_realms)
            .map_err(|error| error.within(format!("the token server of {}", account.host)))?;
        let trusted = !account.is_strange() && realm::may_send_credentials(base, &url, &account.trusted_realms);
        let sent = match credentials {
            Credentials::Password { .. } | Credentials::IdentityToken { .. } if trusted => credentials.clone(),
            _ => Credentials::Anonymous,
        };
        Ok(Realm {
            identity: identity(base, &sent),
            service: challenge.service().map(str::to_owned),
            withheld: !trusted && !matches!(credentials, Credentials::Anonymous | Credentials::Token(_)),
            credentials: sent,
            offline: false,
            route: self.realm_route(account, &url, trusted)?,
            headers: if trusted { self.http.headers(&url) } else { Headers::default() },
            at: Location { url, guard: Guard::said_by(remote) },
        })
    }
}

impl Auth {
    /// A registry's own token server is likely certified by the same private authority. What is never inherited is to
    /// go unverified (CVE-2019-10214), nor any other way than the trust.
    fn realm_route(&self, account: &Account, realm: &Url, trusted: bool) -> Result<Route> {
        let mut route = self.http.route(realm, trusted)?;
        if route.trust.ca_files.is_empty() && trusted {
            let registry = self.http.route(&account.base.url, true)?.trust;
            (route.trust.ca_files, route.trust.ca_only) = (registry.ca_files, registry.ca_only);
        }
        Ok(route)
    }
}

/// Basic credentials as an Authorization header (RFC 7617), for a protocol that sends them unasked; None for those that
/// Basic cannot carry.
pub(crate) fn basic_header(credentials: &Credentials) -> Result<Option<HeaderValue>> {
    basic(credentials).map_or(Ok(None), |proof| proof.header())
}

/// The credentials as Basic carries them; None for those that it cannot carry.
fn basic(credentials: &Credentials) -> Option<Proof> {
    let (username, password) = name_and_password(credentials)?;
    let joined = Zeroizing::new(format!("{username}:{password}"));
    Some(Proof::Basic(Zeroizing::new(base64::engine::general_purpose::STANDARD.encode(joined.as_bytes()))))
}

/// The credentials as a name and a password; None for those that have none.
fn name_and_password(credentials: &Credentials) -> Option<(&str, &str)> {
    match credentials {
        Credentials::Password { username, password } => Some((username, password)),
        Credentials::IdentityToken { username, token } => Some((username.as_deref().unwrap_or(NO_USER), token)),
        Credentials::Token(_) | Credentials::Anonymous => None,
    }
}

/// Tells cached tokens of different users apart without keeping a password in the key.
pub(crate) fn identity(base: &Url, credentials: &Credentials) -> String {
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
