//! The credentials for a registry host or its token server.

use base64::engine::general_purpose::STANDARD;
use base64::Engine as _;
use zeroize::Zeroizing;

/// How a caller authenticates. Never printed: it has no `Debug`.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Credentials {
    /// No credentials.
    #[default]
    Anonymous,
    /// A user name and a password, for Basic authentication and for the token server.
    Password {
        /// The user name.
        username: String,
        /// The password, wiped from memory when dropped.
        password: Zeroizing<String>,
    },
    /// A refresh token, for which the token server issues bearer tokens.
    IdentityToken {
        /// The user it was issued to; None when unknown.
        username: Option<String>,
        /// The token, wiped from memory when dropped.
        token: Zeroizing<String>,
    },
    /// A bearer token, used unchanged.
    Token(Zeroizing<String>),
}

/// A user name and a password as Basic has them, the base64 of `USER:PASSWORD` (RFC 7617).
pub(crate) fn encode_pair(username: &str, password: &str) -> Zeroizing<String> {
    let joined = Zeroizing::new(format!("{username}:{password}"));
    Zeroizing::new(STANDARD.encode(joined.as_bytes()))
}

/// The user name and the password in such a text; None where it is something else.
pub(crate) fn decode_pair(text: &str) -> Option<(String, Zeroizing<String>)> {
    let bytes = STANDARD.decode(text.trim()).map(Zeroizing::new).ok()?;
    let (username, password) = std::str::from_utf8(&bytes).ok()?.split_once(':')?;
    Some((username.to_owned(), Zeroizing::new(password.to_owned())))
}
