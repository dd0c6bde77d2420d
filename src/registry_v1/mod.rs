//! Protocol v1, which registries spoke until 2015: an index that knows who may do what, and registries that store
//! images. Source: docker-registry 0.9.1, its last server, and Docker's "Registry API" and "Hub API" of that time.
//!
//! Nothing here is addressed by content. An image's ID is a name that somebody chose, so what a server sends under it
//! can be checked only against a checksum from the same server: results say what was verified. IDs and names are
//! checked before they become part of a URL.

pub mod id;
pub mod index;
pub mod layer;
pub mod login;
pub mod read;
pub mod session;
pub mod write;

use std::sync::Arc;

use ::http::header::{HeaderValue, AUTHORIZATION};
use ::http::{Method, StatusCode};
use serde_json::Value;
use url::Url;

use crate::auth::{basic_header, challenge, identity, Account};
use crate::call::Call;
use crate::credentials::Credentials;
use crate::error::{Code, Error, Result};
use crate::http::location::RequestTarget;
use crate::http::response::Answer;
use crate::http::Request;
use crate::reference::{Index, Repository};
use crate::registry::Client;
use crate::registry_error;
use crate::text::shorten;
use session::{Access, IndexSession, RegistryProof};

/// The most that is read of a document: an image's JSON, an ancestry, a list.
const LARGEST: u64 = 4 << 20;
/// How much of an error's body is read.
const ERROR_BODY: usize = 64 << 10;
/// Docker Hub's index had a different host name than references, and than its registry.
const HUB: &str = "https://index.docker.io/";

/// An index as a call sees it.
#[derive(Clone)]
pub struct IndexServer {
    client: Client,
    call: Call,
    account: Account,
}

impl IndexServer {
    fn new(client: &Client, call: &Call, index: &Index) -> Result<IndexServer> {
        let mut account = client.account(call, index)?;
        if index.official && account.base.url.host_str() == Some("registry-1.docker.io") {
            account.base.url = Url::parse(HUB).map_err(|_| internal("Docker Hub's URL"))?;
        }
        Ok(IndexServer { client: client.clone(), call: call.clone(), account })
    }

    fn credentials(&self) -> Result<Credentials> {
        Ok(self.client.auth.credentials(&self.call, &self.account)?.0)
    }

    /// The credentials for the index, and only for it.
    fn proof(&self) -> Result<Option<HeaderValue>> {
        match self.credentials()? {
            Credentials::Token(token) => session::secret("Bearer", &token).map(Some),
            credentials => basic_header(&credentials),
        }
    }

    /// Sends a request to the index.
    fn send(&self, target: &RequestTarget, request: &mut Request) -> Result<Answer> {
        self.client.http.send(&self.call, &self.account.base.find(target)?, request)
    }

    /// Asks the index, with the credentials if there are any.
    fn ask(&self, target: &RequestTarget, request: &mut Request) -> Result<Answer> {
        request.authorization = self.proof()?;
        self.send(target, request)
    }

    fn expect(&self, answer: Answer, wanted: &[StatusCode], what: &str) -> Result<Answer> {
        match wanted.contains(&answer.status) {
            true => Ok(answer),
            false => Err(self.failure(answer, what)),
        }
    }

    /// The error for a response.
    fn failure(&self, mut answer: Answer, what: &str) -> Error {
        let body = answer.beginning(&self.call, ERROR_BODY);
        let error = registry_error::error_of(answer.status.as_u16(), &answer.headers, &body, &answer.url, what)
            .with_attempts(answer.attempts);
        if answer.status != StatusCode::UNAUTHORIZED {
            return error;
        }
        self.client.auth.forget_answer(&self.account);
        match self.credentials() {
            Ok(Credentials::Anonymous) => error.with_hint("it requires credentials"),
            Ok(_) => error.with_hint("the registry does not accept these credentials"),
            Err(_) => error,
        }
    }
}

/// One repository of a v1 registry, for one call.
#[derive(Clone)]
pub struct Repo {
    place: IndexServer,
    name: String,
}

impl Client {
    /// A repository, to be read and written by protocol v1. Nothing is sent yet.
    pub fn v1(&self, call: &Call, repository: &Repository) -> Result<Repo> {
        let place = IndexServer::new(self, call, repository.index())?;
        Ok(Repo { place, name: repository.remote_name().to_owned() })
    }
}

impl Repo {
    /// Its name for messages.
    fn place_name(&self) -> String {
        format!("{}/{}", self.place.account.host, self.name)
    }

