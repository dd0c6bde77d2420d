//! One repository of a v1 registry: its requests, and the sessions that they use.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use ::http::header::AUTHORIZATION;
use ::http::{Method, StatusCode};

use super::id::ImageId;
use super::index_server::IndexServer;
use super::index_session::{Access, IndexSession, RegistryProof};
use super::path::V1Path;
use super::LARGEST;
use crate::auth::{challenge, identity};
use crate::call::Call;
use crate::error::{Code, Result};
use crate::http::origin::host_of;
use crate::http::response::Response;
use crate::http::Request;
use crate::mutex::lock;
use crate::reference::Repository;
use crate::registry::Client;
use crate::statuses;

/// How many sessions are remembered.
const MOST_SESSIONS: usize = 256;

/// Sessions are shared among the calls of a client.
type SharedSession = Arc<IndexSession>;
type SessionKey = (String, String, Access);

#[derive(Default)]
struct V1Sessions(Mutex<HashMap<SessionKey, SharedSession>>);

impl V1Sessions {
    fn get(&self, key: &SessionKey) -> Option<SharedSession> {
        lock(&self.0).get(key).cloned()
    }

    fn put(&self, key: SessionKey, session: SharedSession) {
        let mut sessions = lock(&self.0);
        if sessions.len() >= MOST_SESSIONS {
            sessions.clear();
        }
        sessions.insert(key, session);
    }

    fn forget(&self, key: &SessionKey) {
        lock(&self.0).remove(key);
    }
}

/// One repository of a v1 registry, for one call.
#[derive(Clone)]
pub struct V1Repository {
    pub(super) place: IndexServer,
    pub(super) name: String,
}

impl Client {
    /// A repository, to be read and written by protocol v1. Nothing is sent yet.
    pub fn v1(&self, call: &Call, repository: &Repository) -> Result<V1Repository> {
        let place = IndexServer::new(self, call, repository.index(), repository.remote_name())?;
        Ok(V1Repository { place, name: repository.remote_name().to_owned() })
    }
}

impl V1Repository {
    /// The name of the repository for messages.
    pub(super) fn place_name(&self) -> String {
        self.place.name_of(&self.name)
    }

    /// Sends the request that `make` creates for a session with this access. An expired session is replaced, once.
    pub(super) fn send(
        &self,
        access: Access,
        make: &mut dyn FnMut(&IndexSession) -> Result<Response>,
    ) -> Result<Response> {
        self.send_for(access, None, make)
    }

    pub(super) fn send_for(
        &self,
        access: Access,
        image: Option<&ImageId>,
        make: &mut dyn FnMut(&IndexSession) -> Result<Response>,
    ) -> Result<Response> {
        let (mut session, mut fresh) = self.session(access, image)?;
        loop {
            let outcome = make(&session);
            if let Some(next) = session.elsewhere().filter(|_| should_go_on(access, &outcome)) {
                session = self.remember(access, next);
                continue;
            }
            let response = outcome?;
            session.cookies().keep(&response);
            if response.status != StatusCode::UNAUTHORIZED {
                return Ok(response);
            }
            self.forget(access);
            if self.wants_basic(&session, &response)? {
                session = self.remember(access, session.with_basic());
                fresh = true;
            } else if fresh {
                return Ok(response);
            } else {
                (session, fresh) = self.session(access, image)?;
            }
        }
    }

    /// A private registry behind a proxy that requires Basic everywhere: it may receive it if it is the index itself.
    fn wants_basic(&self, session: &IndexSession, response: &Response) -> Result<bool> {
        let asks = challenge::parse(&response.headers).iter().any(|one| one.scheme == challenge::AuthScheme::Basic);
        let may = session.is_at_index() && matches!(session.proof(), RegistryProof::Token(_));
        Ok(asks && may && self.place.proof()?.is_some())
    }

    pub(super) fn send_to(&self, session: &IndexSession, path: V1Path, request: &mut Request) -> Result<Response> {
        let at = session.base().below(&path.to_string())?;
        request.authorization = match session.proof() {
            RegistryProof::Token(token) => Some(token.clone()),
            RegistryProof::Basic if session.is_at_index() => self.place.proof()?,
            _ => None,
        };
        session.cookies().put_into(&at, request);
        debug_assert!(!request.headers.contains_key(AUTHORIZATION));
        request.counted_for = Some(self.place.account.base.clone());
        self.place.client.http.send(&self.place.call, &at, request)
    }

    /// A document of the registry: its bytes and the response.
    pub(super) fn document(&self, path: V1Path, what: &'static str) -> Result<(Response, Vec<u8>)> {
        let response = self.send(Access::Read, &mut |session| {
            self.send_to(session, path, &mut Request::new(Method::GET).whole(LARGEST, what))
        })?;
        let place = self.place_name();
        let mut response = self.place.expect(response, &[StatusCode::OK], &format!("get {what} of {place}"))?;
        let bytes = response.take_whole();
        Ok((response, bytes))
    }

    /// The registry that answers here, for results: `HOST[:PORT]`. The index may have named another one than itself.
    pub(crate) fn served_by(&self) -> Result<String> {
        Ok(host_of(&self.session(Access::Read, None)?.0.base().url))
    }

    /// Distinguishes cached sessions of different users.
    pub(super) fn identity(&self) -> Result<String> {
        Ok(identity(&self.place.account.base.url, &self.place.credentials()?))
    }
}

/// Whether the next registry of the index's list may succeed. A possible write must stay with one of them.
fn should_go_on(access: Access, outcome: &Result<Response>) -> bool {
    match outcome {
        Ok(response) => access == Access::Read && statuses::may_work_at_another_registry(response.status.as_u16()),
        Err(error) => match error.code() {
            Code::Connect | Code::Resolve | Code::Tls | Code::Redirect => true,
            Code::Network | Code::Timeout | Code::Server => access == Access::Read,
            _ => false,
        },
    }
}

impl V1Repository {
    fn key(&self, access: Access) -> Result<SessionKey> {
        Ok((self.identity()?, self.name.clone(), access))
    }

    fn sessions(&self) -> Arc<V1Sessions> {
        self.place.client.memory()
    }

    pub(super) fn forget(&self, access: Access) {
        if let Ok(key) = self.key(access) {
            self.sessions().forget(&key);
        }
    }

    pub(super) fn remember(&self, access: Access, session: IndexSession) -> SharedSession {
        let session = Arc::new(session);
        if let Ok(key) = self.key(access) {
            self.sessions().put(key, session.clone());
        }
        session
    }

    /// A session for this access, and whether it is a new one.
    pub(super) fn session(&self, access: Access, image: Option<&ImageId>) -> Result<(SharedSession, bool)> {
        let known = self.sessions().get(&self.key(access)?);
        match known {
            Some(session) if session.knows(image) => Ok((session, false)),
            known => {
                let images = image.map(std::slice::from_ref).unwrap_or_default();
                let (session, _) = self.begin(access, images, known.as_deref())?;
                Ok((self.remember(access, session), true))
            }
        }
    }

    /// Asks the index for a session.
    pub(super) fn begin(
        &self,
        access: Access,
        images: &[ImageId],
        before: Option<&IndexSession>,
    ) -> Result<(IndexSession, (Response, Vec<u8>))> {
        IndexSession::begin(&self.place, &self.name, access, images, before)
    }
}
