//! The token cache: by origin, token server, service, user and scopes; a token for more serves for less; and one
//! fetch at a time for one key, which outlives the call that began it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::watch;
use url::Url;
use zeroize::Zeroizing;

use super::fetch::{self, Fetched};
use super::scope::ScopeSet;
use super::token::Token;
use crate::error::{Code, Error, Result};
use crate::http::call::Call;
use crate::http::context::Credentials;
use crate::http::headers::Headers;
use crate::http::resolver::Guard;
use crate::http::route::Route;
use crate::http::Http;

/// How many tokens are kept for one user of one registry.
const KEPT: usize = 1000;
/// A token of this age may have expired without the registry saying 401.
const AGED: Duration = Duration::from_secs(30);

/// A token server, and who asks it.
#[derive(Clone)]
pub struct Realm {
    /// Its URL.
    pub url: Url,
    /// The service named by the challenge.
    pub service: Option<String>,
    /// Whose tokens these are: origin and a hash of the credentials.
    pub identity: String,
    /// The credentials to send; anonymous when it may not have them.
    pub credentials: Credentials,
    /// Whether a refresh token is wanted too.
    pub offline: bool,
    /// Whether there are credentials that it may not have.
    pub withheld: bool,
    /// The way to it.
    pub route: Route,
    /// The caller's headers, when it may have them.
    pub headers: Headers,
    /// Which addresses it may have.
    pub guard: Guard,
}

impl Realm {
    fn key(&self) -> String {
        format!("{} {} {}", self.identity, self.url, self.service.as_deref().unwrap_or_default())
    }

    /// Whether it gets credentials.
    pub fn has_credentials(&self) -> bool {
        self.credentials != Credentials::Anonymous
    }
}

/// The refresh token that a token server gave last, in place of the one that the caller has. Held during a fetch: some
/// servers take each only once.
pub type Refresh = Arc<Mutex<Option<Zeroizing<String>>>>;

/// A token in use.
#[derive(Clone)]
pub struct Grant {
    key: String,
    token: Arc<Token>,
    obtained: Instant,
    new: bool,
    has_credentials: bool,
}

impl Grant {
    /// The token's text.
    pub fn value(&self) -> &str {
        &self.token.value
    }

    /// Whether it was fetched for this very request.
    pub fn is_new(&self) -> bool {
        self.new
    }

    /// Whether it is old enough to suspect it.
    pub fn is_aged(&self) -> bool {
        self.obtained.elapsed() > AGED
    }

    /// The refresh token that came with it.
    pub fn refresh(&self) -> Option<&Zeroizing<String>> {
        self.token.refresh.as_ref()
    }

    /// Whether it was given to somebody known.
    pub fn has_credentials(&self) -> bool {
        self.has_credentials
    }
}

struct Kept {
    scopes: ScopeSet,
    token: Arc<Token>,
    obtained: Instant,
}

type Outcome = Option<Arc<Fetched>>;

/// The tokens of one client.
pub struct Tokens {
    http: Arc<Http>,
    kept: Arc<Mutex<HashMap<String, Vec<Kept>>>>,
    flights: Arc<Mutex<HashMap<String, watch::Receiver<Outcome>>>>,
    refreshed: Mutex<HashMap<String, Refresh>>,
}

impl Tokens {
    /// None yet.
    pub fn new(http: Arc<Http>) -> Tokens {
        Tokens { http, kept: Arc::default(), flights: Arc::default(), refreshed: Mutex::default() }
    }

    /// A token for these scopes: a kept one, else the one that is being fetched, else a new one.
    pub fn get(&self, call: &Call, realm: &Realm, scopes: &ScopeSet) -> Result<Grant> {
        if let Some(grant) = self.find(realm, scopes) {
            return Ok(grant);
        }
        self.fetch(call, realm, scopes, "")
    }

    /// A token that is fetched now, to see whether the credentials are good.
    pub fn fresh(&self, call: &Call, realm: &Realm, scopes: &ScopeSet) -> Result<Grant> {
        self.fetch(call, realm, scopes, if realm.offline { "offline" } else { "login" })
    }

