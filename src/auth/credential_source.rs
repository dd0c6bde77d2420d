//! Where a call's credentials come from.

use serde_json::{json, Value};

use super::credential_lookup::StoredAt;
use crate::credentials::Credentials;

/// The source of a call's credentials. The first one that has some wins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CredentialSource {
    /// None: the call is anonymous.
    Nobody,
    HostOptions,
    /// The credentials hook.
    Callback,
    /// A file, an environment variable or a helper.
    Stored(StoredAt),
    /// The rule that names a mirror.
    Rule,
}

impl CredentialSource {
    /// The name in results; None when there are no credentials.
    pub(crate) fn name(&self) -> Option<&'static str> {
        match self {
            CredentialSource::Nobody => None,
            CredentialSource::HostOptions => Some("host options"),
            CredentialSource::Callback => Some("callback"),
            CredentialSource::Rule => Some("rule"),
            CredentialSource::Stored(at) if at.helper.is_some() => Some("helper"),
            CredentialSource::Stored(at) if at.variable.is_some() => Some("environment"),
            CredentialSource::Stored(_) => Some("file"),
        }
    }

    /// Which credentials would be used, without their secrets.
    pub(crate) fn explained(&self, credentials: &Credentials) -> Value {
        let (kind, username) = match credentials {
            Credentials::Anonymous => ("none", None),
            Credentials::Password { username, .. } => ("password", Some(username.as_str())),
            Credentials::IdentityToken { username, .. } => ("identity_token", username.as_deref()),
            Credentials::Token(_) => ("token", None),
        };
        let at = match self {
            CredentialSource::Stored(at) => Some(at),
            _ => None,
        };
        json!({
            "kind": kind,
            "username": username,
            "source": self.name(),
            "path": at.and_then(|at| at.path.as_ref()).map(|path| path.display().to_string()),
            "variable": at.and_then(|at| at.variable),
            "key": at.and_then(|at| at.key.as_ref()),
            "helper": at.and_then(|at| at.helper.as_ref()),
        })
    }
}
