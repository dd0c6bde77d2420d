//! One token from a token server, fetched on a thread of its own: every call that needs it waits for it, none owns
//! it, and a call that leaves takes nothing from the others.
//!
//! GET with Basic is the form that every token server takes (distribution, docs/spec/auth/token.md). An identity token
//! goes by POST (docs/spec/auth/oauth.md). Redirects are followed on the same server only: a realm that moved elsewhere is a realm of
//! somebody else.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use ::http::header::{HeaderMap, HeaderValue, ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, LOCATION};
use ::http::Method;
use serde_json::{json, Value};
use tokio::time::{timeout, timeout_at};
use url::Url;
use zeroize::Zeroizing;

use super::realm::token_url;
use super::scope::ScopeSet;
use super::token_cache::{Realm, Refresh};
use super::token_response::{self, Token};
use crate::call::{engine, thread};
use crate::credentials::Credentials;
use crate::error::{Code, Error, Result};
use crate::http::handshake::Watch;
use crate::http::origin::Origin;
use crate::http::redirect::{self, Chain};
use crate::http::{redact, retry, transport_error, Http};
use crate::statuses;
use crate::sync::lock;

const ANSWER_LIMIT: u64 = 1 << 20;
/// What the library calls itself to a token server: OAuth wants a name.
const CLIENT_ID: &str = "ocireg";
/// The user of an identity token of which no user is known.
pub(super) const NO_USER: &str = "<token>";

/// How a fetch ended, and its trace: log hooks run on callers' threads only, so it is handed over.
pub(super) struct Fetched {
    /// The token or the error.
    pub outcome: Result<Arc<Token>>,
    /// Log events.
    pub trace: Vec<Value>,
}

/// Starts the fetch.
pub(super) fn start(
    http: Arc<Http>,
    realm: Realm,
    scopes: ScopeSet,
    refresh: Refresh,
    done: impl FnOnce(Fetched) + Send + 'static,
) -> Result<()> {
    thread::spawn("ocireg-token", move || {
        let mut trace = Vec::new();
        let outcome = match realm.credentials.clone() {
            Credentials::IdentityToken { username, token } => {
                renew(&http, &realm, &scopes, (username, token), &refresh, &mut trace)
            }
            Credentials::Password { username, password } => {
                fetch(&http, &realm, Form::get(&realm, &scopes, Some((username, password))), &mut trace)
            }
            Credentials::Anonymous | Credentials::Token(_) => {
                fetch(&http, &realm, Form::get(&realm, &scopes, None), &mut trace)
            }
        }
        .map(Arc::new);
        drop(http);
        done(Fetched { outcome, trace });
    })?;
    Ok(())
}

/// A request for a token.
struct Form {
    url: Url,
    basic: Option<(String, Zeroizing<String>)>,
    /// The body of a POST.
    body: Option<Zeroizing<String>>,
}

impl Form {
    fn get(realm: &Realm, scopes: &ScopeSet, basic: Option<(String, Zeroizing<String>)>) -> Form {
        let account = basic.as_ref().map(|(username, _)| username.as_str());
        let mut url = token_url(&realm.url, realm.service.as_deref(), scopes, account);
        if realm.offline {
            url.query_pairs_mut().append_pair("offline_token", "true").append_pair("client_id", CLIENT_ID);
        }
        Form { url, basic, body: None }
    }

    fn post(realm: &Realm, scopes: &ScopeSet, token: &str) -> Form {
        let mut body = url::form_urlencoded::Serializer::new(String::with_capacity(token.len() * 3 + 4096));
        body.append_pair("grant_type", "refresh_token");
        if let Some(service) = &realm.service {
            body.append_pair("service", service);
        }
        body.append_pair("client_id", CLIENT_ID);
        if !scopes.is_empty() {
            body.append_pair("scope", &scopes.to_string());
        }
        body.append_pair("refresh_token", token);
        Form { url: realm.url.clone(), basic: None, body: Some(Zeroizing::new(body.finish())) }
    }

    fn method(&self) -> Method {
        if self.body.is_some() {
            Method::POST
        } else {
            Method::GET
        }
    }

