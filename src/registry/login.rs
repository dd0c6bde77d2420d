//! Login and logout: credentials tried out at the registry, and kept or removed where Docker's tools keep them.

use std::path::Path;

use serde::Serialize;
use zeroize::Zeroizing;

use crate::auth::credential_files::{target, CredentialChoice, CredentialPlace};
use crate::auth::credential_lookup::StoredCredentials;
use crate::auth::login::can_log_in;
use crate::auth::scope::{Scope, ScopeSet};
use crate::auth::secrets::Secrets;
use crate::auth::{credential_key, credential_writer, Account};
use crate::call::Call;
use crate::credentials::Credentials;
use crate::error::{Code, Error, Result};
use crate::options::{options, Texts};
use crate::reference::Index;
use crate::registry::Client;
use crate::text::shorten;

options! {
    /// Options of a login.
    #[derive(Clone)]
    pub struct LoginOptions {
        /// with password; or with identity_token, if known
        pub username: Option<String>,
        /// with username
        pub password: Option<Zeroizing<String>>,
        /// a refresh token for the token server, instead of a password
        pub identity_token: Option<Zeroizing<String>>,
        /// keep them
        pub store: bool = true,
        /// ask the token server for an identity token, and store that instead of the password
        ///
        /// not all servers issue an identity token
        pub offline_token: bool,
        /// the scopes of the token, each TYPE:NAME:ACTION[,ACTION...]
        ///
        /// an example is "repository:team/app:pull,push". At a host that uses Basic, scopes mean nothing
        pub scope: Texts,
        /// the result has the token
        pub return_token: bool,
        /// keep them in this file
        pub credentials_file: Option<String>,
        /// keep them in the config.json of this folder
        pub docker_config: Option<String>,
    }
}

options! {
    /// Options of a logout.
    #[derive(Clone)]
    pub struct LogoutOptions {
        /// remove them from this file, and nowhere else
        pub credentials_file: Option<String>,
        /// remove them from the config.json of this folder, and nowhere else
        pub docker_config: Option<String>,
    }
}

/// The result of a login. Not to be displayed: it may contain a token.
#[derive(Serialize)]
pub struct Login {
    /// The host as given by the caller.
    pub registry: String,
    /// The status of the registry's last response.
    pub status: u16,
    /// The authentication it requires: "none", "basic" or "bearer".
    pub auth: &'static str,
    /// Whose credentials were accepted; None where an identity token does not say it.
    pub username: Option<String>,
    /// Whether an identity token is kept, and not the password.
    pub identity_token: bool,
    /// The file or the helper that keeps them.
    pub stored_in: Option<String>,
    /// The bearer token; only if requested, and null where none is used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<Option<Zeroizing<String>>>,
}

/// The result of a logout.
#[derive(Debug, Default, Serialize)]
pub struct Logout {
    /// The host as given by the caller.
    pub registry: String,
    /// Whether there was something.
    pub removed: bool,
    /// The files and helpers that held something.
    pub from: Vec<String>,
}

impl Client {
    /// Tries credentials out at a registry, and keeps them.
    pub fn login(&self, call: &Call, registry: &str, options: &LoginOptions) -> Result<Login> {
        let index = Index::parse(registry)?;
        let places = self.places_of(&options.credentials_file, &options.docker_config);
        let stored = places.as_ref().unwrap_or(self.auth.stored());
        let file = match (options.store, target(stored.places())) {
            (false, _) => None,
            (true, Some(file)) => Some(file.as_path()),
            (true, None) => return Err(nowhere()),
        };
        let scopes = scopes(&options.scope)?;
        let mut account = self.account(call, &index, "")?;
        let credentials = self.offered(call, &account, options)?;
        account.credentials = Some(credentials.clone());
        account.anonymous = false;
        let accepted = self.auth.log_in(call, &account, &scopes, options.offline_token)?;
        let kept = replaced(credentials, accepted.refresh, options.offline_token);
        let stored_in = file.map(|file| keep(call, stored, file, &index, &kept)).transpose()?;
        self.auth.stored().forget(&index.name);
        let (username, identity_token) = match kept {
            Credentials::Password { username, .. } => (Some(username), false),
            Credentials::IdentityToken { username, .. } => (username, true),
            Credentials::Token(_) | Credentials::Anonymous => (None, false),
        };
        Ok(Login {
            registry: index.name,
            status: accepted.status,
            auth: accepted.scheme,
            username,
            identity_token,
            stored_in,
            token: options.return_token.then_some(accepted.token),
        })
    }

    /// Removes the stored credentials of a registry. It is not an error if there are none.
    pub fn logout(&self, call: &Call, registry: &str, options: &LogoutOptions) -> Result<Logout> {
        let index = Index::parse(registry)?;
        let places = self.places_of(&options.credentials_file, &options.docker_config);
        let stored = places.as_ref().unwrap_or(self.auth.stored());
        if target(stored.places()).is_none() {
            return Err(nowhere());
        }
        let (mut from, mut failed) = (Vec::new(), None);
        for place in stored.places() {
            call.check()?;
            let CredentialPlace::File { path, .. } = place else { continue };
            // What can be removed elsewhere is not left for that.
            failed = failed.or(remove(call, stored, path, &index, &mut from).err());
        }
        self.auth.stored().forget(&index.name);
        call.check()?;
        failed.map_or(Ok(()), Err)?;
        Ok(Logout { registry: index.name, removed: !from.is_empty(), from })
    }

