//! One request done right: retry, redirect, limits, deadlines, trace. Knows no registry.

pub(crate) mod address;
pub(crate) mod ahead;
pub(crate) mod certs_d;
mod decode;
pub(crate) mod handshake;
pub(crate) mod headers;
pub(crate) mod hosts;
pub(crate) mod link;
pub(crate) mod origin;
mod own;
pub(crate) mod pem;
pub(crate) mod pool;
pub(crate) mod proxy;
pub(crate) mod range;
pub(crate) mod redact;
pub(crate) mod redirect;
pub(crate) mod request;
pub(crate) mod resolver;
pub(crate) mod response;
pub(crate) mod retry;
pub(crate) mod route;
pub(crate) mod settings;
pub(crate) mod throttle;
pub(crate) mod tls;
pub(crate) mod transport_error;
pub(crate) mod upload;
pub(crate) mod warning;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use ::http::header::{HeaderMap, HeaderValue, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_LENGTH, COOKIE, LOCATION};
use ::http::{Method, StatusCode};
use serde_json::{json, Value};
use url::Url;

use crate::call::{Call, Limit};
use crate::error::{Code, Result};
use crate::statuses;
use handshake::Watch;
use hosts::Hosts;
use origin::Origin;
use pool::Wire;
pub(crate) use request::Repeat;
pub use request::Request;
use resolver::Guard;
use response::{Answer, Hop};
use route::Route;
use settings::{ClientOptions, Network};
use throttle::{Place, Throttle};
use upload::{Body, Limits};

/// The HTTP of one client: its connections, and the ways to its hosts.
pub struct Http {
    wire: Wire,
    hosts: Hosts,
}

impl Http {
    /// With the client's options.
    pub fn new(options: ClientOptions) -> Result<Http> {
        Ok(Http { hosts: Hosts::new(&options)?, wire: Wire::new(options) })
    }

    /// The client's options.
    pub fn options(&self) -> &ClientOptions {
        self.wire.options()
    }

    /// The wire, for work that no call owns.
    pub fn wire(&self) -> &Wire {
        &self.wire
    }

    /// What the caller says about the network of a URL's host; never inherited by the hosts that it names.
    pub fn set_network(&self, url: &Url, network: Network) -> Result<()> {
        self.hosts.set(url, network)
    }

    /// The way to a URL's host. `is_ours`: the caller names it, or trusts it as one of his own.
    pub fn route(&self, url: &Url, is_ours: bool) -> Result<Route> {
        self.hosts.route(url, is_ours).map_err(|error| error.with_url(url))
    }

    /// The headers that the caller adds for a URL's host.
    pub fn headers(&self, url: &Url) -> headers::Headers {
        self.hosts.headers(url)
    }

    /// What may be asked of a URL's host, for work that no call owns.
    pub fn throttle(&self, url: &Url) -> Arc<Throttle> {
        self.hosts.throttle(url)
    }

    /// How a URL's host is reached, for the caller to read: `proxy` (string or null, without credentials), `unix_socket`
    /// (string or null), `address` (string or null), `insecure` (bool), `ca_files` (list of strings), `ca_only` (bool),
    /// `client_cert_file` and `client_key_file` (string or null), `headers` (list of names), `max_connections_per_host`
    /// and `requests_per_second` (numbers). No secret is in it.
    pub fn explain_route(&self, url: &Url) -> Result<Value> {
        self.hosts.explain(url)
    }