    /// Whether an answer sends the same request elsewhere on the same server, which is then where it goes.
    fn follow(&mut self, answered: &Answered, hops: &mut Chain) -> Result<bool> {
        if !answered.status.is_redirection() {
            return Ok(false);
        }
        let location = answered.headers.get(LOCATION);
        match redirect::next(&self.method(), answered.status, &self.url, location, false)? {
            Some(next) if Origin::of(&next) == Origin::of(&self.url) => {
                hops.visit(&next)?;
                self.url = next;
                Ok(true)
            }
            _ => Ok(false),
        }
    }
}

/// A token for an identity token, and the identity token that replaces it. A server without that form (404; 405 from
/// some) is asked by GET, with the identity token as the password.
fn renew(
    http: &Http,
    realm: &Realm,
    scopes: &ScopeSet,
    (username, own): (Option<String>, Zeroizing<String>),
    refresh: &Refresh,
    trace: &mut Vec<Value>,
) -> Result<Token> {
    let mut newest = lock(refresh);
    let token = newest.clone().unwrap_or_else(|| own.clone());
    let outcome = match fetch(http, realm, Form::post(realm, scopes, &token), trace) {
        Err(error) if error.http_status().is_some_and(statuses::has_no_oauth) => {
            let basic = (username.unwrap_or_else(|| NO_USER.to_owned()), token);
            fetch(http, realm, Form::get(realm, scopes, Some(basic)), trace)
        }
        outcome => outcome,
    };
    match &outcome {
        Ok(Token { refresh: Some(next), .. }) => *newest = Some(next.clone()),
        // The caller's own may still be good.
        Err(error) if error.code() == Code::Unauthenticated => *newest = None,
        _ => {}
    }
    outcome
}

fn fetch(http: &Http, realm: &Realm, mut form: Form, trace: &mut Vec<Value>) -> Result<Token> {
    let url = &form.url.clone();
    realm.route.check(url, realm.guard)?;
    let client = http.wire().fresh(&realm.route, realm.guard)?;
    let runtime = engine::runtime()?;
    let throttle = http.throttle(url);
    let mut backoff = retry::Backoff::new(crate::http::seed());
    let mut attempt = 1;
    let mut stalled_before = false;
    let mut hops = Chain::new(http.options().max_redirects);
    hops.visit(url)?;
    loop {
        std::thread::sleep(throttle.wait().map_err(|error| error.with_url(url))?);
        let outcome = runtime.block_on(ask(&client, realm, &form, attempt, http.options().idle(), trace));
        if let Ok(answered) = &outcome {
            if form.follow(answered, &mut hops)? {
                continue;
            }
        }
        let last = attempt > http.options().retries;
        if let Ok(Answered { status, after: Some(after), .. }) = &outcome {
            if retry::retry_status(*status) {
                throttle.told_to_wait(*after);
            }
        }
        let wait = match &outcome {
            Ok(Answered { status, after, .. }) if retry::retry_status(*status) && !last => {
                retry::wait_for(*after, backoff.delay(attempt), None).map_err(|error| error.with_url(url))?
            }
            Err(error)
                if matches!(error.code(), Code::Network | Code::Connect) && error.http_status().is_none() && !last =>
            {
                backoff.delay(attempt)
            }
            Err(error) if error.is_stall() && !stalled_before && !last => {
                stalled_before = true;
                backoff.delay(attempt)
            }
            _ => {
                return outcome
                    .and_then(|answered| read(answered, realm, url))
                    .map_err(|error| error.with_attempts(attempt))
            }
        };
        trace.push(json!({"event": "retry", "reason": "the token server", "wait_ms": wait.as_millis() as u64}));
        std::thread::sleep(wait);
        attempt += 1;
    }
}

struct Answered {
    status: ::http::StatusCode,
    headers: ::http::header::HeaderMap,
    after: Option<Duration>,
    body: Vec<u8>,
}

