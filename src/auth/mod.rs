//! Authentication: challenges, credentials and tokens (distribution-spec "Authentication", RFC 9110 11.6, and the token
//! protocol of distribution's docs/spec/auth).
//!
//! Credentials belong to one origin. They are sent to it and to its token server, never to another host that either
//! names.

mod account;
pub(crate) mod authorization;
mod authorization_header;
pub(crate) mod auths_entry;
pub(crate) mod challenge;
pub(crate) mod config_file;
pub(crate) mod credential_files;
pub(crate) mod credential_key;
pub(crate) mod credential_lookup;
mod credential_source;
pub(crate) mod credential_writer;
pub(crate) mod helper;
mod helper_failure;
mod helper_message;
mod helper_process;
pub(crate) mod login;
mod negotiate;
mod negotiating_server;
pub(crate) mod options;
pub(crate) mod realm;
pub(crate) mod scope;
pub(crate) mod secrets;
mod token_cache;
mod token_in_use;
mod token_request;
pub(crate) mod token_response;
mod token_server;

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use crate::call::Call;
use crate::credentials::Credentials;
use crate::error::{Code, Result};
use crate::http::headers::Headers;
use crate::http::location::Location;
use crate::http::origin::Origin;
use crate::http::response::Response;
use crate::http::route::Route;
use crate::http::{Http, Request};
use crate::mutex::lock;
use crate::statuses;
pub(crate) use account::Account;
use authorization::Authorization;
use authorization_header::Proof;
pub(crate) use authorization_header::{basic_header, identity};
use challenge::Challenge;
pub(crate) use credential_lookup::unknown_names;
use credential_lookup::{FoundCredentials, StoredCredentials};
pub(crate) use credential_source::CredentialSource;
use token_cache::TokenCache;
use token_server::Realm;

const MOST_ORIGINS: usize = 10_000;

/// Why a registry still refuses after everything was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    NoCredentials,
    /// The credentials were not accepted.
    BadCredentials,
    /// The credentials are valid, but their permissions are not sufficient.
    NotAllowed,
    /// The credentials are valid, and the registry does not say what else it requires.
    Unexplained,
    /// The registry redirected to another one, which refuses anonymous requests.
    Elsewhere,
}

/// A response, and what it means if it is a 401.
pub struct Reply {
    pub response: Response,
    /// Where the request was sent, before redirects led elsewhere.
    pub begin: Location,
    /// Set on a final 401.
    pub refusal: Option<Refusal>,
    /// The permission that the request needs, as a scope; empty when it needs none in particular.
    pub needed: String,
    /// What the request that was answered had been sent with.
    proof: Proof,
}

impl Reply {
    /// A response to a request without authorization.
    pub(crate) fn open(response: Response, begin: Location) -> Reply {
        Reply { response, begin, refusal: None, needed: String::new(), proof: Proof::Nothing }
    }

    /// In response to HEAD: whether a GET may be answered, or gives the reason. Credentials that were refused are not sent once more: an
    /// account may be locked after a few of them, and the hook or helper would be asked for others.
    pub(crate) fn calls_for_get(&self) -> bool {
        let status = self.response.status.as_u16();
        self.refusal != Some(Refusal::BadCredentials)
            && (statuses::has_no_head(status) || statuses::has_a_reason(status))
    }

    /// The authorization that the request which was answered had: none after a redirect to a host that must not get it.
    pub(crate) fn authorization(&self) -> Result<Authorization> {
        Authorization::sent(&self.proof)
    }
}

#[derive(Default)]
struct OriginMemory {
    /// It has responded at least once.
    known: bool,
    challenge: Option<Challenge>,
    remote: Option<IpAddr>,
    asked: HashMap<String, Credentials>,
    /// The helper's answer that was used last for each host, as its identity.
    by_helper: HashMap<String, String>,
    /// Which credentials of rules it has refused that came without its asking.
    refused_unasked: HashSet<String>,
    /// Whether a ping was sent to get a challenge; it is sent once.
    pinged: bool,
}

/// The repositories, each with its host, of which stored credentials could not be had in a call: one entry of a file may be broken.
#[derive(Default)]
struct UnusableLookups(Mutex<HashSet<(String, String)>>);

