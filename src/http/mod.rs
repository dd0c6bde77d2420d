//! One request done right: retry, redirect, limits, deadlines, trace. Knows no registry.

pub mod address;
pub mod answer;
pub mod call;
pub mod context;
mod decode;
pub mod engine;
pub mod fault;
pub mod link;
pub mod origin;
pub mod range;
pub mod redact;
pub mod redirect;
pub mod resolver;
pub mod retry;
pub mod settings;
pub mod signal;
pub mod thread;
pub mod tls;
pub mod upload;
pub mod warning;
pub mod wire;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use reqwest::header::{HeaderMap, HeaderValue, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_LENGTH, LOCATION};
use reqwest::Method;
use serde_json::json;
use url::Url;

use crate::error::{Code, Error, Result};
use answer::{Answer, Hop};
use call::{Call, Limit};
use origin::Origin;
use resolver::{Guard, Refused};
use settings::{ClientOptions, Trust};
use upload::{Body, Limits};
use wire::Wire;

/// When a request may be sent a second time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// Never.
    Never,
    /// When the server answered that it did not do it.
    WhenRefused,
    /// Also when no answer came: doing it twice is doing it once.
    Always,
}

/// A request.
pub struct Request<'a> {
    /// Its method.
    pub method: Method,
    /// Where it goes.
    pub url: Url,
    /// Its headers, without credentials.
    pub headers: HeaderMap,
    /// The credentials for the origin of `url`; no other origin ever sees them.
    pub authorization: Option<HeaderValue>,
    /// Its body.
    pub body: Body<'a>,
    /// When it may be sent again.
    pub repeat: Repeat,
    /// Who chose `url`.
    pub guard: Guard,
    /// Read a successful answer's body at once, so that a break in it is a break of the request.
    pub whole: Option<Whole>,
}

/// How a body is read at once.
#[derive(Debug, Clone, Copy)]
pub struct Whole {
    /// The most bytes that it may have.
    pub limit: u64,
    /// What it is, for the error.
    pub what: &'static str,
}

impl<'a> Request<'a> {
    /// A request without headers and body to a URL of the caller's choice.
    pub fn new(method: Method, url: Url) -> Request<'a> {
        let repeat = match method {
            Method::GET | Method::HEAD | Method::DELETE => Repeat::Always,
            _ => Repeat::Never,
        };
        let headers = HeaderMap::new();
        Request {
            method,
            url,
            headers,
            authorization: None,
            body: Body::Empty,
            repeat,
            guard: Guard::Caller,
            whole: None,
        }
    }

    /// Adds a header.
    pub fn header(mut self, name: reqwest::header::HeaderName, value: &str) -> Result<Request<'a>> {
        let value = HeaderValue::from_str(value)
            .map_err(|_| Error::new(Code::InvalidArgument, format!("the {name} header cannot hold this value")))?;
        self.headers.insert(name, value);
        Ok(self)
    }

    /// Reads the body of a successful answer at once.
    pub fn whole(mut self, limit: u64, what: &'static str) -> Request<'a> {
        self.whole = Some(Whole { limit, what });
        self
    }

    /// Says when it may be sent again.
    pub fn repeat(mut self, repeat: Repeat) -> Request<'a> {
        self.repeat = repeat;
        self
    }

    /// Adds a body.
    pub fn body(mut self, body: Body<'a>) -> Request<'a> {
        self.body = body;
        self
    }
}

/// The HTTP of one client: its connections, and how each host is to be trusted.
pub struct Http {
    wire: Wire,
    trust: Mutex<HashMap<(String, u16), Trust>>,
}

impl Http {
    /// With the client's options.
    pub fn new(options: ClientOptions) -> Http {
        Http { wire: Wire::new(options), trust: Mutex::default() }
    }

    /// The client's options.
    pub fn options(&self) -> &ClientOptions {
        self.wire.options()
    }

    /// The wire, for work that no call owns.
    pub fn wire(&self) -> &Wire {
        &self.wire
    }

    /// Says how one host is to be trusted; never inherited by the hosts that it names.
    pub fn set_trust(&self, host: String, port: u16, trust: Trust) {
        self.trust.lock().unwrap_or_else(PoisonError::into_inner).insert((host, port), trust);
    }

