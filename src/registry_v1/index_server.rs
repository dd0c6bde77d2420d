//! An index as a call sees it: it decides what an account may do, and receives the credentials.

use ::http::header::HeaderValue;
use ::http::StatusCode;
use zeroize::Zeroizing;

use super::ERROR_BODY;
use crate::auth::{basic_header, Account};
use crate::call::Call;
use crate::credentials::Credentials;
use crate::docker_hub;
use crate::error::{Code, Error, Result};
use crate::http::headers::secret_value;
use crate::http::location::RequestTarget;
use crate::http::response::Response;
use crate::http::Request;
use crate::http::Url;
use crate::reference::Index;
use crate::registry::Client;
use crate::registry_error;
use crate::statuses;

/// Whether a URL is that of Docker Hub's index.
pub(super) fn is_hub(url: &Url) -> bool {
    url.scheme() == "https" && url.host_str() == Some(docker_hub::INDEX) && url.port().is_none() && url.path() == "/"
}

/// An index, for one call.
#[derive(Clone)]
pub(crate) struct IndexServer {
    pub(super) client: Client,
    pub(super) call: Call,
    pub(super) account: Account,
}

impl IndexServer {
    /// The index, asked about itself or about one of its repositories.
    pub(super) fn new(client: &Client, call: &Call, index: &Index, repository: &str) -> Result<IndexServer> {
        let mut account = client.account(call, index, repository)?;
        // Docker Hub's index is another host than its registry.
        if index.official && account.base.url.host_str() == Some(docker_hub::REGISTRY) {
            let base = account.base.moved_to_host(docker_hub::INDEX);
            account.base = base.ok_or_else(|| Error::new(Code::Internal, "no URL for Docker Hub"))?;
        }
        Ok(IndexServer { client: client.clone(), call: call.clone(), account })
    }

    pub(super) fn credentials(&self) -> Result<Credentials> {
        Ok(self.client.auth.credentials(&self.call, &self.account)?.0)
    }

    /// The credentials for the index, and only for it.
    pub(super) fn proof(&self) -> Result<Option<HeaderValue>> {
        match self.credentials()? {
            Credentials::Token(token) => secret("Bearer", &token).map(Some),
            credentials => basic_header(&credentials),
        }
    }

    pub(super) fn send(&self, target: &RequestTarget, request: &mut Request) -> Result<Response> {
        request.counted_for = Some(self.account.base.clone());
        self.client.http.send(&self.call, &self.account.base.find(target)?, request)
    }

    /// Asks the index, with the credentials if there are any.
    pub(super) fn ask(&self, target: &RequestTarget, request: &mut Request) -> Result<Response> {
        request.authorization = self.proof()?;
        self.send(target, request)
    }

    pub(super) fn expect(&self, response: Response, wanted: &[StatusCode], what: &str) -> Result<Response> {
        match wanted.contains(&response.status) {
            true => Ok(response),
            false => Err(self.failure(response, what)),
        }
    }

    pub(super) fn failure(&self, mut response: Response, what: &str) -> Error {
        let body = response.beginning(&self.call, ERROR_BODY);
        let error = registry_error::error_of(response.status.as_u16(), &response.headers, &body, &response.url, what)
            .with_attempts(response.attempts);
        let status = response.status;
        if !statuses::may_be_about_credentials(status.as_u16()) {
            return error;
        }
        if status == StatusCode::UNAUTHORIZED {
            self.client.auth.forget_answer(&self.call, &self.account);
        }
        match self.credentials() {
            Ok(Credentials::IdentityToken { .. }) => error.with_hint(self.of_no_use()),
            _ if status != StatusCode::UNAUTHORIZED => error,
            Ok(Credentials::Anonymous) => error.with_hint("it requires credentials"),
            Ok(_) => error.with_hint("the registry does not accept these credentials"),
            Err(_) => error,
        }
    }

    /// Why nothing was sent although there are credentials.
    pub(super) fn of_no_use(&self) -> String {
        let host = &self.account.host;
        format!(
            "what is kept for {host} is an identity token, which protocol v1 cannot use, so nothing was sent: log in with a user \
             name and a password"
        )
    }

    /// The name of one of its repositories for messages.
    pub(super) fn name_of(&self, repository: &str) -> String {
        format!("{}/{repository}", self.account.host)
    }
}

/// A header with a secret in it.
pub(super) fn secret(scheme: &str, token: &str) -> Result<HeaderValue> {
    let text = Some(Zeroizing::new(format!("{scheme} {token}"))).filter(|text| text.is_ascii());
    text.and_then(secret_value).ok_or_else(|| {
        Error::new(Code::InvalidArgument, "the token contains characters that are not allowed in a header")
    })
}