pub(crate) struct Auth {
    http: Arc<Http>,
    origins: Mutex<HashMap<Origin, OriginMemory>>,
    tokens: TokenCache,
    stored: StoredCredentials,
}

impl Auth {
    /// With the client's HTTP and the locally stored credentials.
    pub(crate) fn new(http: Arc<Http>, stored: StoredCredentials) -> Auth {
        Auth { tokens: TokenCache::new(http.clone()), http, origins: Mutex::default(), stored }
    }

    pub(crate) fn stored(&self) -> &StoredCredentials {
        &self.stored
    }

    /// Remembers a challenge from a request without a scope, such as the ping.
    pub(crate) fn remember(&self, account: &Account, challenges: &[Challenge], remote: Option<IpAddr>) {
        self.learn(account, |memory| {
            memory.known = true;
            memory.remote = remote.or(memory.remote);
            if let Some(chosen) = challenge::choose(challenges) {
                memory.challenge = Some(chosen.clone());
            }
        });
    }

    fn ping(&self, call: &Call, account: &Account) -> Result<()> {
        let at = account.base.find(&account.ping())?;
        let response = self.http.send(call, &at, &mut Request::new(::http::Method::GET))?;
        if account.is_at(&response.url) {
            self.remember(account, &challenge::parse(&response.headers), response.remote);
        }
        self.learn(account, |memory| memory.pinged = true);
        Ok(())
    }

    /// The credentials from the hook or a helper were wrong: it is asked again the next time.
    pub(crate) fn forget_answer(&self, call: &Call, account: &Account) {
        self.stored.forget(&account.host);
        let mut refused = None;
        self.learn(account, |memory| {
            refused = memory.asked.remove(&account.host);
            memory.by_helper.remove(&account.host);
        });
        if let Some(refused) = refused {
            call.credentials_were_refused(&account.host, &refused);
        }
    }

    /// What is sent by a rule without having been asked for: nothing once it was refused, whatever others were asked for there, nor where the
    /// caller or the stored credentials have some, which are sent when they are asked for.
    fn unasked(&self, call: &Call, account: &Account) -> Result<Proof> {
        let by_rule = account.unasked();
        if matches!(by_rule, Proof::Nothing) || self.is_refused_unasked(account) {
            return Ok(Proof::Nothing);
        }
        Ok(match self.credentials(call, account)?.1 {
            CredentialSource::Rule => by_rule,
            _ => Proof::Nothing,
        })
    }

    fn is_refused_unasked(&self, account: &Account) -> bool {
        self.recall(account, |memory| memory.refused_unasked.contains(&unasked_key(account)))
    }

    fn refused_unasked(&self, account: &Account) {
        self.learn(account, |memory| memory.refused_unasked.extend([unasked_key(account)]));
    }

    fn learn(&self, account: &Account, change: impl FnOnce(&mut OriginMemory)) {
        let Some(origin) = Origin::of(&account.base.url) else { return };
        let mut origins = lock(&self.origins);
        // Servers name origins too, and could name arbitrarily many.
        if origins.len() >= MOST_ORIGINS && !origins.contains_key(&origin) {
            origins.clear();
        }
        change(origins.entry(origin).or_default());
    }

    /// Something of what is known about an origin: no more of its secrets is copied than is looked for.
    fn recall<T>(&self, account: &Account, look: impl FnOnce(&OriginMemory) -> T) -> T {
        let origins = lock(&self.origins);
        match Origin::of(&account.base.url).and_then(|origin| origins.get(&origin)) {
            Some(memory) => look(memory),
            None => look(&OriginMemory::default()),
        }
    }

    /// The credentials of a call: from the host's options, otherwise from the hook, otherwise stored ones.
    pub(crate) fn credentials(&self, call: &Call, account: &Account) -> Result<(Credentials, CredentialSource)> {
        let nobody = (Credentials::Anonymous, CredentialSource::Nobody);
        if account.anonymous {
            return Ok(nobody);
        }
        if let Some(credentials) = &account.credentials {
            return Ok((credentials.clone(), CredentialSource::HostOptions));
        }
        match self.asked(call, account)? {
            Credentials::Anonymous => {}
            credentials => return Ok((credentials, CredentialSource::Callback)),
        }
        let found = self.find_stored(call, account)?;
        self.note_helper_answer(account, found.as_ref());
        let by_rule = account.by_rule.clone().map_or(nobody, |credentials| (credentials, CredentialSource::Rule));
        Ok(found.map_or(by_rule, |found| (found.credentials, CredentialSource::Stored(found.at))))
    }

