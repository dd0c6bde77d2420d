//! The token cache: by origin, token server, service, user and scopes; a token for more scopes is used for fewer; and
//! one fetch at a time per key, which outlives the call that started it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::watch;

use super::scope::ScopeSet;
use super::token_in_use::TokenInUse;
use super::token_request::{self, FetchedToken};
use super::token_response::Token;
use super::token_server::{Realm, Refresh};
use crate::call::{Call, WaitLimit};
use crate::credentials::Credentials;
use crate::error::{Code, Error, Result};
use crate::http::Http;
use crate::mutex::lock;

/// How many tokens are kept for one user of one registry, and for how many such users.
const KEPT: usize = 1000;
/// How long it is remembered that a server's tokens get used up.
const BELIEVED: Duration = Duration::from_secs(600);

/// Which requests may use a token that is fetched.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// All requests that need the token, now or later.
    All,
    /// Those that want a new one: logins that check the same credentials, and calls that ask for it.
    Login,
    /// Only the request with this number.
    One(u64),
}

struct CachedToken {
    scopes: ScopeSet,
    token: Arc<Token>,
    obtained: Instant,
}

type FetchOutcome = Option<Arc<FetchedToken>>;

pub(super) struct TokenCache {
    http: Arc<Http>,
    kept: Arc<Mutex<HashMap<String, Vec<CachedToken>>>>,
    flights: Arc<Mutex<HashMap<String, watch::Receiver<FetchOutcome>>>>,
    refreshed: Mutex<HashMap<String, Refresh>>,
    /// Owners whose tokens get used up, and since when that is known.
    short: Mutex<HashMap<String, Instant>>,
    /// How many bodies were refused with a shared token, and have to be sent again.
    owed: Mutex<HashMap<String, usize>>,
    lonely: AtomicU64,
}

impl TokenCache {
    pub(super) fn new(http: Arc<Http>) -> TokenCache {
        TokenCache {
            http,
            kept: Arc::default(),
            flights: Arc::default(),
            refreshed: Mutex::default(),
            short: Mutex::default(),
            owed: Mutex::default(),
            lonely: AtomicU64::new(0),
        }
    }

    /// A token for these scopes: a cached one, otherwise the one that is being fetched, otherwise a new one.
    pub(super) fn get(&self, call: &Call, realm: &Realm, scopes: &ScopeSet) -> Result<TokenInUse> {
        self.picked(call, realm, scopes, |_| true)
    }

    /// A token for these scopes that is valid for longer than that, if it is a cached one. The one with the refused value is dropped, and
    /// what is older than that will not do either.
    pub(super) fn lasting(
        &self,
        call: &Call,
        realm: &Realm,
        scopes: &ScopeSet,
        time: Duration,
        refused: Option<&str>,
    ) -> Result<TokenInUse> {
        let (now, refused) = (SystemTime::now(), refused.and_then(|value| self.drop_value(realm, value)));
        self.picked(call, realm, scopes, |kept| {
            kept.token.lasts(now, time) && refused.is_none_or(|obtained| kept.obtained > obtained)
        })
    }

    fn picked(
        &self,
        call: &Call,
        realm: &Realm,
        scopes: &ScopeSet,
        will_do: impl Fn(&CachedToken) -> bool,
    ) -> Result<TokenInUse> {
        match self.find(realm, scopes, will_do) {
            Some(grant) => Ok(grant),
            None => self.fetch(call, realm, scopes, Purpose::All),
        }
    }

    /// Replaces a refused token. First by the next shared one; after that by one for this request alone,
    /// because where a token is valid for one request, other requests use up the shared ones.
    pub(super) fn another(
        &self,
        call: &Call,
        realm: &Realm,
        scopes: &ScopeSet,
        refused: &TokenInUse,
    ) -> Result<TokenInUse> {
        if refused.new {
            return self.alone(call, realm, scopes);
        }
        self.picked(call, realm, scopes, |kept| kept.obtained > refused.obtained)
    }

    /// A token for one request, not shared with others.
    pub(super) fn alone(&self, call: &Call, realm: &Realm, scopes: &ScopeSet) -> Result<TokenInUse> {
        self.fetch(call, realm, scopes, Purpose::One(self.lonely.fetch_add(1, Ordering::SeqCst)))
    }

