//! One token from a token server, fetched on a separate thread: every call that needs it waits for it, none owns
//! it, and a call that leaves takes nothing from the others.
//!
//! GET with Basic is the form that every token server takes (distribution, docs/spec/auth/token.md). An identity token
//! is sent by POST (docs/spec/auth/oauth.md). Redirects are followed on the same server only: a realm that moved
//! another origin is not the one that the registry named.

use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use ::http::header::{HeaderValue, ACCEPT, CONTENT_TYPE};
use ::http::Method;
use serde_json::Value;
use zeroize::Zeroizing;

use super::authorization_header::{name_and_password, token_server_header};
use super::realm::token_url;
use super::scope::ScopeSet;
use super::token_response::{self, Token};
use super::token_server::{Realm, Refresh};
use crate::call::context::Context;
use crate::call::thread::{self, Outliving};
use crate::call::Call;
use crate::credentials::Credentials;
use crate::error::{Code, Error, Result};
use crate::http::location::Location;
use crate::http::origin::host_of;
use crate::http::request::Redirects;
use crate::http::response::Response;
use crate::http::response::WholeBody;
use crate::http::upload::Body;
use crate::http::{Http, Repeat, Request};
use crate::mutex::lock;
use crate::registry_error;
use crate::statuses;

const ANSWER_LIMIT: u64 = 1 << 20;
/// How much of an error's body is read.
const ERROR_BODY: usize = 64 << 10;
/// The library's client ID for token servers: OAuth requires one.
const CLIENT_ID: &str = "ocireg";
/// A refresh token that is not good, or not any more (RFC 6749, 5.2).
const INVALID_GRANT: &str = "invalid_grant";

/// The result of a fetch, and its trace: log hooks run only on callers' threads, so the trace is passed on.
pub(super) struct FetchedToken {
    pub(super) outcome: Result<Arc<Token>>,
    /// Log events.
    pub(super) trace: Vec<Value>,
}

/// Starts the fetch, on behalf of the call that needs it first.
pub(super) fn start(
    call: &Call,
    http: Arc<Http>,
    realm: Realm,
    scopes: ScopeSet,
    refresh: Refresh,
    done: impl FnOnce(FetchedToken) + Send + 'static,
) -> Result<()> {
    let trace = Arc::new(Mutex::new(Vec::new()));
    let call = call.of_nobody(Arc::new(context(trace.clone())));
    let outliving = Outliving::new();
    thread::spawn("ocireg-token", move || {
        let _outliving = outliving;
        let fetch = TokenFetch { call, http, realm, scopes };
        let outcome = fetch.token(&refresh).map(Arc::new);
        // A waiting call may free the client next: nothing of it is held here any more.
        drop(fetch);
        let trace = std::mem::take(&mut *lock(&trace));
        done(FetchedToken { outcome, trace });
    })?;
    Ok(())
}

/// The context of a fetch: no progress, and only the end of the client cancels it. It has no deadline, which would also count the time
/// spent waiting for a permit and for other renewals; each of its tries is bounded.
fn context(trace: Arc<Mutex<Vec<Value>>>) -> Context {
    let context = Context::new();
    context.set_log(Some(Arc::new(move |event| {
        lock(&trace).push(event.clone());
        Ok(())
    })));
    context
}

struct TokenFetch {
    call: Call,
    http: Arc<Http>,
    realm: Realm,
    scopes: ScopeSet,
}

impl TokenFetch {
    fn token(&self, refresh: &Refresh) -> Result<Token> {
        match &self.realm.credentials {
            Credentials::IdentityToken { username, token } => self.renew(username.as_ref(), token, refresh),
            credentials => self.ask(self.get(credentials)?),
        }
    }

    /// Gets a token with an identity token, and the identity token that replaces it. A server without that API (404;
    /// 405 from some) is asked by GET, with the identity token as the password.
    fn renew(&self, username: Option<&String>, own: &Zeroizing<String>, refresh: &Refresh) -> Result<Token> {
        let mut newest = lock(refresh);
        let token = newest.clone().unwrap_or_else(|| own.clone());
        let outcome = match self.ask(self.post(&token)?) {
            Err(error) if error.http_status().is_some_and(statuses::has_no_oauth) => {
                self.ask(self.get(&Credentials::IdentityToken { username: username.cloned(), token })?)
            }
            outcome => outcome,
        };
        match &outcome {
            Ok(Token { refresh: Some(next), .. }) => *newest = Some(next.clone()),
            // The caller's own may still be valid.
            Err(error) if error.code() == Code::Unauthenticated => *newest = None,
            _ => {}
        }
        outcome
    }