    fn fetch(&self, call: &Call, realm: &Realm, scopes: &ScopeSet, purpose: &str) -> Result<Grant> {
        let (leads, mut flight) = self.board(realm, scopes, purpose)?;
        let landed =
            call.wait(None, async move { flight.wait_for(Option::is_some).await.map(|outcome| outcome.clone()) })?;
        let fetched = landed
            .ok()
            .flatten()
            .ok_or_else(|| Error::new(Code::Internal, "the token fetch ended without a result"))?;
        if leads {
            for event in &fetched.trace {
                call.log(|| event.clone())?;
            }
        }
        match &fetched.outcome {
            Ok(token) => Ok(Grant {
                key: realm.key(),
                token: token.clone(),
                obtained: Instant::now(),
                new: true,
                has_credentials: realm.has_credentials(),
            }),
            Err(error) if realm.withheld => Err(error.duplicate().with_hint(format!(
                "the credentials were not sent to the token server {}, which is no part of the registry's domain: trusted_realms allows it",
                realm.url.host_str().unwrap_or_default()
            ))),
            Err(error) => Err(error.duplicate()),
        }
    }

    /// Drops a token that the registry no longer takes.
    pub fn forget(&self, grant: &Grant) {
        if let Some(list) = lock(&self.kept).get_mut(&grant.key) {
            list.retain(|kept| !Arc::ptr_eq(&kept.token, &grant.token));
        }
    }

    fn find(&self, realm: &Realm, scopes: &ScopeSet) -> Option<Grant> {
        let key = realm.key();
        let now = SystemTime::now();
        let mut all = lock(&self.kept);
        let list = all.get_mut(&key)?;
        list.retain(|kept| kept.token.fresh_at(now));
        let kept = list.iter().find(|kept| kept.scopes.contains(scopes))?;
        let has_credentials = realm.has_credentials();
        Some(Grant { token: kept.token.clone(), obtained: kept.obtained, new: false, has_credentials, key })
    }

    /// The fetch that is under way for this key, or a new one, which then is led by the caller.
    fn board(&self, realm: &Realm, scopes: &ScopeSet, purpose: &str) -> Result<(bool, watch::Receiver<Outcome>)> {
        let key = realm.key();
        let flight = format!("{key} {} {purpose}", scopes.key());
        let mut flights = lock(&self.flights);
        if let Some(waiting) = flights.get(&flight) {
            return Ok((false, waiting.clone()));
        }
        let (sender, receiver) = watch::channel(None);
        let landing = Landing {
            key,
            flight: flight.clone(),
            scopes: scopes.clone(),
            kept: self.kept.clone(),
            flights: self.flights.clone(),
            sender,
        };
        let refresh = lock(&self.refreshed).entry(realm.key()).or_default().clone();
        fetch::start(self.http.clone(), realm.clone(), scopes.clone(), refresh, move |fetched| landing.land(fetched))?;
        flights.insert(flight, receiver.clone());
        Ok((true, receiver))
    }
}

/// Where a finished fetch puts its result. A failure is told to those who wait, and not kept.
struct Landing {
    key: String,
    flight: String,
    scopes: ScopeSet,
    kept: Arc<Mutex<HashMap<String, Vec<Kept>>>>,
    flights: Arc<Mutex<HashMap<String, watch::Receiver<Outcome>>>>,
    sender: watch::Sender<Outcome>,
}

impl Landing {
    fn land(self, fetched: Fetched) {
        if let Ok(token) = &fetched.outcome {
            let mut all = lock(&self.kept);
            let list = all.entry(self.key.clone()).or_default();
            if list.len() >= KEPT {
                list.remove(0);
            }
            list.push(Kept { scopes: self.scopes.clone(), token: token.clone(), obtained: Instant::now() });
        }
        self.sender.send_replace(Some(Arc::new(fetched)));
    }
}

// Also when the fetch came to no end: the next call begins a new one.
impl Drop for Landing {
    fn drop(&mut self) {
        lock(&self.flights).remove(&self.flight);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
