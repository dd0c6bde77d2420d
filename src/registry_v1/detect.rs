//! Which protocol a registry speaks. Only here does anything choose between v2 and v1; no other call falls back from one to the other.

use serde::Serialize;

use super::index::v1_ping_answer;
use crate::call::Call;
use crate::error::{Code, Error, Result};
use crate::http::redact;
use crate::options::options;
use crate::reference::Index;
use crate::registry::ping::{versions, Ping};
use crate::registry::Client;

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
            return Err(Error::new(Code::InvalidArgument, "the option version must be 0, 1 or 2"));
        }
        let index = Index::parse(registry)?;
        match options.version {
            1 => self.ping_v1(call, index),
            version => self.ping_v2_or_v1(call, index, version == 0),
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

    fn ping_v2_or_v1(&self, call: &Call, index: Index, or_v1: bool) -> Result<Ping> {
        let mut ping = self.ping_v2(call, index.clone())?;
        if or_v1 && ping.api_version.is_none() {
            ping.api_version = v1_ping_answer(self, call, &index)?.speaks_v1.then_some(1);
        }
        Ok(ping)
    }

    fn ping_v1(&self, call: &Call, index: Index) -> Result<Ping> {
        let response = v1_ping_answer(self, call, &index)?;
        Ok(Ping {
            url: redact::url(&response.response.url),
            status: response.response.status.as_u16(),
            api_version: response.speaks_v1.then_some(1),
            versions: versions(&response.response.headers),
            challenges: Vec::new(),
            headers: response.response.headers.into(),
            registry: index.name,
        })
    }
}
