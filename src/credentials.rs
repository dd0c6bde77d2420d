//! What a caller shows to a registry host or its token server.

use zeroize::Zeroizing;

/// How a caller proves who they are. Never printed: it has no `Debug`.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Credentials {
    /// No one in particular.
    #[default]
    Anonymous,
    /// A user and a password, for Basic and for the token server.
    Password {
        /// The user's name.
        username: String,
        /// Its secret.
        password: Zeroizing<String>,
    },
    /// A refresh token, which the token server gives bearer tokens for.
    IdentityToken {
        /// The user that it was given to, where that is known.
        username: Option<String>,
        /// The refresh token.
        token: Zeroizing<String>,
    },
    /// A bearer token used as it is.
    Token(Zeroizing<String>),
}