    /// How the host of a URL is to be trusted.
    pub fn trust(&self, url: &Url) -> Trust {
        let options = self.options();
        let key = (url.host_str().unwrap_or_default().to_owned(), url.port_or_known_default().unwrap_or(0));
        let known = self.trust.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        let mut trust = known.unwrap_or_default();
        trust.insecure |= options.insecure;
        if trust.ca_file.is_none() {
            trust.ca_file.clone_from(&options.ca_file);
            trust.ca_only = options.ca_only;
        }
        trust
    }

    /// Sends a request, follows its redirects, and repeats it while that makes sense.
    ///
    /// An answer with an error status is an answer: only what could not be answered is an error here.
    pub fn send(&self, call: &Call, request: &mut Request) -> Result<Answer> {
        let mut backoff = retry::Backoff::new(seed());
        let mut expired_before = false;
        let mut attempt = 1;
        loop {
            let outcome = self.follow(call, request, attempt);
            let last =
                attempt > self.options().retries || request.repeat == Repeat::Never || !request.body.can_be_repeated();
            let wait = match &outcome {
                Ok(answer) if signed_url_expired(answer) && !expired_before && request.body.can_be_repeated() => {
                    expired_before = true;
                    Duration::ZERO
                }
                _ if last => return tried(outcome, attempt),
                Ok(answer) if retry::retry_status(answer.status) => {
                    match wait_for(call, answer, backoff.delay(attempt)) {
                        Ok(wait) => wait,
                        Err(error) => return Err(error.with_attempts(attempt)),
                    }
                }
                // Without a connection nothing was sent.
                Err(error) if error.code() == Code::Connect => backoff.delay(attempt),
                Err(error) if error.code() == Code::Network && request.repeat == Repeat::Always => {
                    backoff.delay(attempt)
                }
                _ => return tried(outcome, attempt),
            };
            if call.remaining().is_some_and(|left| left <= wait) {
                return tried(outcome, attempt);
            }
            call.log(|| json!({"event": "retry", "reason": reason(&outcome), "wait_ms": wait.as_millis() as u64}))?;
            drop(outcome);
            call.sleep(wait)?;
            attempt += 1;
        }
    }

    fn follow(&self, call: &Call, request: &mut Request, attempt: u32) -> Result<Answer> {
        let mut chain = redirect::Chain::new(self.options().max_redirects);
        chain.visit(&request.url)?;
        let origin = Origin::of(&request.url);
        let mut authorized = request.authorization.is_some();
        let mut url = request.url.clone();
        let mut guard = request.guard;
        let mut hops: Vec<Hop> = Vec::new();
        let mut first_headers = None;
        loop {
            let sends_body = !request.body.is_empty();
            let can_be_repeated = request.body.can_be_repeated();
            let mut answer = self.exchange(call, request, &url, guard, authorized, attempt)?;
            let location = answer.headers.get(LOCATION);
            let target =
                redirect::next(&request.method, answer.status, &url, location, sends_body && !can_be_repeated)?;
            let Some(target) = target else {
                answer.hops = hops;
                answer.first_headers = first_headers;
                if let Some(whole) = request.whole.filter(|_| answer.status.is_success()) {
                    answer.read_whole(call, whole.limit, whole.what)?;
                }
                return Ok(answer);
            };
            chain.visit(&target)?;
            hops.push(Hop { status: answer.status.as_u16(), url: target.clone() });
            first_headers.get_or_insert_with(|| answer.headers.clone());
            // A small rest of the body lets the connection be used again.
            answer.beginning(call, 4096);
            if Origin::of(&target) != origin {
                // Once gone, credentials stay away for the rest of the chain.
                authorized = false;
                guard = Guard::said_by(answer.remote);
            }
            url = target;
        }
    }

    fn exchange(
        &self,
        call: &Call,
        request: &mut Request,
        url: &Url,
        guard: Guard,
        authorized: bool,
        attempt: u32,
    ) -> Result<Answer> {
        Refused::check(url, guard).map_err(|refused| Error::new(Code::Redirect, refused.to_string()).with_url(url))?;
        let pool = self.wire.pool(&self.trust(url), guard)?;
        let mut headers = request.headers.clone();
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if let Some(value) = request.authorization.as_ref().filter(|_| authorized) {
            headers.insert(AUTHORIZATION, value.clone());
        }
        call.log(|| {
            json!({"event": "request", "method": request.method.as_str(), "url": redact::url(url),
                   "attempt": attempt, "headers": redact::headers(&headers)})
        })?;
        let begun = Instant::now();
        let response = self.transfer(call, &pool, request, url, headers)?;
        let answer = Answer::new(response, url.clone(), self.options().idle());
        call.log(|| {
            json!({"event": "response", "method": request.method.as_str(), "url": redact::url(url),
                   "status": answer.status.as_u16(), "headers": redact::headers(&answer.headers),
                   "milliseconds": begun.elapsed().as_millis() as u64})
        })?;
        call.warn(url, warning::parse(&answer.headers))?;
        Ok(answer)
    }