    /// A token that is fetched now, whatever is cached.
    pub(super) fn fresh(&self, call: &Call, realm: &Realm, scopes: &ScopeSet) -> Result<TokenInUse> {
        self.fetch(call, realm, scopes, Purpose::Login)
    }

    fn fetch(&self, call: &Call, realm: &Realm, scopes: &ScopeSet, purpose: Purpose) -> Result<TokenInUse> {
        let (leads, mut flight) = self.board(call, realm, scopes, purpose)?;
        // The fetch has limits of its own, but other endpoints may be asked instead of the one that wants this token.
        let share = realm.at.endpoint_settings().and_then(|settings| settings.share(call));
        let limit = share.map(|time| WaitLimit { time, what: "no token from the token server", hurried: true });
        let landed =
            call.wait(limit, async move { flight.wait_for(Option::is_some).await.map(|outcome| outcome.clone()) })?;
        let fetched = landed
            .ok()
            .flatten()
            .ok_or_else(|| Error::new(Code::Internal, "the token fetch ended without a result"))?;
        if leads {
            for event in &fetched.trace {
                call.pass_on(event)?;
            }
        }
        match &fetched.outcome {
            Ok(token) => Ok(TokenInUse::new(realm, token, Instant::now(), true)),
            Err(error) if realm.withheld => Err(error.duplicate().with_hint(format!(
                "the credentials were not sent to the token server {}, which is not part of the registry's domain: trusted_realms allows it",
                realm.at.url.host_str().unwrap_or_default()
            ))),
            Err(error) => Err(error.duplicate()),
        }
    }

    /// Whether tokens from there are known to get used up, not to expire.
    pub(super) fn are_used_up(&self, realm: &Realm) -> bool {
        lock(&self.short).get(&realm.key()).is_some_and(|since| since.elapsed() < BELIEVED)
    }

    /// A body was refused with this token and could not be sent again at once: when it is repeated, a token of its own
    /// avoids the same failure.
    pub(super) fn owe(&self, grant: &TokenInUse) {
        if grant.is_ours_alone() {
            return;
        }
        let mut owed = lock(&self.owed);
        make_room(&mut owed, &grant.key);
        *owed.entry(grant.key.clone()).or_default() += 1;
    }

    /// Whether a body is to be sent again there. Each is counted once.
    pub(super) fn is_owed(&self, realm: &Realm) -> bool {
        let (mut owed, key) = (lock(&self.owed), realm.key());
        match owed.get_mut(&key) {
            Some(count) if *count > 1 => {
                *count -= 1;
                true
            }
            _ => owed.remove(&key).is_some(),
        }
    }

    /// Drops a token that the registry no longer accepts. `lacks`: it says that the token lacks a permission, so it was
    /// not used up.
    pub(super) fn forget(&self, grant: &TokenInUse, lacks: bool) {
        if !lacks && grant.seems_used_up() {
            let mut short = lock(&self.short);
            make_room(&mut short, &grant.key);
            short.insert(grant.key.clone(), Instant::now());
        }
        if let Some(list) = lock(&self.kept).get_mut(&grant.key) {
            list.retain(|kept| !Arc::ptr_eq(&kept.token, &grant.token));
        }
    }

    /// Drops the token with this value, which a caller's own request was refused with, and no other. Returns when it was obtained.
    pub(super) fn drop_value(&self, realm: &Realm, value: &str) -> Option<Instant> {
        let mut all = lock(&self.kept);
        let list = all.get_mut(&realm.key())?;
        let at = list.iter().position(|kept| kept.token.value.as_str() == value)?;
        Some(list.remove(at).obtained)
    }

    /// A cached token, of those that will do.
    fn find(&self, realm: &Realm, scopes: &ScopeSet, will_do: impl Fn(&CachedToken) -> bool) -> Option<TokenInUse> {
        let now = SystemTime::now();
        let mut all = lock(&self.kept);
        let list = all.get_mut(&realm.key())?;
        list.retain(|kept| kept.token.fresh_at(now));
        let kept = list.iter().find(|kept| kept.scopes.contains(scopes) && will_do(kept))?;
        Some(TokenInUse::new(realm, &kept.token, kept.obtained, false))
    }

