//! `GET /v2/` (distribution-spec end-1): whether there is a registry, and which authentication it requires.

use ::http::{Method, StatusCode};
use serde::Serialize;

use crate::auth::challenge;
use crate::call::Call;
use crate::error::Result;
use crate::http::redact::{self, ShownHeaders};
use crate::http::Request;
use crate::reference::Index;
use crate::registry::repository::Remote;
use crate::registry::Client;
use crate::resource::Resource;

/// What a registry says about itself.
#[derive(Debug, Serialize)]
pub struct Ping {
    /// The host as given by the caller.
    pub registry: String,
    /// The URL that was asked.
    pub url: String,
    /// 200, 401 or 404.
    pub status: u16,
    /// 2 when it speaks protocol v2, 1 when it only answers `/v1/_ping`, else null.
    pub api_version: Option<u8>,
    /// Its Docker-Distribution-API-Version headers.
    pub versions: Vec<String>,
    /// The schemes of its challenges.
    pub challenges: Vec<String>,
    /// The headers of the response, without secrets.
    pub headers: ShownHeaders,
}

impl Client {
    /// Asks a registry for its version by protocol v2; `api_version` is null if it does not speak that. No credentials are sent: some
    /// registries fail a ping that carries any.
    pub(crate) fn ping_v2(&self, call: &Call, index: Index) -> Result<Ping> {
        let remote = Remote::registry(self, call, &index)?;
        let begin = remote.account.base.find(&remote.target(Resource::Api))?;
        let url = redact::url(&begin.url);
        let response = self.http.send(call, &begin, &mut Request::new(Method::GET))?;
        let reply = crate::auth::Reply::open(response, begin);
        let what = format!("ping {}", remote.full_name());
        let response =
            remote.expect(reply, &[StatusCode::OK, StatusCode::UNAUTHORIZED, StatusCode::NOT_FOUND], &what)?;
        let challenges = challenge::parse(&response.headers);
        if response.hops.is_empty() {
            self.auth.remember(&remote.account, &challenges, response.remote);
        }
        let versions = versions(&response.headers);
        let speaks_v2 =
            response.status != StatusCode::NOT_FOUND || versions.iter().any(|version| version == "registry/2.0");
        Ok(Ping {
            registry: index.name,
            url,
            status: response.status.as_u16(),
            api_version: speaks_v2.then_some(2),
            versions,
            challenges: challenges.iter().map(|challenge| challenge.scheme.to_string()).collect(),
            headers: response.headers.into(),
        })
    }
}

/// The header may occur twice, and may contain several versions and empty parts ("registry/2.0, ").
pub(crate) fn versions(headers: &::http::header::HeaderMap) -> Vec<String> {
    let mut versions: Vec<String> = Vec::new();
    for value in headers.get_all("docker-distribution-api-version") {
        for version in value.to_str().unwrap_or_default().split([',', ' ', '\t']).filter(|version| !version.is_empty())
        {
            if !versions.iter().any(|known| known == version) {
                versions.push(version.to_owned());
            }
        }
    }
    versions
}
