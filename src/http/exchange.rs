//! One exchange: a request as it goes to one URL, and its response, or why there is none.

use std::time::{Duration, Instant, SystemTime};

use ::http::header::{HeaderMap, HeaderValue, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_LENGTH, COOKIE};
use ::http::Method;
use serde_json::{json, Value};
use url::Url;

use super::address::is_local_name;
use super::byte_rates::Pace;
use super::endpoint_settings::{host_and_port, EndpointSettings};
use super::handshake::HandshakeWatch;
use super::host_trust::HostTrust;
use super::lanes::{many, LaneInUse, ENOUGH, REST};
use super::location::Location;
use super::origin::host_of;
use super::response::{BodyTerms, Patience, Response};
use super::route::Route;
use super::throttle::{Permit, Throttle};
use super::upload::{self, Body, UploadLimits};
use super::{redact, retry, transport_error, warning, Http, Request};
use crate::call::{Call, WaitLimit};
use crate::error::{Code, Error, Result};
use crate::mirrors::ForbiddenHosts;

/// One request on the way through redirects.
pub(super) struct Leg {
    pub(super) at: Location,
    /// No redirect has led to another origin yet: credentials may go along.
    pub(super) at_home: bool,
    /// The number of the attempt that it belongs to.
    pub(super) attempt: u32,
}

/// What one request is sent with.
struct Sender<'a> {
    call: &'a Call,
    pool: reqwest::Client,
    /// Where the pool's connections are driven by those who wait for them.
    lane: Option<LaneInUse>,
    /// What the pool's connections were chosen by.
    way: (&'a Route, HostTrust),
    /// The throttle of the host, if the request is a small one.
    small: Option<&'a Throttle>,
    watch: HandshakeWatch,
    /// How long the headers of the response may take.
    answer: WaitLimit,
    /// The most that the response may take, headers and body in all; else each part has the client's limits.
    answer_within: Option<Duration>,
    /// How fast its body may go.
    up: Pace,
}

impl Http {
    /// Refuses what the rule of a mirror blocks, and hosts that must never be asked.
    pub(super) fn not_blocked(&self, at: &Location) -> Result<()> {
        let Some((host, port)) = host_and_port(&at.url) else { return Ok(()) };
        let by_rule = at.endpoint_settings.as_ref().filter(|settings| settings.blocks(&at.url));
        let by_rule = by_rule.map(|_| ForbiddenHosts::ONLY_MIRRORS.to_owned());
        match by_rule.or_else(|| self.forbidden_hosts().why(&host, port)) {
            Some(why) => {
                // A server that leads there may do so unknowingly; what the caller or a file names is simply forbidden.
                let code = if at.is_callers() { Code::Forbidden } else { Code::Redirect };
                Err(Error::new(code, format!("{} {why}", host_of(&at.url))).with_url(&at.url))
            }
            None => Ok(()),
        }
    }

    pub(super) fn exchange(&self, call: &Call, request: &mut Request, leg: &Leg) -> Result<Response> {
        let url = &leg.at.url;
        let route = self.route_of(request, leg)?;
        let paces = self.paces(request.counted_for.as_ref());
        let settings = leg.at.endpoint_settings.as_deref().cloned().unwrap_or_default();
        let mut headers = self.headers_of(request, leg);
        call.log(|| about_request(request, leg, &headers))?;
        if !request.body.is_piped() {
            paces.up.wait(call, usize::try_from(request.body.size()).unwrap_or(usize::MAX))?;
        }
        let throttle = self.throttle(&leg.at);
        let mut permit = throttle.enter(call, settings.has_alternative)?;
        let small = is_small(request).then_some(&*throttle);
        let mut sender = self.sender(call, (&leg.at, &route), small, request.answer_within, paces.up)?;
        let begun = Instant::now();
        let mut message = reqwest::Request::new(request.method.clone(), route.dial_url(url, &mut headers));
        *message.headers_mut() = headers;
        let received = self.receive(&mut sender, message, &mut request.body, &mut permit, (url, &route));
        if let Err(error) = received.as_ref() {
            if settings.has_alternative && error.code() == Code::Timeout && call.check().is_ok() {
                throttle.was_silent(call, error.is_hurried());
            }
        }
        let terms = self.terms(&sender, &settings, begun, paces.down.clone());
        if paces.down.is_limited() {
            // A body that waits for the limit of bytes holds no permit meanwhile.
            permit.give_back();
        }
        let mut response = Response::new(request.method.clone(), received?, url.clone(), &route, (terms, sender.lane));
        let milliseconds = begun.elapsed().as_millis() as u64;
        if retry::retry_status(response.status) {
            retry::retry_after(&response.headers, SystemTime::now()).inspect(|after| throttle.told_to_wait(*after));
        }
        // With its permit, so before the caller's hook, which may make calls of its own.
        let read = read_if_wanted_whole(call, request, &mut response);
        drop(permit);
        call.log(|| {
            json!({"event": "response", "method": request.method.as_str(), "url": redact::url(url),
                   "status": response.status.as_u16(), "headers": redact::headers(&response.headers),
                   "milliseconds": milliseconds})
        })?;
        call.warn(&host_of(url), warning::parse(&response.headers))?;
        read?;
        transport_error::proxy_asks(response.status, &route, url).map_or(Ok(response), Err)
    }