    /// The fetch in progress for this key, or a new one, which the caller then runs.
    fn board(
        &self,
        call: &Call,
        realm: &Realm,
        scopes: &ScopeSet,
        purpose: Purpose,
    ) -> Result<(bool, watch::Receiver<FetchOutcome>)> {
        let key = realm.key();
        let flight = match purpose {
            Purpose::All => format!("{key} {}", scopes.key()),
            Purpose::Login if realm.offline => format!("{key} {} offline", scopes.key()),
            Purpose::Login => format!("{key} {} login", scopes.key()),
            Purpose::One(number) => format!("{key} {} {number}", scopes.key()),
        };
        let mut flights = lock(&self.flights);
        if let Some(waiting) = flights.get(&flight) {
            return Ok((false, waiting.clone()));
        }
        let (sender, receiver) = watch::channel(None);
        let landing = CacheSlot {
            key,
            flight: flight.clone(),
            scopes: scopes.clone(),
            stays: !matches!(purpose, Purpose::One(_)),
            kept: self.kept.clone(),
            flights: self.flights.clone(),
            sender: sender.clone(),
            listed: true,
        };
        flights.insert(flight, receiver.clone());
        // A fetch that does not start takes its flight off the list.
        drop(flights);
        let refresh = self.refresh(realm);
        let (http, realm, scopes) = (self.http.clone(), realm.clone(), scopes.clone());
        token_request::start(call, http, realm, scopes, refresh, move |fetched| landing.land(fetched)).inspect_err(
            |error| {
                // Others may wait for it already.
                sender
                    .send_replace(Some(Arc::new(FetchedToken { outcome: Err(error.duplicate()), trace: Vec::new() })));
            },
        )?;
        Ok((true, receiver))
    }

    /// Where the identity token that replaces the caller's is stored; no other is ever replaced.
    fn refresh(&self, realm: &Realm) -> Refresh {
        if !matches!(realm.credentials, Credentials::IdentityToken { .. }) {
            return Refresh::default();
        }
        let (mut refreshed, key) = (lock(&self.refreshed), realm.key());
        make_room(&mut refreshed, &key);
        refreshed.entry(key).or_default().clone()
    }
}

/// Where a finished fetch puts its result. A failure is reported to the waiting calls, and not cached.
struct CacheSlot {
    key: String,
    flight: String,
    scopes: ScopeSet,
    /// Whether other requests may use it.
    stays: bool,
    kept: Arc<Mutex<HashMap<String, Vec<CachedToken>>>>,
    flights: Arc<Mutex<HashMap<String, watch::Receiver<FetchOutcome>>>>,
    sender: watch::Sender<FetchOutcome>,
    /// Whether its flight is on the list.
    listed: bool,
}

impl CacheSlot {
    fn land(mut self, fetched: FetchedToken) {
        if let (Ok(token), true) = (&fetched.outcome, self.stays) {
            let mut all = lock(&self.kept);
            // Realms are named by servers, which could name arbitrarily many.
            if all.len() >= KEPT {
                all.clear();
            }
            let list = all.entry(self.key.clone()).or_default();
            if list.len() >= KEPT {
                list.remove(0);
            }
            list.push(CachedToken { scopes: self.scopes.clone(), token: token.clone(), obtained: Instant::now() });
        }
        // Before any request has the result: one that wants another token after that must not get this one again.
        self.leave();
        self.sender.send_replace(Some(Arc::new(fetched)));
    }

    /// Takes its flight off the list. Later there may be another one of the same name.
    fn leave(&mut self) {
        if std::mem::take(&mut self.listed) {
            lock(&self.flights).remove(&self.flight);
        }
    }
}

// Also when the fetch was abandoned: the next call starts a new one.
impl Drop for CacheSlot {
    fn drop(&mut self) {
        self.leave();
    }
}

/// Realms are named by servers, which could name arbitrarily many: an old entry is dropped for a new one.
fn make_room<T>(known: &mut HashMap<String, T>, key: &str) {
    if known.len() >= KEPT && !known.contains_key(key) {
        if let Some(any) = known.keys().next().cloned() {
            known.remove(&any);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_servers_name_is_kept_within_bounds() {
        let mut known = HashMap::new();
        for number in 0..KEPT + 10 {
            let key = number.to_string();
            make_room(&mut known, &key);
            known.insert(key, ());
            assert!(known.contains_key(&number.to_string()) && known.len() <= KEPT);
        }
        make_room(&mut known, &(KEPT + 9).to_string());
        assert_eq!(known.len(), KEPT);
    }
}
