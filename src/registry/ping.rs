//! `GET /v2/` (distribution-spec end-1): is there a registry, and how does it want to be asked?

use reqwest::{Method, StatusCode};
use serde::Serialize;
use serde_json::{Map, Value};

use super::remote::{headers_json, Remote};
use super::Client;
use crate::auth::challenge;
use crate::error::Result;
use crate::http::call::Call;
use crate::http::redact;
use crate::http::Request;
use crate::reference::Index;

/// What a registry says of itself.
#[derive(Debug, Serialize)]
pub struct Ping {
    /// The host as it was asked for.
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
    /// Its headers.
    pub headers: Map<String, Value>,
}

impl Client {
    /// Asks a registry for its version. No credentials are sent: some registries fail a ping that carries any.
    pub fn ping(&self, call: &Call, registry: &str) -> Result<Ping> {
        let index = Index::parse(registry)?;
        let remote = Remote::registry(self, call, &index)?;
        let url = remote.url("")?;
        let mut request = Request::new(Method::GET, url.clone());
        let answer = self.http.send(call, &mut request)?;
        let reply = crate::auth::Reply { answer, refusal: None, needed: String::new() };
        let what = format!("ping {}", remote.place());
        let answer = remote.expect(reply, &[StatusCode::OK, StatusCode::UNAUTHORIZED, StatusCode::NOT_FOUND], &what)?;
        let challenges = challenge::parse(&answer.headers);
        if answer.hops.is_empty() {
            self.auth.remember(&remote.account, &challenges, answer.remote);
        }
        let versions = versions(&answer.headers);
        let speaks_v2 =
            answer.status != StatusCode::NOT_FOUND || versions.iter().any(|version| version == "registry/2.0");
        let api_version = match speaks_v2 {
            true => Some(2),
            false => self.answers_v1(&remote)?.then_some(1),
        };
        Ok(Ping {
            registry: index.name,
            url: redact::url(&url),
            status: answer.status.as_u16(),
            api_version,
            versions,
            challenges: challenges.iter().map(|challenge| challenge.scheme.to_string()).collect(),
            headers: headers_json(&answer.headers),
        })
    }

    fn answers_v1(&self, remote: &Remote) -> Result<bool> {
        let Ok(url) = remote.account.base.join("v1/_ping") else { return Ok(false) };
        Ok(self.http.send(&remote.call, &mut Request::new(Method::GET, url))?.status == StatusCode::OK)
    }
}

// The header may come twice, and may hold several versions and empty parts ("registry/2.0, ").
fn versions(headers: &reqwest::header::HeaderMap) -> Vec<String> {
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
