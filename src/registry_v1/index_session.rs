//! Sessions: the index's response for one repository and one kind of access. It names the registry that has the images
//! and issues a token for it (Docker's "Hub API", X-Docker-Endpoints and X-Docker-Token).
//!
//! The list of registries is chosen by the index, so it is taken like a redirect: the same rules for its addresses, no
//! way from https to http. They are tried in order. The token is sent only to them, the credentials only to the index.

use std::net::IpAddr;
use std::sync::Arc;

use ::http::header::{HeaderMap, HeaderName, HeaderValue, ACCEPT, CONTENT_TYPE};
use ::http::{Method, StatusCode};
use bytes::Bytes;
use serde_json::json;

use super::cookies::CookieJar;
use super::id::ImageId;
use super::index_server::{is_hub, secret, IndexServer};
use super::path::V1Path;
use super::LARGEST;
use crate::docker_hub;
use crate::error::{Code, Error, Result};
use crate::http::location::{self, Location};
use crate::http::response::Response;
use crate::http::upload::Body;
use crate::http::Url;
use crate::http::{Repeat, Request};
use crate::statuses;

/// How many of an index's registries are tried.
const MOST_REGISTRIES: usize = 16;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Access {
    Read,
    Write,
    Delete,
}

/// The authorization for the registry of a session.
#[derive(Clone)]
pub(crate) enum RegistryProof {
    /// None, or that of the index if the registry is the index.
    Basic,
    /// The index's token.
    Token(HeaderValue),
}

#[derive(Clone)]
pub(crate) struct IndexSession {
    registries: Arc<[Registry]>,
    /// The position of the registry in use.
    at: usize,
    proof: RegistryProof,
    cookies: Arc<CookieJar>,
    /// The images announced to the index, which are the only ones that the registry then accepts.
    announced: Vec<ImageId>,
}

struct Registry {
    base: Location,
    /// It is the index itself.
    at_index: bool,
}

impl IndexSession {
    fn registry(&self) -> &Registry {
        &self.registries[self.at]
    }

    pub(crate) fn is_at_index(&self) -> bool {
        self.registry().at_index
    }

    /// The same at the next registry of the index's list.
    pub(super) fn elsewhere(&self) -> Option<IndexSession> {
        (self.at + 1 < self.registries.len()).then(|| IndexSession { at: self.at + 1, ..self.clone() })
    }

    pub(crate) fn proof(&self) -> &RegistryProof {
        &self.proof
    }

    /// The base URL of the registry.
    pub(crate) fn base(&self) -> &Location {
        &self.registry().base
    }

    /// The same session, without the token.
    pub(super) fn with_basic(&self) -> IndexSession {
        IndexSession { proof: RegistryProof::Basic, ..self.clone() }
    }

    /// The cookies of the index and its registries.
    pub(super) fn cookies(&self) -> &CookieJar {
        &self.cookies
    }

    pub(super) fn knows(&self, image: Option<&ImageId>) -> bool {
        image.is_none_or(|image| self.announced.contains(image))
    }
}

/// The token of a response in the form for the registry. docker-registry sends it with its scheme, Docker Hub without.
fn token(headers: &HeaderMap) -> Result<RegistryProof> {
    let given = headers.get("x-docker-token").and_then(|value| value.to_str().ok()).unwrap_or_default().trim();
    let (scheme, rest) = given.split_once(' ').unwrap_or((given, ""));
    let bare = if scheme.eq_ignore_ascii_case("token") { rest.trim() } else { given };
    match bare {
        "" => Ok(RegistryProof::Basic),
        bare => secret("Token", bare).map(RegistryProof::Token),
    }
}

/// The registries that an index names; the index itself, if it names none. Those to which no request may be sent are
/// left out, unless there are no others.
fn registries(index: &Location, response: &Response) -> Result<Vec<Registry>> {
    let own = || Registry { base: at_hub(index.clone()), at_index: true };
    let lists = response.headers.get_all("x-docker-endpoints").iter().map(|list| list.to_str().unwrap_or("\u{fffd}"));
    let names = lists.flat_map(|list| list.split(',')).map(str::trim).filter(|one| !one.is_empty());
    let (mut found, mut refused) = (Vec::<Registry>::new(), None);
    for name in names.take(MOST_REGISTRIES) {
        match endpoint(index, &response.url, response.remote, name) {
            // It names itself by its Host header, and does not know about a path prefix of a proxy.
            Ok(base) if index.is_origin_of(&base.url) && base.url.path() == "/" => found.push(own()),
            Ok(base) => {
                let at_index = index.is_origin_of(&base.url);
                found.push(Registry { base: at_hub(base), at_index });
            }
            Err(error) => refused = refused.or(Some(error)),
        }
    }
    match (found.is_empty(), refused) {
        (true, Some(refused)) => Err(refused),
        (true, None) => Ok(vec![own()]),
        _ => Ok(found),
    }
}

/// Docker Hub's index does not store images, even when it names no registry.
fn at_hub(base: Location) -> Location {
    let hub = is_hub(&base.url).then(|| base.moved_to_host(docker_hub::REGISTRY)).flatten();
    hub.unwrap_or(base)
}

