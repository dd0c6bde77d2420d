//! A token as a request has it: what its age and its users tell when it is refused.

use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::token_response::Token;
use super::token_server::Realm;

/// A token of this age may have expired although the registry does not answer 401.
const AGED: Duration = Duration::from_secs(30);
/// No token has such a short lifetime: one that is refused within it was used up.
const BRIEF: Duration = Duration::from_secs(1);

#[derive(Clone)]
pub(super) struct TokenInUse {
    pub(super) key: String,
    pub(super) token: Arc<Token>,
    pub(super) obtained: Instant,
    /// Its age when it was handed out.
    age: Duration,
    /// It was fetched for this request, but perhaps for others too.
    pub(super) new: bool,
    has_credentials: bool,
}

impl TokenInUse {
    pub(super) fn new(realm: &Realm, token: &Arc<Token>, obtained: Instant, new: bool) -> TokenInUse {
        token.given.fetch_add(1, Ordering::SeqCst);
        let (key, age) = (realm.key(), obtained.elapsed());
        TokenInUse { key, token: token.clone(), obtained, age, new, has_credentials: realm.has_credentials() }
    }

    pub(super) fn value(&self) -> &str {
        &self.token.value
    }

    /// Whether no other request ever got it, so that none can have used it up.
    pub(super) fn is_ours_alone(&self) -> bool {
        self.token.given.load(Ordering::SeqCst) == 1
    }

    /// Whether a refusal means that others used it up, not that it expired: it is too young for that, or was valid for
    /// the first request but not for the second.
    pub(super) fn seems_used_up(&self) -> bool {
        let given = self.token.given.load(Ordering::SeqCst);
        given == 2 || (given > 2 && self.age < BRIEF)
    }

    /// Whether it is old enough to have expired early.
    pub(super) fn is_aged(&self) -> bool {
        self.obtained.elapsed() > AGED
    }

    /// The refresh token that came with it, if any.
    pub(super) fn refresh(&self) -> Option<&Zeroizing<String>> {
        self.token.refresh.as_ref()
    }

    /// Whether it was obtained with credentials.
    pub(super) fn has_credentials(&self) -> bool {
        self.has_credentials
    }
}
