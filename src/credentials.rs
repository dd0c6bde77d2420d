//! The credentials for a registry host or its token server.

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