fn endpoint(index: &Location, said_by: &Url, remote: Option<IpAddr>, text: &str) -> Result<Location> {
    let text = location::with_scheme_of(text, said_by);
    let bad = |error: Error| error.within("X-Docker-Endpoints").with_url(said_by);
    let value = HeaderValue::from_str(&text);
    let value = value.map_err(|_| bad(Error::new(Code::Redirect, "is not a list of registries")))?;
    Ok(index.named(Some(&value), said_by, remote).map_err(bad)?.base_without("/v1"))
}

impl IndexSession {
    /// Asks the index for a session. Also returns the list of images, which is in the response for read access.
    pub(super) fn begin(
        index: &IndexServer,
        repository: &str,
        access: Access,
        images: &[ImageId],
        before: Option<&IndexSession>,
    ) -> Result<(IndexSession, (Response, Vec<u8>))> {
        let mut announced = before.map(|session| session.announced.clone()).unwrap_or_default();
        let new: Vec<ImageId> = images.iter().filter(|image| !announced.contains(image)).cloned().collect();
        announced.extend(new);
        let (method, path, body) = match access {
            Access::Read => (Method::GET, V1Path::Images(repository), Body::Empty),
            Access::Write => (Method::PUT, V1Path::Repository(repository), images_body(&announced)),
            Access::Delete => (Method::DELETE, V1Path::Images(repository), Body::Empty),
        };
        let mut request = Request::new(method)
            .header(HeaderName::from_static("x-docker-token"), "true")?
            .header(ACCEPT, "application/json")?
            // To announce an image twice is to announce it once.
            .repeat(Repeat::Always)
            .whole(LARGEST, "the index's list of images")
            .body(body);
        if access == Access::Write {
            request = request.header(CONTENT_TYPE, "application/json")?;
        }
        if let Some(before) = before {
            before.cookies.put_into(&index.account.base, &mut request);
        }
        let response = index.ask(&path.into(), &mut request)?;
        let what = format!("start a v1 session for {}", index.name_of(repository));
        let wanted: &[StatusCode] = if access == Access::Read { &[StatusCode::OK] } else { &statuses::CARRIED_OUT };
        let mut response = index.expect(response, wanted, &what)?;
        let bytes = response.take_whole();
        let session = IndexSession::opened(index, &response, announced)?;
        Ok((session, (response, bytes)))
    }

    fn opened(index: &IndexServer, response: &Response, announced: Vec<ImageId>) -> Result<IndexSession> {
        let session = IndexSession {
            registries: registries(&index.account.base, response)?.into(),
            at: 0,
            proof: token(&response.headers)?,
            cookies: Arc::default(),
            announced,
        };
        session.cookies.keep(response);
        Ok(session)
    }
}

fn images_body(images: &[ImageId]) -> Body<'static> {
    let list: Vec<_> = images.iter().map(|id| json!({"id": id})).collect();
    Body::Bytes(Bytes::from(json!(list).to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry_v1::cookies::tests::headers;

    #[test]
    fn a_token_has_its_scheme_once() {
        for given in ["signature=a,access=read", "Token signature=a,access=read", " token  signature=a,access=read "] {
            let RegistryProof::Token(value) = token(&headers("x-docker-token", &[given])).unwrap() else {
                panic!("{given}")
            };
            assert_eq!(value.to_str().unwrap(), "Token signature=a,access=read");
            assert!(value.is_sensitive());
        }
        for nothing in [&["", "x"][..], &["Token "], &[]] {
            assert!(matches!(token(&headers("x-docker-token", nothing)).unwrap(), RegistryProof::Basic), "{nothing:?}");
        }
    }

    #[test]
    fn endpoints_are_like_redirects() {
        let index = Location::of_caller(Url::parse("https://index.example/").unwrap());
        let of = |index: &Location, text: &str| endpoint(index, &index.url, None, text);
        for (text, url) in [
            ("registry.example", "https://registry.example/"),
            ("registry.example:5000", "https://registry.example:5000/"),
            ("https://registry.example/", "https://registry.example/"),
            ("registry.example/v1/", "https://registry.example/"),
            ("registry.example/prefix", "https://registry.example/prefix/"),
            ("[::1]:5000", "https://[::1]:5000/"),
        ] {
            assert_eq!(of(&index, text).unwrap().url.as_str(), url, "{text}");
        }
        for bad in ["http://registry.example", "ftp://x", "u:p@registry.example", "https://", "a b", ":5000"] {
            let error = of(&index, bad).unwrap_err();
            assert_eq!(error.code(), Code::Redirect, "{bad}: {error}");
            assert!(error.message().starts_with("X-Docker-Endpoints: "), "{error}");
        }
        let plain = Location::of_caller(Url::parse("http://index.example/").unwrap());
        let other = of(&plain, "registry.example").unwrap();
        assert_eq!((other.url.as_str(), other.is_callers()), ("http://registry.example/", false));
        assert!(of(&plain, "index.example/x").unwrap().is_callers());
    }
}
