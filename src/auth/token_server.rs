//! A token server as one user of one registry meets it.

use std::sync::{Arc, Mutex};

use zeroize::Zeroizing;

use crate::credentials::Credentials;
use crate::http::headers::Headers;
use crate::http::location::Location;
use crate::http::route::Route;

/// A token server, with the credentials for it.
#[derive(Clone)]
pub(super) struct Realm {
    /// Its URL, and which addresses it may have.
    pub(super) at: Location,
    /// The service named by the challenge.
    pub(super) service: Option<String>,
    /// The owner of the tokens: origin and a hash of the credentials.
    pub(super) identity: String,
    /// The credentials to send; anonymous when it may not receive them.
    pub(super) credentials: Credentials,
    /// Whether a refresh token is requested too.
    pub(super) offline: bool,
    /// Whether there are credentials that it may not receive.
    pub(super) withheld: bool,
    pub(super) route: Route,
    /// The caller's headers, if it may receive them.
    pub(super) headers: Headers,
}

impl Realm {
    /// The key under which its tokens are cached.
    pub(super) fn key(&self) -> String {
        format!("{} {} {}", self.identity, self.at.url, self.service.as_deref().unwrap_or_default())
    }

    /// Whether credentials are sent to it.
    pub(super) fn has_credentials(&self) -> bool {
        self.credentials != Credentials::Anonymous
    }
}

/// The refresh token that a token server issued last, replacing the caller's. Locked during a fetch: some
/// servers accept each only once.
pub(super) type Refresh = Arc<Mutex<Option<Zeroizing<String>>>>;