    /// Sends the request that `make` creates for a session with this access. An expired session is replaced, once.
    fn send(&self, access: Access, make: &mut dyn FnMut(&IndexSession) -> Result<Answer>) -> Result<Answer> {
        self.send_for(access, None, make)
    }

    fn send_for(
        &self,
        access: Access,
        image: Option<&id::ImageId>,
        make: &mut dyn FnMut(&IndexSession) -> Result<Answer>,
    ) -> Result<Answer> {
        let (mut session, mut fresh) = self.session(access, image)?;
        loop {
            let outcome = make(&session);
            if let Some(next) = session.elsewhere().filter(|_| should_go_on(access, &outcome)) {
                session = self.remember(access, next);
                continue;
            }
            let answer = outcome?;
            session.keep_cookies(&answer);
            if answer.status != StatusCode::UNAUTHORIZED {
                return Ok(answer);
            }
            self.forget(access);
            if self.wants_basic(&session, &answer)? {
                session = self.remember(access, session.with_basic());
                fresh = true;
            } else if fresh {
                return Ok(answer);
            } else {
                (session, fresh) = self.session(access, image)?;
            }
        }
    }

    /// A private registry behind a proxy that requires Basic everywhere: it may receive it if it is the index itself.
    fn wants_basic(&self, session: &IndexSession, answer: &Answer) -> Result<bool> {
        let asks = challenge::parse(&answer.headers).iter().any(|one| one.scheme == challenge::AuthScheme::Basic);
        let may = session.is_at_index() && matches!(session.proof(), RegistryProof::Token(_));
        Ok(asks && may && self.place.proof()?.is_some())
    }

    /// Sends a request to the registry of a session.
    fn send_to(&self, session: &IndexSession, path: &str, request: &mut Request) -> Result<Answer> {
        let at = session.base().below(path)?;
        request.authorization = match session.proof() {
            RegistryProof::Token(token) => Some(token.clone()),
            RegistryProof::Basic if session.is_at_index() => self.place.proof()?,
            _ => None,
        };
        session.add_cookies(&at, request);
        debug_assert!(!request.headers.contains_key(AUTHORIZATION));
        self.place.client.http.send(&self.place.call, &at, request)
    }

    /// A document of the registry: its bytes and the response.
    fn document(&self, path: &str, what: &'static str) -> Result<(Answer, Vec<u8>)> {
        let answer = self.send(Access::Read, &mut |session| {
            self.send_to(session, path, &mut Request::new(Method::GET).whole(LARGEST, what))
        })?;
        let place = self.place_name();
        let mut answer = self.place.expect(answer, &[StatusCode::OK], &format!("get {what} of {place}"))?;
        let bytes = answer.take_whole();
        Ok((answer, bytes))
    }

    /// Distinguishes cached sessions of different users.
    fn identity(&self) -> Result<String> {
        Ok(identity(&self.place.account.base.url, &self.place.credentials()?))
    }
}

/// Whether the next registry of the index's list may succeed. A possible write must stay with one of them.
fn should_go_on(access: Access, outcome: &Result<Answer>) -> bool {
    match outcome {
        Ok(answer) => access == Access::Read && answer.status.is_server_error(),
        Err(error) => match error.code() {
            Code::Connect | Code::Resolve | Code::Tls | Code::Redirect => true,
            Code::Network | Code::Timeout | Code::Server => access == Access::Read,
            _ => false,
        },
    }
}

/// The document in a response as JSON.
fn json(bytes: &[u8], answer: &Answer, what: &str) -> Result<Value> {
    crate::json::parse(bytes)
        .map_err(|error| Error::new(Code::Protocol, format!("{what} is not JSON: {error}")).with_url(&answer.url))
}

/// The error for a response that violates the protocol.
fn wrong(answer: &Answer, what: impl Into<String>) -> Error {
    Error::new(Code::Protocol, what).with_url(&answer.url)
}

fn internal(what: &str) -> Error {
    Error::new(Code::Internal, format!("no URL for {}", shorten(what)))
}

/// The tag of a reference, which must have no digest: v1 has none.
pub fn tag_of(reference: &crate::reference::Reference) -> Result<&str> {
    match (reference.tag(), reference.digest()) {
        (Some(tag), None) => Ok(tag),
        _ => Err(Error::new(
            Code::InvalidReference,
            format!("'{reference}' is not HOST/REPOSITORY:TAG; protocol v1 has no digests"),
        )),
    }
}

/// Sessions are shared among the calls of a client.
pub(crate) type Shared = Arc<IndexSession>;