    /// The route that a leg takes: the request's own, or the client's for the host.
    fn route_of(&self, request: &Request, leg: &Leg) -> Result<Route> {
        let (url, trust) = (&leg.at.url, leg.at.trust);
        let route = match &request.route {
            Some(route) if leg.at_home => route.clone(),
            _ => self.route(&leg.at, trust == HostTrust::Caller)?,
        };
        route.check(url, trust)?;
        self.not_blocked(&leg.at)?;
        Ok(route)
    }

    /// The headers that a leg has: nothing secret leaves the request's origin, and the caller's own go only to hosts that the caller chose.
    fn headers_of(&self, request: &Request, leg: &Leg) -> HeaderMap {
        let mut headers = request.headers.clone();
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if let Some(value) = request.authorization.as_ref().filter(|_| leg.at_home) {
            headers.insert(AUTHORIZATION, value.clone());
        }
        if !leg.at_home {
            headers.remove(COOKIE);
        }
        if leg.at.trust == HostTrust::Caller {
            self.headers(&leg.at).put_into(&mut headers);
        }
        headers
    }

    /// What holds for the body of an answer that begins now.
    fn terms(&self, sender: &Sender, settings: &EndpointSettings, begun: Instant, limit: Pace) -> BodyTerms {
        let idle = WaitLimit::new(self.options().idle(), "no byte of the response arrived");
        let idle = settings.wait(idle, sender.call);
        let end = sender.answer_within.and_then(|time| begun.checked_add(time));
        BodyTerms { patience: Patience { idle, slowest: self.options().slowest(), end }, limit }
    }

