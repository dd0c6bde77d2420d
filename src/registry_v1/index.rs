//! Requests to the index: ping, search, the images of a repository.

use ::http::header::{HeaderName, ACCEPT};
use ::http::{Method, StatusCode};
use serde::Serialize;
use serde_json::{Map, Value};

use super::id::ImageId;
use super::index_server::IndexServer;
use super::index_session::Access;
use super::path::V1Path;
use super::{json, wrong, V1Repository, LARGEST};
use crate::call::Call;
use crate::error::{Code, Error, Result};
use crate::http::location::RequestTarget;
use crate::http::redact::{self, ShownHeaders};
use crate::http::response::Response;
use crate::http::Request;
use crate::options::options;
use crate::reference::Index;
use crate::registry::Client;

/// What a v1 registry says about itself.
#[derive(Debug, Serialize)]
pub struct PingV1 {
    /// The host as given by the caller.
    pub registry: String,
    /// The URL that was asked.
    pub url: String,
    /// 200.
    pub status: u16,
    /// Its X-Docker-Registry-Version.
    pub version: Option<String>,
    /// Whether it needs no index, from X-Docker-Registry-Standalone; None when it does not say.
    pub standalone: Option<bool>,
    /// Its response, if that is JSON: `true`, or an object with the versions of its software.
    pub body: Option<Value>,
    /// The headers of the response, without secrets.
    pub headers: ShownHeaders,
}

options! {
    /// Options of a search.
    #[derive(Debug, Clone)]
    pub struct SearchOptions {
        /// how many a page has, for indexes that have pages
        pub n: Option<u64>,
        /// which page, from 1
        pub page: Option<u64>,
    }
}

/// The images of a repository, as its index lists them.
#[derive(Debug, Serialize)]
pub struct ImageList {
    /// The repository, without its index.
    pub name: String,
    /// The images, with everything that the index says about each.
    pub images: Vec<Map<String, Value>>,
    /// The registry that has them.
    pub endpoint: String,
}

impl Client {
    /// Asks a registry whether it speaks protocol v1. No credentials are sent.
    pub fn v1_ping(&self, call: &Call, registry: &str) -> Result<PingV1> {
        let index = Index::parse(registry)?;
        let place = IndexServer::new(self, call, &index, "")?;
        let what = format!("ping {} by protocol v1", place.account.host);
        let PingResponse { response, speaks_v1, body } = ping(&place)?;
        let response = place.expect(response, &[StatusCode::OK], &what)?;
        let url = redact::url(&place.account.base.below(&V1Path::Ping.to_string())?.url);
        let headers = response.headers;
        if !speaks_v1 {
            let message = format!("{what}: the answer is not one of protocol v1");
            return Err(Error::new(Code::Protocol, message).with_http_status(200));
        }
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        Ok(PingV1 {
            registry: index.name,
            url,
            status: StatusCode::OK.as_u16(),
            version: text("x-docker-registry-version"),
            // As Docker read it: "mirror" is not standalone.
            standalone: text("x-docker-registry-standalone")
                .map(|said| said.eq_ignore_ascii_case("true") || said == "1"),
            body,
            headers: headers.into(),
        })
    }

    /// Searches an index. Returns its response, with the common members checked.
    pub fn v1_search(&self, call: &Call, registry: &str, term: &str, options: &SearchOptions) -> Result<Value> {
        if [options.n, options.page].contains(&Some(0)) {
            return Err(Error::new(Code::InvalidArgument, "the options n and page start at 1"));
        }
        let place = IndexServer::new(self, call, &Index::parse(registry)?, "")?;
        let numbers =
            [("n", options.n), ("page", options.page)].map(|(key, value)| (key, value.map(|n| n.to_string())));
        let numbers = numbers.iter().filter_map(|(key, value)| Some((*key, value.as_deref()?)));
        let search = RequestTarget::from(V1Path::Search).with_pairs([("q", term)].into_iter().chain(numbers));
        let mut request = Request::new(Method::GET)
            .header(HeaderName::from_static("x-docker-token"), "true")?
            .header(ACCEPT, "application/json")?
            .whole(LARGEST, "the result of the search");
        let response = place.ask(&search, &mut request)?;
        let what = format!("search {} by protocol v1", place.account.host);
        let mut response = place.expect(response, &[StatusCode::OK], &what)?;
        let bytes = response.take_whole();
        found(json(&bytes, &response, "the result of the search")?, term, &response)
    }
}

/// A registry's response to a v1 ping, whatever it is.
pub(super) fn v1_ping_answer(client: &Client, call: &Call, index: &Index) -> Result<PingResponse> {
    ping(&IndexServer::new(client, call, index, "")?)
}

pub(crate) struct PingResponse {
    pub(crate) response: Response,
    /// Whether it is one of protocol v1.
    pub speaks_v1: bool,
    /// Its body, if that is JSON.
    pub(crate) body: Option<Value>,
}

/// A server that answers every path with 200 is not a registry. docker-registry answers `{}` or, when it is verbose, an
/// object; others answer `true`.
fn ping(place: &IndexServer) -> Result<PingResponse> {
    let mut request = Request::new(Method::GET).whole(LARGEST, "the answer to the ping");
    let mut response = place.send(&V1Path::Ping.into(), &mut request)?;
    let said = |name: &str| response.headers.contains_key(name);
    let by_header = said("x-docker-registry-version") || said("x-docker-registry-standalone");
    let is_ok = response.status == StatusCode::OK;
    let bytes = if is_ok { response.take_whole() } else { Vec::new() };
    let body = crate::json::parse(&bytes).ok();
    let by_body = matches!(body, Some(Value::Bool(true) | Value::Object(_)));
    Ok(PingResponse { speaks_v1: is_ok && (by_header || by_body), response, body })
}

fn found(value: Value, term: &str, response: &Response) -> Result<Value> {
    let bad = || wrong(response, "the result of the search is not a list of repositories");
    let Value::Object(mut document) = value else { return Err(bad()) };
    let results = match document.remove("results") {
        Some(Value::Array(results)) => results,
        None | Some(Value::Null) => Vec::new(),
        _ => return Err(bad()),
    };
    if !results.iter().all(|one| one.get("name").is_some_and(Value::is_string)) {
        return Err(bad());
    }
    let said = document.remove("num_results").filter(Value::is_u64);
    let mut whole = Map::new();
    whole.insert("query".to_owned(), term.into());
    whole.insert("num_results".to_owned(), said.unwrap_or_else(|| results.len().into()));
    whole.insert("results".to_owned(), Value::Array(results));
    for (key, value) in document {
        whole.entry(key).or_insert(value);
    }
    Ok(Value::Object(whole))
}

impl V1Repository {
    /// The images of the repository; starts the session for reading. Some indexes list none, and still have them.
    pub fn images(&self) -> Result<ImageList> {
        let (session, (response, bytes)) = self.begin(Access::Read, &[], None)?;
        let session = self.remember(Access::Read, session);
        let bad = || wrong(&response, "the list of images is not a list of objects with an id");
        let Value::Array(list) = json(&bytes, &response, "the list of images")? else { return Err(bad()) };
        let mut images = Vec::new();
        for one in list {
            let Value::Object(image) = one else { return Err(bad()) };
            let id = image.get("id").and_then(Value::as_str).ok_or_else(bad)?;
            ImageId::of_server(id, "the list of images").map_err(|error| error.with_url(&response.url))?;
            images.push(image);
        }
        Ok(ImageList { name: self.name.clone(), images, endpoint: redact::url(&session.base().url) })
    }
}
