//! Credentials from options, callbacks, files and helpers: one check for all.

use zeroize::Zeroizing;

use crate::credentials::Credentials;
use crate::error::{Code, Error, Result};
use crate::options::options;

options! {
    /// The credentials that a caller may give. Never printed: it has no `Debug`.
    #[derive(Clone)]
    pub struct Secrets {
        /// with password: for Basic and for the host's token server; or with identity_token, if known
        pub username: Option<String>,
        /// with username
        pub password: Option<Zeroizing<String>>,
        /// a refresh token for the host's token server
        ///
        /// a new identity token that the server issues replaces this one. Protocol v1 has no use for identity tokens
        pub identity_token: Option<Zeroizing<String>>,
        /// a bearer token, used as it is
        pub token: Option<Zeroizing<String>>,
    }
}

impl Secrets {
    /// Refuses contradictions, and values that cannot be sent in a request.
    pub fn check(&self) -> Result<()> {
        let invalid = |message: &str| Err(Error::new(Code::InvalidArgument, message));
        if self.password.is_some() && self.username.is_none()
            || self.username.is_some() && self.password.is_none() && self.identity_token.is_none()
        {
            return invalid("username and password go together");
        }
        let ways = [self.password.is_some(), self.identity_token.is_some(), self.token.is_some()];
        if ways.into_iter().filter(|given| *given).count() > 1 || self.token.is_some() && self.username.is_some() {
            return invalid("a host has either a token, an identity_token, or a username and password");
        }
        if self.username.as_deref().is_some_and(|name| name.contains(':')) {
            return invalid("a username cannot contain a colon (RFC 7617)");
        }
        let texts = [&self.identity_token, &self.token].into_iter().flatten().map(|secret| secret.as_str());
        if texts.chain(self.username.as_deref()).any(|text| text.chars().any(char::is_control)) {
            return invalid("a username and a token cannot contain control characters");
        }
        // RFC 7617 forbids them here too, but Google's password is a key file with several lines. In base64 they are
        // harmless.
        if self.password.as_deref().is_some_and(|password| password.contains('\0')) {
            return invalid("a password cannot contain a zero byte");
        }
        Ok(())
    }

    /// Converts them; none means anonymous, and so does an empty name with an empty password, which some registries
    /// refuse when they are sent.
    pub fn credentials(self) -> Result<Credentials> {
        self.check()?;
        Ok(match (self.token, self.identity_token, self.username, self.password) {
            (Some(token), ..) if !token.is_empty() => Credentials::Token(token),
            (_, Some(token), username, _) if !token.is_empty() => {
                Credentials::IdentityToken { username: username.filter(|name| !name.is_empty()), token }
            }
            (_, _, Some(username), Some(password)) if !(username.is_empty() && password.is_empty()) => {
                Credentials::Password { username, password }
            }
            _ => Credentials::Anonymous,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(json: serde_json::Value) -> Result<Credentials> {
        serde_json::from_value::<Secrets>(json).unwrap().credentials()
    }

    #[test]
    fn each_kind_is_told_apart() {
        let kind = |json| match read(json).unwrap() {
            Credentials::Anonymous => "none",
            Credentials::Password { .. } => "password",
            Credentials::IdentityToken { username: None, .. } => "identity",
            Credentials::IdentityToken { .. } => "identity of",
            Credentials::Token(_) => "token",
        };
        assert_eq!(kind(json!({})), "none");
        assert_eq!(kind(json!({"username": "", "password": ""})), "none");
        assert_eq!(kind(json!({"identity_token": ""})), "none");
        assert_eq!(kind(json!({"token": ""})), "none");
        assert_eq!(kind(json!({"username": "", "password": "p"})), "password");
        assert_eq!(kind(json!({"username": "u", "password": "p:q"})), "password");
        assert_eq!(kind(json!({"identity_token": "i"})), "identity");
        assert_eq!(kind(json!({"identity_token": "i", "username": "u"})), "identity of");
        assert_eq!(kind(json!({"token": "t"})), "token");
    }

    #[test]
    fn contradictions_are_refused_without_a_word_of_the_secret() {
        for bad in [
            json!({"username": "u"}),
            json!({"password": "SECRET"}),
            json!({"username": "u", "password": "SECRET", "token": "t"}),
            json!({"username": "u", "password": "SECRET", "identity_token": "t"}),
            json!({"identity_token": "SECRET", "token": "t"}),
            json!({"username": "u", "token": "SECRET"}),
            json!({"username": "u:v", "password": "SECRET"}),
            json!({"token": "SECRET\r\nb"}),
            json!({"identity_token": "SECRET\u{0}"}),
        ] {
            let error = read(bad.clone()).err().unwrap();
            assert_eq!(error.code(), Code::InvalidArgument, "{bad}");
            assert!(!error.message().contains("SECRET"), "{error}");
        }
    }
}