    /// Sends a request, follows its redirects, and repeats it while that makes sense.
    ///
    /// An answer with an error status is an answer: only what could not be answered is an error here.
    pub fn send(&self, call: &Call, request: &mut Request) -> Result<Answer> {
        let mut backoff = retry::Backoff::new(seed());
        let (mut expired_before, mut stalled_before) = (false, false);
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
                        // The answer itself says best why: its text and its headers are kept.
                        Err(_) if answer.status == StatusCode::TOO_MANY_REQUESTS => return tried(outcome, attempt),
                        Err(error) => return Err(error.with_attempts(attempt)),
                    }
                }
                // Without a connection nothing was sent; a proxy that wants other credentials will go on wanting them.
                Err(error) if error.code() == Code::Connect && error.http_status().is_none() => backoff.delay(attempt),
                Err(error) if error.code() == Code::Network && request.repeat == Repeat::Always => {
                    backoff.delay(attempt)
                }
                // It costs the whole idle limit, so one more try is enough.
                Err(error) if error.is_stall() && request.repeat == Repeat::Always && !stalled_before => {
                    stalled_before = true;
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
        let mut at_home = true;
        let mut url = request.url.clone();
        let mut guard = request.guard;
        let mut hops: Vec<Hop> = Vec::new();
        let mut first_headers = None;
        loop {
            let mut answer =
                self.exchange(call, request, &url, guard, at_home, attempt).map_err(|error| error.with_url(&url))?;
            let location = answer.headers.get(LOCATION);
            let body_is_gone = redirect::keeps_body(answer.status) && !request.body.rewind()?;
            let target = redirect::next(&request.method, answer.status, &url, location, body_is_gone)?;
            let Some(target) = target else {
                (answer.hops, answer.guard) = (hops, guard);
                answer.first_headers = first_headers;
                return Ok(answer);
            };
            chain.visit(&target)?;
            hops.push(Hop { status: answer.status.as_u16(), url: target.clone() });
            first_headers.get_or_insert_with(|| answer.headers.clone());
            // A small rest of the body lets the connection be used again.
            answer.beginning(call, 4096);
            if Origin::of(&target) != origin {
                // Once gone, credentials stay away for the rest of the chain.
                at_home = false;
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
        at_home: bool,
        attempt: u32,
    ) -> Result<Answer> {
        let route = self.route(url, guard == Guard::Caller)?;
        route.check(url, guard)?;
        let pool = self.wire.pool(&route, guard)?;
        let mut headers = request.headers.clone();
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if let Some(value) = request.authorization.as_ref().filter(|_| at_home) {
            headers.insert(AUTHORIZATION, value.clone());
        }
        if !at_home {
            headers.remove(COOKIE);
        }
        if guard == Guard::Caller {
            self.headers(url).put_into(&mut headers);
        }
        call.log(|| {
            json!({"event": "request", "method": request.method.as_str(), "url": redact::url(url),
                   "attempt": attempt, "headers": redact::headers(&headers)})
        })?;
        let throttle = self.throttle(url);
        let place = throttle.enter(call)?;
        let begun = Instant::now();
        let mut message = reqwest::Request::new(request.method.clone(), route.wire(url, &mut headers));
        *message.headers_mut() = headers;
        let watch = Watch::default();
        let (outcome, place) = self
            .transfer(call, (&pool, &watch), message, &mut request.body, place)
            .map_err(|error| transport_error::late(error, url, &route, &watch))?;
        let response = outcome.map_err(|error| transport_error::classify(error, url, &route, &watch))?;
        let (method, options) = (request.method.clone(), self.options());
        let mut answer = Answer::new(method, response, url.clone(), &route, options.idle(), options.slowest());
        let milliseconds = begun.elapsed().as_millis() as u64;
        if retry::retry_status(answer.status) {
            retry::retry_after(&answer.headers, SystemTime::now()).inspect(|after| throttle.told_to_wait(*after));
        }
        // With its place, so before the caller's hook, which may make calls of its own.
        let read = match request.whole.filter(|_| answer.status.is_success()) {
            Some(whole) => answer.read_whole(call, whole.limit, whole.what),
            None => Ok(()),
        };
        drop(place);
        call.log(|| {
            json!({"event": "response", "method": request.method.as_str(), "url": redact::url(url),
                   "status": answer.status.as_u16(), "headers": redact::headers(&answer.headers),
                   "milliseconds": milliseconds})
        })?;
        call.warn(url, warning::parse(&answer.headers))?;
        read?;
        transport_error::proxy_asks(answer.status, &route, url).map_or(Ok(answer), Err)
    }

    fn transfer(
        &self,
        call: &Call,
        (pool, watch): (&reqwest::Client, &Watch),
        mut message: reqwest::Request,
        body: &mut Body,
        mut place: Place,
    ) -> Result<(reqwest::Result<reqwest::Response>, Place)> {
        let idle = self.options().idle();
        let wants_length = matches!(*message.method(), Method::POST | Method::PUT | Method::PATCH);
        let no_answer = Limit { time: idle, what: "no answer from the server" };
        let limits = Limits {
            piece: Limit { time: idle, what: "the server took no byte of the upload" },
            answer: Limit { time: self.options().answer(), what: "no answer to the upload" },
        };
        let send = |message| call.engine().aside(watch.over(pool.execute(message)));
        let outcome = match body {
            Body::Bytes(bytes) if bytes.len() > upload::SMALL => {
                let (sender, body) = upload::pipe(bytes.len() as u64);
                *message.body_mut() = Some(body);
                let size = bytes.len() as u64;
                let quiet = call.without_progress();
                upload::feed(&quiet, send(message), sender, &mut bytes.clone(), (size, 0), &limits)
            }
            Body::Stream { source, size, done } if *size > 0 => {
                let (sender, body) = upload::pipe(*size);
                *message.body_mut() = Some(body);
                // Its source may need a place of its own.
                place.leave();
                upload::feed(call, send(message), sender, *source, (*size, *done), &limits)
            }
            body => {
                match body {
                    Body::Bytes(bytes) => *message.body_mut() = Some(bytes.clone().into()),
                    // Some registries answer 411 to a body-less POST without it.
                    _ if wants_length => {
                        message.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
                    }
                    _ => {}
                }
                // What changes the registry may take it long; opening an upload must not.
                let slow = message.body().is_some() || *message.method() == Method::PUT;
                call.wait(Some(if slow { limits.answer } else { no_answer }), send(message))
            }
        };
        Ok((outcome?, place))
    }

    /// Whether the server at this URL speaks TLS at all. A certificate that does not verify is an error, not a no.
    pub fn speaks_tls(&self, call: &Call, url: &Url) -> Result<bool> {
        let route = self.route(url, true)?;
        let pool = self.wire.pool(&route, Guard::Caller)?;
        let limit = Limit { time: self.options().idle(), what: "no answer from the server" };
        let mut headers = HeaderMap::new();
        let mut request = reqwest::Request::new(Method::GET, route.wire(url, &mut headers));
        *request.headers_mut() = headers;
        let _place = self.throttle(url).enter(call)?;
        let watch = Watch::default();
        let outcome = call.wait(Some(limit), call.engine().aside(watch.over(pool.execute(request))));
        match outcome.map_err(|error| transport_error::late(error, url, &route, &watch).with_url(url))? {
            Ok(_) => Ok(true),
            Err(error) if transport_error::speaks_no_tls(&error) => Ok(false),
            Err(error) => Err(transport_error::classify(error, url, &route, &watch)),
        }
    }

    /// Closes the pooled connections.
    pub fn close(&self) {
        self.wire.close();
    }
}

/// A URL that a server signed for us is good for minutes only: its refusal says that it is old, not that we may not.
fn signed_url_expired(answer: &Answer) -> bool {
    !answer.hops.is_empty() && statuses::is_about_an_old_url(answer.status.as_u16())
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
pub(crate) fn seed() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::collections::hash_map::RandomState::new().build_hasher().finish()
}
