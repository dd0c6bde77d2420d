//! The authorization of a request: credentials as a header, and a hash that identifies them where they must not be stored.

use ::http::header::HeaderValue;
use zeroize::Zeroizing;

use super::token_in_use::TokenInUse;
use crate::credentials::{encode_pair, Credentials};
use crate::digest::Algorithm;
use crate::error::{Code, Error, Result};
use crate::http::headers::secret_value;
use crate::http::origin::Origin;
use crate::http::Url;

/// The user name for an identity token whose user is unknown.
const NO_USER: &str = "<token>";

#[derive(Clone)]
pub(super) enum Proof {
    Nothing,
    Basic(Zeroizing<String>),
    Bearer(Zeroizing<String>),
    Token(TokenInUse),
}

impl Proof {
    pub(super) fn header(&self) -> Result<Option<HeaderValue>> {
        let Some(text) = self.written() else { return Ok(None) };
        let wrong = || Error::new(Code::InvalidArgument, "the token holds characters that are not allowed in a header");
        let value = Some(text).filter(|text| text.is_ascii()).and_then(secret_value);
        value.ok_or_else(wrong).map(Some)
    }

    /// The same as a text, of which nothing is left when it is dropped.
    pub(super) fn text(&self) -> Result<Option<Zeroizing<String>>> {
        self.header().map(|_| self.written())
    }

    fn written(&self) -> Option<Zeroizing<String>> {
        Some(Zeroizing::new(match self {
            Proof::Nothing => return None,
            Proof::Basic(encoded) => format!("Basic {}", encoded.as_str()),
            Proof::Bearer(token) => format!("Bearer {}", token.as_str()),
            Proof::Token(grant) => format!("Bearer {}", grant.value()),
        }))
    }
}

/// Basic credentials as an Authorization header (RFC 7617), for a protocol that sends them without a challenge; None
/// for those that Basic cannot represent.
pub(crate) fn basic_header(credentials: &Credentials) -> Result<Option<HeaderValue>> {
    basic(credentials).map_or(Ok(None), |proof| proof.header())
}

/// The credentials for Basic; None for those that it cannot represent, and for an identity token, which is for a token server alone.
pub(super) fn basic(credentials: &Credentials) -> Option<Proof> {
    match credentials {
        Credentials::Password { username, password } => Some(Proof::Basic(encode_pair(username, password))),
        _ => None,
    }
}

/// The credentials as a header for a token server.
pub(super) fn token_server_header(credentials: &Credentials) -> Result<Option<HeaderValue>> {
    let Some((username, password)) = name_and_password(credentials) else { return Ok(None) };
    Proof::Basic(encode_pair(username, password)).header()
}

/// The credentials as a name and a password, as a token server takes them; None for those that have none.
pub(super) fn name_and_password(credentials: &Credentials) -> Option<(&str, &str)> {
    match credentials {
        Credentials::Password { username, password } => Some((username, password)),
        Credentials::IdentityToken { username, token } => Some((username.as_deref().unwrap_or(NO_USER), token)),
        Credentials::Token(_) | Credentials::Anonymous => None,
    }
}

/// Distinguishes cached tokens of different users without keeping a password in the key.
pub(crate) fn identity(base: &Url, credentials: &Credentials) -> String {
    let origin = Origin::of(base).map(|origin| origin.to_string()).unwrap_or_default();
    let (kind, username, secret) = match credentials {
        Credentials::Password { username, password } => ("password", username.as_str(), password),
        Credentials::IdentityToken { username, token } => ("identity", username.as_deref().unwrap_or_default(), token),
        Credentials::Token(token) => ("token", "", token),
        Credentials::Anonymous => return origin,
    };
    let joined = Zeroizing::new(format!("{kind}\0{username}\0{}", secret.as_str()));
    format!("{origin} {}", Algorithm::Sha256.digest(joined.as_bytes()).hex())
}
