//! Checking credentials: the ping, and then whatever it asks for, with exactly these credentials.

use ::http::header::HeaderMap;
use ::http::{Method, StatusCode};
use zeroize::Zeroizing;

use super::authorization::unsupported;
use super::authorization_header::Proof;
use super::challenge;
use super::scope::ScopeSet;
use super::token_server::Realm;
use super::{Account, Auth};
use crate::call::Call;
use crate::credentials::Credentials;
use crate::error::{Code, Error, Result};
use crate::http::location::Location;
use crate::http::response::Response;
use crate::http::Request;
use crate::http::Url;
use crate::registry_error;

/// How much of an error's body is read.
const ERROR_BODY: usize = 64 << 10;

/// How a registry accepted credentials.
pub(crate) struct Accepted {
    /// The scheme: "none", "basic" or "bearer".
    pub(crate) scheme: &'static str,
    /// The status of the last response.
    pub(crate) status: u16,
    /// The identity token that the token server issued, if any.
    pub(crate) refresh: Option<Zeroizing<String>>,
    /// The bearer token, if one is used.
    pub(crate) token: Option<Zeroizing<String>>,
}

impl Auth {
    /// Checks an account's credentials; a token is requested for these scopes, and with `offline` an identity token
    /// too. Nothing cached from earlier calls is used.
    pub(crate) fn log_in(&self, call: &Call, account: &Account, scopes: &ScopeSet, offline: bool) -> Result<Accepted> {
        let ping = account.base.find(&account.ping())?;
        let response = self.ask(call, &ping, &Proof::Nothing)?;
        let foreign = !account.is_at(&response.url);
        if response.status == StatusCode::OK {
            return Ok(Accepted { scheme: "none", status: 200, refresh: None, token: None });
        }
        if response.status != StatusCode::UNAUTHORIZED || foreign {
            return Err(self.refused(call, account, response, "ping it"));
        }
        let challenges = challenge::parse(&response.headers);
        self.remember(account, &challenges, response.remote);
        let credentials = account.credentials.clone().unwrap_or_default();
        let Some(challenge) = challenge::choose(&challenges) else {
            return Err(unsupported(account).with_http_status(401).with_url(&ping.url));
        };
        let proof = self.proof(account, challenge, &credentials, response.remote, |realm| {
            let realm = Realm { offline, ..realm };
            match realm.has_credentials() {
                true => self.tokens.fresh(call, &realm, scopes).map_err(denied),
                false => Err(withheld(account, &realm.at.url)),
            }
        })?;
        let Some(proof) = proof else {
            return Err(no_password(account).with_http_status(401).with_url(&ping.url));
        };
        let (scheme, refresh, token) = match &proof {
            Proof::Token(grant) => ("bearer", grant.refresh().cloned(), Some(Zeroizing::new(grant.value().to_owned()))),
            _ => ("basic", None, None),
        };
        let response = self.ask(call, &ping, &proof)?;
        match response.status {
            StatusCode::OK => Ok(Accepted { scheme, status: 200, refresh, token }),
            _ => Err(self.refused(call, account, response, "log in")),
        }
    }

    /// The credentials of an account that are not stored: those that a login may check.
    pub(crate) fn given(&self, call: &Call, account: &Account) -> Result<Credentials> {
        match (account.anonymous, &account.credentials) {
            (true, _) => Ok(Credentials::Anonymous),
            (false, Some(credentials)) => Ok(credentials.clone()),
            (false, None) => Ok(call.credentials(&account.host)?.unwrap_or_default()),
        }
    }

    fn ask(&self, call: &Call, ping: &Location, proof: &Proof) -> Result<Response> {
        let mut request = Request::new(Method::GET);
        request.authorization = proof.header()?;
        self.http.send(call, ping, &mut request)
    }

    pub(super) fn refused(&self, call: &Call, account: &Account, mut response: Response, what: &str) -> Error {
        let what = format!("{}: {what}", account.host);
        let body = response.beginning(call, ERROR_BODY);
        let headers: &HeaderMap = &response.headers;
        let error = registry_error::error_of(response.status.as_u16(), headers, &body, &response.url, &what);
        match error.code() {
            Code::Unauthenticated => {
                error.with_hint("check the user name and the password").with_attempts(response.attempts)
            }
            _ => error.with_attempts(response.attempts),
        }
    }
}

/// For a login it makes no difference whether a token server answers 401 or 403.
fn denied(error: Error) -> Error {
    match error.code() {
        Code::Forbidden => error.with_code(Code::Unauthenticated),
        _ => error,
    }
}

/// Nothing that a registry that wants a name and a password may see.
fn no_password(account: &Account) -> Error {
    let message = format!("{} asks for a user name and a password", account.host);
    Error::new(Code::Unauthenticated, message)
        .with_hint("an identity token is for token servers only: log in with a user name and a password")
}

fn withheld(account: &Account, realm: &Url) -> Error {
    let host = realm.host_str().unwrap_or_default();
    let message = format!("the token server {host} is not part of the domain of {}", account.host);
    Error::new(Code::Unauthenticated, message)
        .with_hint("the credentials were not sent to it: the host's option trusted_realms allows it")
        .with_url(realm)
}

/// Whether these can be used for a login at all.
pub(crate) fn can_log_in(credentials: &Credentials) -> bool {
    matches!(credentials, Credentials::Password { .. } | Credentials::IdentityToken { .. })
}