    fn get(&self, credentials: &Credentials) -> Result<(Location, Request<'static>)> {
        let realm = &self.realm;
        let account = name_and_password(credentials).map(|(name, _)| name);
        let client = realm.offline.then_some(CLIENT_ID);
        let url = token_url(&realm.at.url, realm.service.as_deref(), &self.scopes, account, client);
        let mut request = self.request(Method::GET)?;
        request.authorization = token_server_header(credentials)?;
        Ok((realm.at.asking(url), request))
    }

    fn post(&self, token: &str) -> Result<(Location, Request<'static>)> {
        let scope = self.scopes.to_string();
        let mut form = vec![("grant_type", "refresh_token")];
        form.extend(self.realm.service.as_deref().map(|service| ("service", service)));
        form.push(("client_id", CLIENT_ID));
        form.extend(Some(("scope", scope.as_str())).filter(|_| !self.scopes.is_empty()));
        form.push(("refresh_token", token));
        let mut request = self.request(Method::POST)?;
        request.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        // A token is asked for as often as it takes, by whatever method.
        Ok((self.realm.at.clone(), request.repeat(Repeat::Always).body(Body::form(&form))))
    }

    fn request(&self, method: Method) -> Result<Request<'static>> {
        let realm = &self.realm;
        let mut request = Request::new(method).header(ACCEPT, "application/json")?;
        realm.headers.put_into(&mut request.headers);
        request.route = Some(realm.route.clone());
        request.redirects = Redirects::SameOrigin;
        // For the whole response: a server that sends a byte at a time could delay it without end.
        request.answer_within = Some(self.http.options().idle());
        request.whole = Some(WholeBody { limit: ANSWER_LIMIT, what: "the answer", labelled: false });
        Ok(request)
    }

    fn ask(&self, (at, mut request): (Location, Request)) -> Result<Token> {
        let response = self.http.send(&self.call, &at, &mut request).map_err(|error| match error.code() {
            Code::Closed => error,
            _ => error.within("the token server"),
        })?;
        let attempts = response.attempts;
        self.read(response).map_err(|error| error.with_attempts(attempts))
    }

    fn read(&self, mut response: Response) -> Result<Token> {
        let (url, status) = (response.url.clone(), response.status);
        let host = host_of(&url);
        if status.is_redirection() {
            let message = format!("the token server {host} redirects elsewhere: redirects are followed on the same server only, those of a POST only by 307 and 308");
            return Err(Error::new(Code::Redirect, message).with_http_status(status.as_u16()).with_url(&url));
        }
        if !statuses::is_success(status.as_u16()) {
            return Err(self.refused(response, &host));
        }
        token_response::parse_answer(&response.take_whole(), SystemTime::now())
            .map_err(|error| error.within(format!("the token server {host}")).with_url(&url))
    }

    /// The error for a token that was not given.
    fn refused(&self, mut response: Response, host: &str) -> Error {
        let (what, status) = (format!("the token server {host} refuses a token"), response.status.as_u16());
        let body = response.beginning(&self.call, ERROR_BODY);
        let error = registry_error::error_of(status, &response.headers, &body, &response.url, &what);
        // Wrong credentials, whatever the status: a token server sends these for nothing else.
        let identity = matches!(self.realm.credentials, Credentials::IdentityToken { .. });
        // Without a description, which RFC 6749 allows, the code is all that is said.
        let invalid =
            error.registry_errors().iter().any(|error| error.code == INVALID_GRANT || error.message == INVALID_GRANT);
        match (status, self.realm.has_credentials()) {
            (_, _)
                if identity
                    && statuses::may_refuse_an_identity_token(status)
                    && (statuses::is_unauthorized(status) || invalid) =>
            {
                error
                    .with_code(Code::Unauthenticated)
                    .with_hint("the identity token is not accepted: it may have expired and require a new login")
            }
            (_, true) if statuses::is_unauthorized(status) => {
                error.with_code(Code::Unauthenticated).with_hint("check the user name and the password")
            }
            (_, false) if statuses::requires_credentials(status) => {
                error.with_code(Code::Unauthenticated).with_hint("it requires credentials")
            }
            // A token server's error says nothing about what the registry has or can do.
            _ if !is_of_token_servers(error.code()) => {
                error.with_code(Code::Http).with_hint("the registry names this token server: ask its administrator")
            }
            _ => error,
        }
    }
}

fn is_of_token_servers(code: Code) -> bool {
    use Code::{Forbidden, LimitExceeded, Protocol, RateLimited, Server, Timeout, Unauthenticated};
    matches!(code, Forbidden | LimitExceeded | Protocol | RateLimited | Server | Timeout | Unauthenticated)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fetch_has_no_deadline_that_nobody_set() {
        assert_eq!(context(Arc::default()).deadline(), None);
    }
}
