//! `GET /v2/` (distribution-spec end-1): whether there is a registry, and which authentication it requires. Only here
//! does anything choose between the protocols v2 and v1; no other call falls back from one to the other.

use ::http::{Method, StatusCode};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::auth::challenge;
use crate::call::Call;
use crate::error::{Code, Error, Result};
use crate::http::redact;
use crate::http::Request;
use crate::options::options;
use crate::reference::Index;
use crate::registry::repository::{headers_json, Remote};
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
    /// Its headers.
    pub headers: Map<String, Value>,
}

options! {
    /// Options of a ping.
    #[derive(Debug, Clone)]
    pub struct PingOptions {
        /// the protocol version to ask for, 2 or 1; 0 asks for v2, and for v1 if /v2/ answers 404
        pub version: u64 = 0,
    }
}

/// The protocol that a registry speaks.
#[derive(Debug, Serialize)]
pub struct Detected {
    /// The host as given by the caller.
    pub registry: String,
    /// 2 or 1.
    pub api_version: u8,
}

impl Client {
    /// Asks a registry for its version. No credentials are sent: some registries fail a ping that carries any.
    pub fn ping(&self, call: &Call, registry: &str) -> Result<Ping> {
        self.ping_as(call, registry, &PingOptions::default())
    }

    /// Asks a registry for its version, with the protocol that the options name.
    pub fn ping_as(&self, call: &Call, registry: &str, options: &PingOptions) -> Result<Ping> {
        if options.version > 2 {
            return Err(Error::new(Code::InvalidArgument, "the option version is 0, 1 or 2"));
        }
        let index = Index::parse(registry)?;
        match options.version {
            1 => self.ping_v1(call, index),
            version => self.ping_v2(call, index, version == 0),
        }
    }

    /// Which protocol a registry speaks: v2 when `/v2/` answers 200 or 401, v1 when it answers 404 and `/v1/_ping` as v1
    /// does.
    pub fn detect(&self, call: &Call, registry: &str) -> Result<Detected> {
        let ping = self.ping(call, registry)?;
        match ping.api_version {
            Some(api_version) => Ok(Detected { registry: ping.registry, api_version }),
            None => {
                let message = format!("{} speaks neither protocol v2 nor v1", ping.registry);
                Err(Error::new(Code::Unsupported, message).with_http_status(ping.status))
            }
        }
    }

    fn ping_v1(&self, call: &Call, index: Index) -> Result<Ping> {
        let response = self.v1_ping_answer(call, &index)?;
        Ok(Ping {
            url: redact::url(&response.response.url),
            status: response.response.status.as_u16(),
            api_version: response.speaks_v1.then_some(1),
            versions: versions(&response.response.headers),
            challenges: Vec::new(),
            headers: headers_json(&response.response.headers),
            registry: index.name,
        })
    }

    fn ping_v2(&self, call: &Call, index: Index, or_v1: bool) -> Result<Ping> {
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
        let api_version = match speaks_v2 {
            true => Some(2),
            false if or_v1 => self.v1_ping_answer(call, &index)?.speaks_v1.then_some(1),
            false => None,
        };
        Ok(Ping {
            registry: index.name,
            url,
            status: response.status.as_u16(),
            api_version,
            versions,
            challenges: challenges.iter().map(|challenge| challenge.scheme.to_string()).collect(),
            headers: headers_json(&response.headers),
        })
    }
}

// The header may occur twice, and may contain several versions and empty parts ("registry/2.0, ").
fn versions(headers: &::http::header::HeaderMap) -> Vec<String> {
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