async fn ask(
    client: &reqwest::Client,
    realm: &Realm,
    form: &Form,
    attempt: u32,
    longest: Duration,
    trace: &mut Vec<Value>,
) -> Result<Answered> {
    let (url, method) = (&form.url, form.method().to_string());
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    realm.headers.put_into(&mut headers);
    let wire = realm.route.wire(url, &mut headers);
    let mut request = match &form.body {
        Some(body) => {
            client.post(wire).header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body.as_bytes().to_vec())
        }
        None => client.get(wire),
    };
    request = request.headers(headers);
    if let Some((username, password)) = &form.basic {
        request = request.basic_auth(username, Some(password.as_str()));
    }
    trace.push(
        json!({"event": "request", "method": method, "url": redact::url(url), "attempt": attempt, "headers": {}}),
    );
    let begun = Instant::now();
    let watch = Watch::default();
    let broken = |error| transport_error::classify(error, url, &realm.route, &watch).within("the token server");
    let silent = |_| {
        let message = format!("{} did not answer in time", transport_error::host_of(url));
        let error = Error::new(Code::Timeout, message).with_url(url).as_stall();
        transport_error::late(error, url, &realm.route, &watch).within("the token server")
    };
    let mut response = timeout(longest, watch.over(request.send())).await.map_err(silent)?.map_err(broken)?;
    let (status, headers) = (response.status(), response.headers().clone());
    trace.push(json!({"event": "response", "method": method, "url": redact::url(url), "status": status.as_u16(),
                      "headers": redact::headers(&headers), "milliseconds": begun.elapsed().as_millis() as u64}));
    if let Some(error) = transport_error::proxy_asks(status, &realm.route, url) {
        return Err(error.within("the token server"));
    }
    let mut body = Vec::new();
    let broke =
        |error| Error::new(Code::Network, format!("the token server's answer broke off: {error}")).with_url(url);
    let too_long = |_| Error::new(Code::Timeout, "the token server's answer takes too long").with_url(url).as_stall();
    // For all of it: a server that dribbles could make it last for ever.
    let end = begun + longest;
    while let Some(piece) = timeout_at(end.into(), response.chunk()).await.map_err(too_long)?.map_err(broke)? {
        body.extend_from_slice(&piece);
        if body.len() as u64 > ANSWER_LIMIT {
            let message = format!("the token server's answer is larger than {ANSWER_LIMIT} bytes");
            return Err(Error::new(Code::LimitExceeded, message).with_url(url));
        }
    }
    Ok(Answered { status, after: retry::retry_after(&headers, SystemTime::now()), headers, body })
}

fn is_of_token_servers(code: Code) -> bool {
    use Code::{Forbidden, LimitExceeded, Protocol, RateLimited, Server, Timeout, Unauthenticated};
    matches!(code, Forbidden | LimitExceeded | Protocol | RateLimited | Server | Timeout | Unauthenticated)
}

fn read(answered: Answered, realm: &Realm, url: &Url) -> Result<Token> {
    let host = transport_error::host_of(url);
    if answered.status.is_redirection() {
        let message = format!("the token server {host} redirects elsewhere: redirects are followed on the same server only, those of a POST only by 307 and 308");
        return Err(Error::new(Code::Redirect, message).with_http_status(answered.status.as_u16()).with_url(url));
    }
    if !answered.status.is_success() {
        let what = format!("the token server {host} refuses a token");
        let error = crate::auth::registry_error::error_of(
            answered.status.as_u16(),
            &answered.headers,
            &answered.body,
            url,
            &what,
        );
        // Wrong credentials, whatever the status: there is nothing else that a token server refuses by these.
        let identity = matches!(realm.credentials, Credentials::IdentityToken { .. });
        let invalid = error.registry_errors().iter().any(|error| error.code == "invalid_grant");
        return Err(match (answered.status.as_u16(), realm.has_credentials()) {
            (status @ (400 | 401), _) if identity && (status == 401 || invalid) => error
                .with_code(Code::Unauthenticated)
                .with_hint("the identity token is not taken: it may have expired, then a new login is needed"),
            (401, true) => error.with_code(Code::Unauthenticated).with_hint("check the user name and the password"),
            (401 | 403, false) => error.with_code(Code::Unauthenticated).with_hint("it wants credentials"),
            // Nothing that it says is about what the registry has or can do.
            _ if !is_of_token_servers(error.code()) => {
                error.with_code(Code::Http).with_hint("the registry names this token server: ask its administrator")
            }
            _ => error,
        });
    }
    token_response::parse_answer(&answered.body, SystemTime::now())
        .map_err(|error| error.within(format!("the token server {host}")).with_url(url))
}
