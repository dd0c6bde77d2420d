//! Docker's credential helpers: `docker-credential-NAME get|store|erase`, a string or JSON on standard input, JSON or
//! an error message on standard output (docker-credential-helpers' protocol).

use std::ffi::OsString;
use std::fs::Metadata;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{json, Value};
use zeroize::Zeroizing;

use super::config_file::SecretDocument;
use super::helper_message::first_line;
use super::helper_process::{self, ChildOutput};
use super::secrets::Secrets;
use crate::call::Call;
use crate::credentials::{encode_pair, Credentials};
use crate::error::{Code, Error, Result};
use crate::os::child_process::ExitReason;
use crate::os::creation_mode::is_executable;
use crate::os::home;
use crate::text::shorten;

/// A helper's message when it has nothing for a host.
const NOT_FOUND: &str = "credentials not found in native keychain";
/// The user name that marks the secret as an identity token.
const IDENTITY: &str = "<token>";

/// The search path of helpers, and their time limit.
pub(crate) struct Helpers {
    /// The search path, as in PATH.
    pub(crate) search: Option<OsString>,
    pub(crate) limit: Duration,
}

impl Helpers {
    /// The credentials for a server; None when the helper has none.
    pub(crate) fn get(&self, call: &Call, name: &str, server: &str) -> Result<Option<Credentials>> {
        let ended = self.run(call, name, "get", server.as_bytes(), server)?;
        if said(&ended) == Some(NOT_FOUND) {
            return Ok(None);
        }
        check(&ended, None).and_then(|()| parse(&ended)).map_err(|error| of(name, error))
    }

    pub(crate) fn store(&self, call: &Call, name: &str, server: &str, credentials: &Credentials) -> Result<()> {
        let (username, secret) = match credentials {
            Credentials::Password { username, password } => (username.as_str(), password),
            Credentials::IdentityToken { token, .. } => (IDENTITY, token),
            Credentials::Token(_) | Credentials::Anonymous => {
                return Err(Error::new(
                    Code::InvalidArgument,
                    "only passwords and identity tokens can be stored by a helper",
                ))
            }
        };
        let mut document = SecretDocument(Default::default());
        document.0.insert("ServerURL".to_owned(), json!(server));
        document.0.insert("Username".to_owned(), json!(username));
        document.0.insert("Secret".to_owned(), json!(secret.as_str()));
        let input = Zeroizing::new(serde_json::to_vec(&document.0).unwrap_or_default());
        let ended = self.run(call, name, "store", &input, server)?;
        let encoded = encode_pair(username, secret);
        check(&ended, Some(&[secret, &encoded])).map_err(|error| of(name, error))
    }

    /// Removes credentials; it is not an error if there are none.
    pub(crate) fn erase(&self, call: &Call, name: &str, server: &str) -> Result<()> {
        let ended = self.run(call, name, "erase", server.as_bytes(), server)?;
        match said(&ended) {
            Some(NOT_FOUND) => Ok(()),
            _ => check(&ended, Some(&[])).map_err(|error| of(name, error)),
        }
    }

    fn run(&self, call: &Call, name: &str, action: &str, input: &[u8], server: &str) -> Result<ChildOutput> {
        // A line break would start a second line of the helper's input.
        if server.chars().any(char::is_control) {
            return Err(Error::new(Code::InvalidReference, "the registry's name contains control characters"));
        }
        let program = self.find(name)?;
        helper_process::run(call, &program, action, input, self.limit).map_err(|error| of(name, error))
    }

    /// Finds the program of a helper in the search path.
    fn find(&self, name: &str) -> Result<PathBuf> {
        let wrong = |why: &str| Err(Error::new(Code::Io, format!("the credential helper '{}' {why}", shorten(name))));
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        if name.is_empty() || !name.bytes().all(plain) {
            return wrong("has an invalid name: only letters, digits, '.', '_' and '-' are allowed");
        }
        let file = format!("docker-credential-{name}");
        let folders = self.search.as_ref().map(|path| home::folders_of(path));
        let mut not_executable = None;
        // Relative folders would depend on the current directory.
        for folder in folders.unwrap_or_default().into_iter().filter(|folder| folder.is_absolute()) {
            let path = folder.join(&file);
            match path.metadata().ok().filter(Metadata::is_file).as_ref().map(is_executable) {
                Some(true) => return Ok(path),
                Some(false) => not_executable = not_executable.or(Some(path)),
                None => {}
            }
        }
        match not_executable {
            Some(path) => wrong(&format!("cannot be run: {} is not executable", path.display())),
            None => wrong(&format!("is not installed: no {file} in the search path")),
        }
    }
}

fn of(name: &str, error: Error) -> Error {
    match error.code() {
        Code::Cancelled | Code::Closed => error,
        _ => error.within(format!("docker-credential-{name}")),
    }
}

/// The helper's error message, if it failed.
fn said(ended: &ChildOutput) -> Option<&str> {
    let failed = ended.by != ExitReason::Status(0);
    std::str::from_utf8(&ended.output).ok().filter(|_| failed).map(str::trim)
}

/// An error if it failed, with its own message without these secrets. The message is on standard output, and those of
/// other programs on standard error. None: the secret is unknown, and a single word on standard output may be it.
fn check(ended: &ChildOutput, secrets: Option<&[&str]>) -> Result<()> {
    let how = match ended.by {
        // Unknown: the answer will tell.
        ExitReason::Status(0) | ExitReason::Unknown => return Ok(()),
        ExitReason::Status(status) => format!("it failed with exit status {status}"),
        ExitReason::Signal { name, number } => format!("it was killed by {name} (signal {number})"),
    };
    let line = |said: &[u8]| first_line(said, secrets.unwrap_or_default());
    let answer = line(&ended.output).filter(|line| secrets.is_some() || line.contains(char::is_whitespace));
    let mut words: Vec<_> = answer.into_iter().chain(line(&ended.errors)).collect();
    words.dedup();
    let what = match (words.is_empty(), ended.output.is_empty() && ended.errors.is_empty()) {
        (false, _) => format!(": {}", words.join("; ")),
        (true, true) => " and printed nothing".to_owned(),
        (true, false) => "; its output may contain a secret, and is not shown".to_owned(),
    };
    Err(Error::new(Code::Io, how + &what))
}

fn parse(ended: &ChildOutput) -> Result<Option<Credentials>> {
    let errors = first_line(&ended.errors, &[]).map(|line| format!("; it says: {line}")).unwrap_or_default();
    let wrong = |why: &str| Error::new(Code::Io, format!("its answer {why}{errors}"));
    if ended.output.iter().all(u8::is_ascii_whitespace) {
        return Err(wrong("is empty"));
    }
    // The parser's message could quote the secret.
    let document = SecretDocument::parse(&ended.output).map_err(|_| wrong("is not a JSON object"))?;
    let text = |name: &str| match document.0.get(name) {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(_) => Err(wrong(&format!("has a {name} that is not a string"))),
    };
    let (username, secret) = (text("Username")?, Zeroizing::new(text("Secret")?));
    let secrets = match username.as_str() {
        IDENTITY => Secrets { identity_token: Some(secret), ..Secrets::default() },
        _ => Secrets { username: Some(username), password: Some(secret), ..Secrets::default() },
    };
    let credentials = secrets.credentials().map_err(|error| wrong(&format!("cannot be used: {}", error.message())))?;
    Ok(Some(credentials).filter(|credentials| *credentials != Credentials::Anonymous))
}
