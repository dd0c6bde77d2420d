//! A request is sent until there is an answer: where redirects lead, and again while that makes sense.

use std::time::{Duration, SystemTime};

use ::http::header::LOCATION;
use ::http::StatusCode;
use serde_json::json;
use url::Url;

use super::exchange::Leg;
use super::host_trust::HostTrust;
use super::location::Location;
use super::redirect::{self, RedirectChain};
use super::request::{Redirects, Repeat};
use super::response::{Hop, Response};
use super::retry::{self, Backoff};
use super::{Http, Request};
use crate::call::Call;
use crate::error::{Code, Error, Result};
use crate::statuses;

impl Http {
    /// Sends a request to this location, follows its redirects, and repeats it while that makes sense.
    ///
    /// A response with an error status is a response: only a request without a response is an error here.
    pub fn send(&self, call: &Call, to: &Location, request: &mut Request) -> Result<Response> {
        let has_alternative = to.endpoint_settings.as_ref().is_some_and(|settings| settings.has_alternative);
        let mut tries = Tries::new(self.options().retries, has_alternative);
        loop {
            tries.count += 1;
            let outcome = self.follow(call, to, request, tries.count);
            let Some(wait) = tries.wait(call, request, &outcome)? else { return tried(outcome, tries.count) };
            call.log(|| json!({"event": "retry", "reason": reason(&outcome), "wait_ms": wait.as_millis() as u64}))?;
            drop(outcome);
            call.sleep(wait)?;
        }
    }

    /// One attempt: the request, and the redirects that follow.
    fn follow(&self, call: &Call, home: &Location, request: &mut Request, attempt: u32) -> Result<Response> {
        let mut chain = RedirectChain::new(self.options().max_redirects);
        let mut leg = Leg { at: home.clone(), at_home: true, attempt };
        let (mut hops, mut first_headers) = (Vec::new(), None);
        loop {
            chain.visit(&leg.at.url)?;
            let mut response = self.exchange(call, request, &leg).map_err(|error| error.with_url(&leg.at.url))?;
            let body_is_gone = redirect::keeps_body(response.status) && !request.body.rewind()?;
            let Some(target) = target_of(request, &response, home, body_is_gone)? else {
                (response.hops, response.first_headers) = (hops, first_headers);
                (response.trust, response.endpoint_settings) = (leg.at.trust, leg.at.endpoint_settings);
                return Ok(response);
            };
            hops.push(Hop { status: response.status.as_u16(), url: target.clone() });
            first_headers.get_or_insert_with(|| response.headers.clone());
            // Reading a small rest of the body allows the connection to be reused.
            response.beginning(call, 4096);
            if !home.is_origin_of(&target) {
                // Once dropped, credentials are not sent again in the rest of the chain.
                leg.at_home = false;
                (leg.at.trust, leg.at.endpoint_settings) = (HostTrust::said_by(response.remote), home.beyond());
            }
            leg.at.url = target;
        }
    }
}

/// The URL to which a response redirects this request; None if the response is final.
fn target_of(request: &Request, response: &Response, home: &Location, body_is_gone: bool) -> Result<Option<Url>> {
    let location = response.headers.get(LOCATION);
    let target = redirect::next(&request.method, response.status, &response.url, location, body_is_gone)?;
    Ok(target.filter(|target| request.redirects == Redirects::Anywhere || home.is_origin_of(target)))
}

struct Tries {
    count: u32,
    most: u32,
    backoff: Backoff,
    /// Another endpoint can be asked instead.
    has_alternative: bool,
    expired_before: bool,
    stalled_before: bool,
}

impl Tries {
    fn new(retries: u32, has_alternative: bool) -> Tries {
        let most = if has_alternative { retries.min(1) } else { retries }.saturating_add(1);
        Tries { count: 0, most, backoff: Backoff::new(), has_alternative, expired_before: false, stalled_before: false }
    }

    /// How long to wait before the next try; None when there is none.
    fn wait(&mut self, call: &Call, request: &Request, outcome: &Result<Response>) -> Result<Option<Duration>> {
        let repeatable = request.body.can_be_repeated();
        let is_last = self.count >= self.most || request.repeat == Repeat::Never || !repeatable;
        let wait = match outcome {
            Ok(response) if repeatable && !self.expired_before && signed_url_expired(request, response) => {
                self.expired_before = true;
                Some(Duration::ZERO)
            }
            _ if is_last => None,
            Ok(response) if retry::retry_status(response.status) => self.after_status(call, response)?,
            Ok(_) => None,
            Err(error) => self.after_error(request, error),
        };
        Ok(wait.filter(|wait| call.remaining().is_none_or(|left| left > *wait)))
    }

    fn after_status(&mut self, call: &Call, response: &Response) -> Result<Option<Duration>> {
        let after = retry::retry_after(&response.headers, SystemTime::now());
        if self.has_alternative && (after.is_some() || response.status == StatusCode::TOO_MANY_REQUESTS) {
            return Ok(None);
        }
        match retry::wait_for(after, self.backoff.delay(self.count), call.remaining()) {
            Ok(wait) => Ok(Some(wait)),
            // The response itself has the best explanation: its text and headers are kept.
            Err(_) if response.status == StatusCode::TOO_MANY_REQUESTS => Ok(None),
            Err(error) => Err(error
                .with_http_status(response.status.as_u16())
                .with_url(&response.url)
                .with_rate_limit(response.rate_limit())
                .with_attempts(self.count)),
        }
    }

    fn after_error(&mut self, request: &Request, error: &Error) -> Option<Duration> {
        let helps = match error.code() {
            Code::Connect | Code::Timeout if self.has_alternative => false,
            // Without a connection nothing was sent; a proxy that requires other credentials will continue to do so.
            Code::Connect if error.http_status().is_none() => true,
            Code::Network => request.repeat == Repeat::Always,
            // It costs the whole idle limit, so one more attempt is enough.
            _ if error.is_stall() && !self.stalled_before => {
                self.stalled_before = request.repeat == Repeat::Always;
                self.stalled_before
            }
            _ => false,
        };
        helps.then(|| self.backoff.delay(self.count))
    }
}

/// A signed URL is valid only for minutes: its refusal means that it has expired, not that access is denied.
fn signed_url_expired(request: &Request, response: &Response) -> bool {
    request.redirects == Redirects::Anywhere
        && !response.hops.is_empty()
        && statuses::is_about_an_old_url(response.status.as_u16())
}

fn tried(outcome: Result<Response>, attempts: u32) -> Result<Response> {
    match outcome {
        Ok(mut response) => {
            response.attempts = attempts;
            Ok(response)
        }
        Err(error) => Err(error.with_attempts(attempts)),
    }
}

fn reason(outcome: &Result<Response>) -> String {
    match outcome {
        Ok(response) => format!("status {}", response.status.as_u16()),
        Err(error) => error.message().to_owned(),
    }
}
