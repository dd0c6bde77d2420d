//! How requests are made: what belongs to the client, and what belongs to one host.

use std::time::Duration;

use serde::Deserialize;

use crate::error::{Code, Error, Result};

/// Options of a client. Every member has the default that the C header documents.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClientOptions {
    /// The User-Agent header.
    pub user_agent: String,
    /// Name resolution, TCP and TLS together.
    pub connect_timeout_ms: u64,
    /// No byte from or to the server for that long.
    pub idle_timeout_ms: u64,
    /// From the end of an upload to its answer.
    pub answer_timeout_ms: u64,
    /// Tries after the first one.
    pub retries: u32,
    /// Redirects followed for one request.
    pub max_redirects: usize,
    /// The largest manifest taken.
    pub max_manifest_bytes: u64,
    /// The largest page of a list taken.
    pub max_list_bytes: u64,
    /// Every host by plain http.
    pub plain_http: bool,
    /// No TLS verification for any host.
    pub insecure: bool,
    /// PEM file of certificate authorities for every host.
    pub ca_file: Option<String>,
    /// Those instead of the platform's.
    pub ca_only: bool,
    /// Stored credentials: this file of Docker's or podman's form.
    pub credentials_file: Option<String>,
    /// Stored credentials: the config.json of this folder.
    pub docker_config: Option<String>,
    /// Stored credentials: wherever the environment says that they usually are.
    pub stored_credentials: bool,
    /// Stored credentials: the limit for one run of a helper.
    pub helper_timeout_ms: u64,
    /// Stored credentials: the folders of the helpers, instead of PATH.
    pub helper_path: Option<String>,
    /// Tests of the panic guard only; refused by the shipped library.
    #[cfg(feature = "force-panic")]
    pub force_panic: bool,
}

/// The most that `max_manifest_bytes` may be.
pub const MANIFEST_CEILING: u64 = 32 << 20;

impl Default for ClientOptions {
    fn default() -> ClientOptions {
        ClientOptions {
            user_agent: concat!("ocireg/", env!("CARGO_PKG_VERSION")).to_owned(),
            connect_timeout_ms: 10_000,
            idle_timeout_ms: 30_000,
            answer_timeout_ms: 300_000,
            retries: 4,
            max_redirects: 10,
            max_manifest_bytes: 4 << 20,
            max_list_bytes: 32 << 20,
            plain_http: false,
            insecure: false,
            ca_file: None,
            ca_only: false,
            credentials_file: None,
            docker_config: None,
            stored_credentials: false,
            helper_timeout_ms: 60_000,
            helper_path: None,
            #[cfg(feature = "force-panic")]
            force_panic: false,
        }
    }
}

impl ClientOptions {
    /// Refuses what nobody can have meant.
    pub fn check(&self) -> Result<()> {
        let invalid = |message: String| Err(Error::new(Code::InvalidArgument, message));
        if self.max_manifest_bytes > MANIFEST_CEILING {
            return invalid(format!("the option max_manifest_bytes is at most {MANIFEST_CEILING}"));
        }
        if self.user_agent.is_empty() || self.user_agent.chars().any(char::is_control) {
            return invalid("the option user_agent must be text without control characters".to_owned());
        }
        let amounts = [
            ("connect_timeout_ms", self.connect_timeout_ms),
            ("idle_timeout_ms", self.idle_timeout_ms),
            ("answer_timeout_ms", self.answer_timeout_ms),
            ("max_manifest_bytes", self.max_manifest_bytes),
            ("max_list_bytes", self.max_list_bytes),
            ("helper_timeout_ms", self.helper_timeout_ms),
        ];
        match amounts.iter().find(|(_, amount)| *amount == 0) {
            Some((name, _)) => invalid(format!("the option {name} must be more than 0")),
            None => Ok(()),
        }
    }

    /// The idle limit.
    pub fn idle(&self) -> Duration {
        Duration::from_millis(self.idle_timeout_ms)
    }

    /// The connect limit.
    pub fn connect(&self) -> Duration {
        Duration::from_millis(self.connect_timeout_ms)
    }

    /// The limit for the answer to an upload.
    pub fn answer(&self) -> Duration {
        Duration::from_millis(self.answer_timeout_ms)
    }
}

/// How the other end's identity is checked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Trust {
    /// Not at all.
    pub insecure: bool,
    /// By these authorities too.
    pub ca_file: Option<String>,
    /// By those only.
    pub ca_only: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_that_make_no_sense_are_named() {
        let refused = |options: ClientOptions| options.check().unwrap_err().message().to_owned();
        assert!(ClientOptions::default().check().is_ok());
        assert!(refused(ClientOptions { idle_timeout_ms: 0, ..Default::default() }).contains("idle_timeout_ms"));
        assert!(refused(ClientOptions { user_agent: "a\r\nb".to_owned(), ..Default::default() }).contains("user_agent"));
        let large = ClientOptions { max_manifest_bytes: MANIFEST_CEILING + 1, ..Default::default() };
        assert!(refused(large).contains("max_manifest_bytes"));
    }
}