    /// The places that a call names itself; None to use those of the client.
    fn places_of(
        &self,
        credentials_file: &Option<String>,
        docker_config: &Option<String>,
    ) -> Option<StoredCredentials> {
        if credentials_file.is_none() && docker_config.is_none() {
            return None;
        }
        let (credentials_file, docker_config) = (credentials_file.clone(), docker_config.clone());
        Some(self.auth.stored().elsewhere(&CredentialChoice {
            credentials_file,
            docker_config,
            ..CredentialChoice::default()
        }))
    }

    /// The credentials to check: the call's, otherwise the host's, otherwise the hook's. Never stored ones.
    fn offered(&self, call: &Call, account: &Account, options: &LoginOptions) -> Result<Credentials> {
        let secrets = Secrets {
            username: options.username.clone(),
            password: options.password.clone(),
            identity_token: options.identity_token.clone(),
            token: None,
        };
        let mut offered = secrets.credentials()?;
        if offered == Credentials::Anonymous {
            offered = self.auth.given(call, account)?;
        }
        match can_log_in(&offered) {
            true => Ok(offered),
            false => Err(Error::new(
                Code::InvalidArgument,
                format!("a login to {} needs a username and a password, or an identity_token", account.host),
            )),
        }
    }
}

/// An invalid scope from the caller is an error; one from a server would be skipped.
pub(super) fn scopes(texts: &Texts) -> Result<ScopeSet> {
    let mut scopes = ScopeSet::new();
    for text in texts.0.iter().flat_map(|text| text.split(' ')) {
        let scope = Scope::parse(text).ok_or_else(|| {
            let message = format!("the option scope: '{}' is not TYPE:NAME:ACTION[,ACTION…]", shorten(text));
            Error::new(Code::InvalidArgument, message)
        })?;
        scopes.add(scope);
    }
    Ok(scopes)
}

fn nowhere() -> Error {
    Error::new(Code::InvalidArgument, "no option names a place to store credentials")
        .with_hint("give the option credentials_file, or the client's option docker_config or stored_credentials")
}

/// The identity token that a login returned is stored instead of the given credentials.
fn replaced(offered: Credentials, refresh: Option<Zeroizing<String>>, offline: bool) -> Credentials {
    match (offered, refresh) {
        (Credentials::Password { username, .. }, Some(token)) if offline => {
            Credentials::IdentityToken { username: Some(username), token }
        }
        (Credentials::IdentityToken { username, .. }, Some(token)) => Credentials::IdentityToken { username, token },
        (offered, _) => offered,
    }
}

/// Passes credentials to the helper that the file names for the host, otherwise writes them into the file. Returns
/// where.
fn keep(
    call: &Call,
    stored: &StoredCredentials,
    file: &Path,
    index: &Index,
    credentials: &Credentials,
) -> Result<String> {
    let (helper, hosts) = credential_writer::place_of_login(file, stored.foreign(), index)?;
    let Some(helper) = helper else {
        credential_writer::put(call, file, stored.foreign(), index, &hosts, Some(credentials))?;
        return Ok(file.display().to_string());
    };
    let store = || stored.helpers().store(call, &helper, &credential_key::of_login(index), credentials);
    store()?;
    // As Docker does, a marker is left, and a password that was in the file is removed.
    let old = credential_writer::put(call, file, stored.foreign(), index, &hosts, None)?;
    let (had, failed) = erase_all(call, stored, &helper, &old)?;
    // To some helpers two names are one.
    if had {
        store()?;
    }
    if let Some(error) = failed {
        let text = format!("the helper may still keep what was there before this login: {}", error.message());
        call.warn_of(&index.name, &text)?;
    }
    Ok(helper)
}

fn remove(call: &Call, stored: &StoredCredentials, file: &Path, index: &Index, from: &mut Vec<String>) -> Result<()> {
    let mut failed = None;
    for (helper, servers) in credential_writer::helpers_of(file, stored.foreign(), index)? {
        let (had, error) = erase_all(call, stored, &helper, &servers)?;
        failed = failed.or(error);
        from.extend(had.then_some(helper));
    }
    if file.exists() && credential_writer::remove(call, file, stored.foreign(), index)? {
        from.push(file.display().to_string());
    }
    failed.map_or(Ok(()), Err)
}

/// Erases what a helper has by some names. Returns whether there was something, and the first failure: the other names are erased after it,
/// unless the helper hangs.
fn erase_all(
    call: &Call,
    stored: &StoredCredentials,
    helper: &str,
    servers: &[String],
) -> Result<(bool, Option<Error>)> {
    let (mut had, mut failed) = (false, None);
    for server in servers {
        match erase(call, stored, helper, server) {
            Ok(was_there) => had |= was_there,
            Err(error) => {
                call.check()?;
                let hangs = error.code() == Code::Timeout;
                failed = failed.or(Some(error.within(shorten(server))));
                if hangs {
                    break;
                }
            }
        }
    }
    Ok((had, failed))
}

/// Whether a helper had something, which is gone now: they do not report that themselves.
fn erase(call: &Call, stored: &StoredCredentials, helper: &str, server: &str) -> Result<bool> {
    let had = stored.helpers().get(call, helper, server)?.is_some();
    if had {
        stored.helpers().erase(call, helper, server)?;
    }
    Ok(had)
}