    /// Stored ones. Where a rule has others, those are sent if the stored ones cannot be had, which is said once in a call.
    fn find_stored(&self, call: &Call, account: &Account) -> Result<Option<FoundCredentials>> {
        let unusable = call.memory::<UnusableLookups>();
        let wanted = (account.host.clone(), account.repository.clone());
        if account.by_rule.is_some() && lock(&unusable.0).contains(&wanted) {
            return Ok(None);
        }
        match self.stored.find(call, account) {
            Err(error) if account.by_rule.is_some() && !matches!(error.code(), Code::Cancelled | Code::Closed) => {
                call.check()?;
                lock(&unusable.0).insert(wanted);
                let text = format!(
                    "the credentials of a file of the machine are sent, because the stored ones could not be read: {}",
                    error.message()
                );
                call.warn_of(&account.host, &text).map(|()| None)
            }
            found => found,
        }
    }

    /// Remembers by its identity which answer of a helper is used.
    fn note_helper_answer(&self, account: &Account, found: Option<&FoundCredentials>) {
        let of_helper = found.filter(|found| found.at.helper.is_some());
        let answer = of_helper.map(|found| identity(&account.base.url, &found.credentials));
        self.learn(account, |memory| match answer {
            Some(answer) => drop(memory.by_helper.insert(account.host.clone(), answer)),
            None => drop(memory.by_helper.remove(&account.host)),
        });
    }

    /// The identity of the helper's answer that a call uses as it is known; None where its credentials come from somewhere else.
    fn known_answer(&self, call: &Call, account: &Account) -> Option<String> {
        if account.anonymous || account.credentials.is_some() {
            return None;
        }
        self.recall(account, |memory| {
            let hook_had_none = matches!(memory.asked.get(&account.host), Some(Credentials::Anonymous));
            memory.by_helper.get(&account.host).filter(|_| hook_had_none || !call.asks_for_credentials()).cloned()
        })
    }

    /// The hook had no credentials, and is not asked again for the next request.
    fn hook_has_none(&self, call: &Call, account: &Account) {
        if call.asks_for_credentials() {
            self.learn(account, |memory| drop(memory.asked.insert(account.host.clone(), Credentials::Anonymous)));
        }
    }

    /// Asks the hook, or returns its cached answer.
    fn asked(&self, call: &Call, account: &Account) -> Result<Credentials> {
        // A hook's answer is used only for calls that have a hook.
        if !call.asks_for_credentials() {
            return Ok(Credentials::Anonymous);
        }
        if let Some(asked) = self.recall(account, |memory| memory.asked.get(&account.host).cloned()) {
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
        let there = account.base.realm_with_endpoint_settings(&url);
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
            route: self.realm_route(account, &there, trusted)?,
            headers: if trusted { self.http.headers(&there) } else { Headers::default() },
            at: account.base.realm(url, remote),
        })
    }
}

/// Distinguishes the credentials of several rules for one origin.
fn unasked_key(account: &Account) -> String {
    identity(&account.base.url, account.by_rule.as_ref().unwrap_or(&Credentials::Anonymous))
}

impl Auth {
    /// A registry's own token server is likely certified by the same private authority. `insecure` is never inherited
    /// (CVE-2019-10214), nor is any setting besides the trust.
    fn realm_route(&self, account: &Account, realm: &Location, trusted: bool) -> Result<Route> {
        let mut route = self.http.route(realm, trusted)?;
        if route.trust.ca_files.is_empty() && trusted {
            let registry = self.http.route(&account.base, true)?.trust;
            (route.trust.ca_files, route.trust.ca_only) = (registry.ca_files, registry.ca_only);
        }
        Ok(route)
    }
}
