//! A request, before it is sent.

use std::time::Duration;

use ::http::header::{HeaderMap, HeaderName, HeaderValue};
use ::http::Method;

use super::location::Location;
use super::response::WholeBody;
use super::route::Route;
use super::upload::Body;
use crate::error::{Code, Error, Result};

/// When a request may be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    Never,
    /// When the server answered that it did not carry it out.
    WhenRefused,
    /// Also when there was no response: the request is idempotent.
    Always,
}

/// Which redirects a request follows. A redirect that is not followed is the response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redirects {
    /// All; what is secret stays with the origin of the request.
    Anywhere,
    /// Redirects to the origin of the request.
    SameOrigin,
}

/// One request, with the rules for sending it.
pub struct Request<'a> {
    /// The method, unchanged by redirects.
    pub method: Method,
    /// Its headers, without credentials. A Cookie goes to the origin that it is sent to, and to no other.
    pub headers: HeaderMap,
    /// The credentials for the origin that it is sent to; no other ever sees them.
    pub authorization: Option<HeaderValue>,
    /// The body, empty by default.
    pub body: Body<'a>,
    /// When it may be repeated.
    pub repeat: Repeat,
    /// Which of its redirects are followed.
    pub redirects: Redirects,
    /// The route to the host that it is sent to, when it is not the client's own for that host.
    pub route: Option<Route>,
    /// How long the response may take, headers and body in all; else each part has the client's limits.
    pub answer_within: Option<Duration>,
    /// The location whose host its bodies count for, when they count for one: the limits in bytes a second.
    pub(crate) counted_for: Option<Location>,
    /// Read the body of a successful response immediately, so that a break in it counts as a failure of the request.
    pub whole: Option<WholeBody>,
}

impl<'a> Request<'a> {
    /// A request without headers and body. Its URL is given when it is sent.
    pub fn new(method: Method) -> Request<'a> {
        let repeat = match method {
            Method::GET | Method::HEAD | Method::DELETE => Repeat::Always,
            _ => Repeat::Never,
        };
        let headers = HeaderMap::new();
        Request {
            method,
            headers,
            authorization: None,
            body: Body::Empty,
            repeat,
            redirects: Redirects::Anywhere,
            route: None,
            answer_within: None,
            counted_for: None,
            whole: None,
        }
    }

    /// Adds a header; an error if the value is not allowed in one.
    pub fn header(mut self, name: HeaderName, value: &str) -> Result<Request<'a>> {
        let value = HeaderValue::from_str(value)
            .map_err(|_| Error::new(Code::InvalidArgument, format!("the {name} header cannot contain this value")))?;
        self.headers.insert(name, value);
        Ok(self)
    }

    /// Reads the body of a successful response immediately.
    pub fn whole(mut self, limit: u64, what: &'static str) -> Request<'a> {
        self.whole = Some(WholeBody { limit, what, labelled: true });
        self
    }

    /// Sets when it may be repeated.
    pub fn repeat(mut self, repeat: Repeat) -> Request<'a> {
        self.repeat = repeat;
        self
    }

    /// Sets the body.
    pub fn body(mut self, body: Body<'a>) -> Request<'a> {
        self.body = body;
        self
    }
}