    fn transfer(
        &self,
        call: &Call,
        pool: &reqwest::Client,
        request: &mut Request,
        url: &Url,
        mut headers: HeaderMap,
    ) -> Result<reqwest::Response> {
        let idle = self.options().idle();
        let wants_length = matches!(request.method, Method::POST | Method::PUT | Method::PATCH);
        let no_answer = Limit { time: idle, what: "no answer from the server" };
        let limits = Limits {
            piece: Limit { time: idle, what: "the server took no byte of the upload" },
            answer: Limit { time: self.options().answer(), what: "no answer to the upload" },
        };
        let mut message = reqwest::Request::new(request.method.clone(), url.clone());
        let outcome = match &mut request.body {
            Body::Bytes(bytes) if bytes.len() > upload::SMALL => {
                let (sender, body) = upload::pipe(bytes.len() as u64);
                *message.headers_mut() = headers;
                *message.body_mut() = Some(body);
                let size = bytes.len() as u64;
                let quiet = call.without_progress();
                upload::feed(&quiet, pool.execute(message), sender, &mut bytes.as_ref(), (size, 0), &limits)
            }
            Body::Stream { source, size, done } if *size > 0 => {
                let (sender, body) = upload::pipe(*size);
                *message.headers_mut() = headers;
                *message.body_mut() = Some(body);
                upload::feed(call, pool.execute(message), sender, *source, (*size, *done), &limits)
            }
            body => {
                match body {
                    Body::Bytes(bytes) => *message.body_mut() = Some(bytes.clone().into()),
                    // Some registries answer 411 to a body-less POST without it.
                    _ if wants_length => drop(headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"))),
                    _ => {}
                }
                *message.headers_mut() = headers;
                // What changes the registry may take it long; opening an upload must not.
                let limit =
                    if message.body().is_some() || request.method == Method::PUT { limits.answer } else { no_answer };
                call.wait(Some(limit), pool.execute(message))
            }
        };
        outcome.map_err(|error| error.with_url(url))?.map_err(|error| fault::classify(error, url))
    }

    /// Whether the server at this URL speaks TLS at all. A certificate that does not verify is an error, not a no.
    pub fn speaks_tls(&self, call: &Call, url: &Url) -> Result<bool> {
        let pool = self.wire.pool(&self.trust(url), Guard::Caller)?;
        let limit = Limit { time: self.options().idle(), what: "no answer from the server" };
        let request = reqwest::Request::new(Method::GET, url.clone());
        match call.wait(Some(limit), pool.execute(request)).map_err(|error| error.with_url(url))? {
            Ok(_) => Ok(true),
            Err(error) if fault::speaks_no_tls(&error) => Ok(false),
            Err(error) => Err(fault::classify(error, url)),
        }
    }

    /// Closes the pooled connections.
    pub fn close(&self) {
        self.wire.close();
    }
}

/// A URL that a server signed for us is good for minutes only: its refusal says that it is old, not that we may not.
fn signed_url_expired(answer: &Answer) -> bool {
    !answer.hops.is_empty() && matches!(answer.status.as_u16(), 400 | 403 | 410)
}

fn wait_for(call: &Call, answer: &Answer, backoff: Duration) -> Result<Duration> {
    let after = retry::retry_after(&answer.headers, SystemTime::now());
    retry::wait_for(after, backoff, call.remaining())
        .map_err(|error| error.with_http_status(answer.status.as_u16()).with_url(&answer.url))
        .map_err(|error| error.with_rate_limit(answer.rate_limit()))
}

fn tried(outcome: Result<Answer>, attempts: u32) -> Result<Answer> {
    match outcome {
        Ok(mut answer) => {
            answer.attempts = attempts;
            Ok(answer)
        }
        Err(error) => Err(error.with_attempts(attempts)),
    }
}

fn reason(outcome: &Result<Answer>) -> String {
    match outcome {
        Ok(answer) => format!("status {}", answer.status.as_u16()),
        Err(error) => error.message().to_owned(),
    }
}

/// Jitter needs no secrecy, only difference.
pub fn seed() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::collections::hash_map::RandomState::new().build_hasher().finish()
}