    /// What a request to a location is sent with, from now on; `small`: the throttle of the host, if it is a small one.
    fn sender<'a>(
        &self,
        call: &'a Call,
        (at, route): (&Location, &'a Route),
        small: Option<&'a Throttle>,
        answer_within: Option<Duration>,
        up: Pace,
    ) -> Result<Sender<'a>> {
        let usual = WaitLimit::new(answer_within.unwrap_or(self.options().idle()), "no answer from the server");
        let answer = at.endpoint_settings.as_ref().map_or(usual, |settings| settings.wait_for_answer(usual, call));
        let way = (route, at.trust);
        let lane = match small.filter(|throttle| may_have_lane(throttle, &at.url, route)) {
            Some(_) => self.lanes.take(call, &self.pools, way)?,
            None => None,
        };
        let (lane, pool) = match lane {
            Some((lane, pool)) => (Some(lane), pool),
            None => (None, self.pools.get(route, at.trust)?),
        };
        Ok(Sender { call, pool, lane, way, small, watch: HandshakeWatch::default(), answer, answer_within, up })
    }

    /// Sends a request, and waits for the headers of its response.
    fn receive(
        &self,
        sender: &mut Sender,
        message: reqwest::Request,
        body: &mut Body,
        permit: &mut Permit,
        (url, route): (&Url, &Route),
    ) -> Result<reqwest::Response> {
        self.transfer(sender, message, body, permit)
            .map_err(|error| transport_error::late(error, url, route, &sender.watch))?
            .map_err(|error| transport_error::classify(error, url, route, &sender.watch))
    }

    fn transfer(
        &self,
        sender: &mut Sender,
        mut message: reqwest::Request,
        body: &mut Body,
        permit: &mut Permit,
    ) -> Result<reqwest::Result<reqwest::Response>> {
        let call = sender.call;
        let no_answer = sender.answer;
        let limits = UploadLimits {
            piece: WaitLimit::new(self.options().idle(), "the server took no byte of the upload"),
            response: match sender.answer_within {
                Some(_) => no_answer,
                None => WaitLimit::new(self.options().response(), "no answer to the upload"),
            },
        };
        let up = &sender.up;
        let send = |message| call.engine().aside(sender.watch.over(sender.pool.execute(message)));
        match body {
            Body::Bytes(bytes) if bytes.len() > upload::SMALL => {
                let size = bytes.len() as u64;
                let (pieces, piped) = upload::pipe(size);
                *message.body_mut() = Some(piped);
                let quiet = call.without_progress();
                if up.is_limited() {
                    permit.give_back();
                }
                upload::feed(&quiet, send(message), pieces, &mut bytes.clone(), (size, 0), (&limits, up))
            }
            Body::Stream { source, size, done } if *size > 0 => {
                let (pieces, piped) = upload::pipe(*size);
                *message.body_mut() = Some(piped);
                // The source of the bytes may be another request to this host, which then waits for a permit.
                permit.give_back();
                upload::feed(call, send(message), pieces, *source, (*size, *done), (&limits, up))
            }
            body => {
                put_small(body, &mut message);
                // Requests that change the registry may take long; opening an upload must not.
                let slow = message.body().is_some() || *message.method() == Method::PUT;
                let limit = if slow { limits.response } else { no_answer };
                match sender.lane {
                    Some(_) => self.send_in_lane(sender, limit, message),
                    None => call.wait(Some(limit), send(message)),
                }
            }
        }
    }

    /// Sends something small over its lane. If that gets no connection, one may be ready among those that all share.
    // Apart from the rest, because the request is large here while it is under way: calls on small stacks do not come here.
    #[inline(never)]
    fn send_in_lane(
        &self,
        sender: &mut Sender,
        limit: WaitLimit,
        message: reqwest::Request,
    ) -> Result<reqwest::Result<reqwest::Response>> {
        let (call, again) = (sender.call, message.try_clone());
        let sent = sender.watch.over(sender.pool.execute(message));
        let outcome = match &mut sender.lane {
            Some(lane) => lane.wait(call, limit, sent)?,
            None => call.wait(Some(limit), sent)?,
        };
        match (outcome, again) {
            (Err(error), Some(again)) if transport_error::has_no_connection(&error) => {
                sender.lane = None;
                sender.small.inspect(|throttle| throttle.has_no_more_connections());
                sender.pool = self.pools.get(sender.way.0, sender.way.1)?;
                let sent = sender.watch.over(sender.pool.execute(again));
                call.wait(Some(limit), call.engine().aside(sent))
            }
            (outcome, _) => Ok(outcome),
        }
    }

    /// Whether the server at this location speaks TLS at all. A certificate that does not verify is an error, not a "no".
    pub(crate) fn speaks_tls(&self, call: &Call, at: &Location) -> Result<bool> {
        self.not_blocked(at)?;
        let (url, route) = (&at.url, self.route(at, true)?);
        let has_alternative = at.endpoint_settings.as_ref().is_some_and(|settings| settings.has_alternative);
        let mut headers = HeaderMap::new();
        let mut message = reqwest::Request::new(Method::GET, route.dial_url(url, &mut headers));
        *message.headers_mut() = headers;
        let mut permit = self.throttle(at).enter(call, has_alternative)?;
        let mut sender = self.sender(call, (at, &route), None, None, Pace::default())?;
        let outcome = self.transfer(&mut sender, message, &mut Body::Empty, &mut permit);
        match outcome.map_err(|error| transport_error::late(error, url, &route, &sender.watch).with_url(url))? {
            Ok(_) => Ok(true),
            Err(error) if transport_error::speaks_no_tls(&error) => Ok(false),
            Err(error) => Err(transport_error::classify(error, url, &route, &sender.watch)),
        }
    }
}

fn about_request(request: &Request, leg: &Leg, headers: &HeaderMap) -> Value {
    json!({"event": "request", "method": request.method.as_str(), "url": redact::url(&leg.at.url),
           "attempt": leg.attempt, "headers": redact::headers(headers)})
}

/// Whether a request and its response are waited for as a whole, and are not large.
fn is_small(request: &Request) -> bool {
    match request.method {
        Method::HEAD => true,
        Method::GET => request.whole.is_some() && request.body.is_empty(),
        _ => false,
    }
}

/// Reads the body of a response at once, if the request wants that, and trusts its labels only as far as the request does.
fn read_if_wanted_whole(call: &Call, request: &Request, response: &mut Response) -> Result<()> {
    let Some(whole) = request.whole else { return Ok(()) };
    if !whole.labelled {
        response.distrust_labels();
    }
    match response.status.is_success() {
        true => response.read_whole(call, whole),
        false => Ok(()),
    }
}

/// Whether small requests to a host may be made over connections that are driven by those who make them.
///
/// One step of such a connection cannot be ended. Without TLS it lasts as long as what the server sends without end, so only a server on
/// this machine is trusted not to.
fn may_have_lane(throttle: &Throttle, url: &Url, route: &Route) -> bool {
    let is_here =
        route.unix_socket.is_some() || (is_local_name(url) && route.address.is_none() && route.proxy.is_none());
    (is_here || url.scheme() == "https") && throttle.limits().at_once >= ENOUGH && throttle.is_asked_often(many(), REST)
}

/// A body that is given to the HTTP package whole, or none.
fn put_small(body: &Body, message: &mut reqwest::Request) {
    if let Body::Bytes(bytes) = body {
        *message.body_mut() = Some(bytes.clone().into());
    } else if matches!(*message.method(), Method::POST | Method::PUT | Method::PATCH) {
        // Some registries answer 411 to a body-less POST without it.
        message.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
}
