//! Logging in, and making an account, as protocol v1 has it: `/v1/users/` of the index.

use ::http::header::{ACCEPT, CONTENT_TYPE};
use ::http::{Method, StatusCode};
use serde::Serialize;
use serde_json::{json, Value};
use zeroize::Zeroizing;

use super::index_server::IndexServer;
use super::path::V1Path;
use super::ERROR_BODY;
use crate::auth::basic_header;
use crate::call::Call;
use crate::credentials::Credentials;
use crate::error::{Code, Error, Result};
use crate::http::location::RequestTarget;
use crate::http::response::Response;
use crate::http::upload::Body;
use crate::http::Request;
use crate::options::options;
use crate::reference::Index;
use crate::registry::Client;
use crate::text::shorten;

options! {
    /// Options of a login.
    #[derive(Clone)]
    pub struct V1LoginOptions {
        /// with password; the host's when neither is given
        pub username: Option<String>,
        /// with username
        pub password: Option<Zeroizing<String>>,
        /// make the account
        pub email: Option<String>,
    }
}

/// The result of a login.
#[derive(Debug, Serialize)]
pub struct V1Login {
    /// The text that Docker showed.
    pub status: String,
    /// The user name that was checked or created.
    pub username: String,
    /// Whether the account is new.
    pub created: bool,
}

struct User {
    name: String,
    password: Zeroizing<String>,
}

impl Client {
    /// Checks a user's password at an index; with an e-mail address makes the account first.
    pub fn v1_login(&self, call: &Call, registry: &str, options: &V1LoginOptions) -> Result<V1Login> {
        let index = Index::parse(registry)?;
        let place = IndexServer::new(self, call, &index, "")?;
        let user = user(&place, options)?;
        if let Some(email) = &options.email {
            if let Some(login) = register(&place, &user, email, index.official)? {
                return Ok(login);
            }
        }
        check(&place, user, index.official)
    }
}

fn user(place: &IndexServer, options: &V1LoginOptions) -> Result<User> {
    let invalid = |why: &str| Err(Error::new(Code::InvalidArgument, why));
    let user = match (&options.username, &options.password) {
        (Some(name), Some(password)) => User { name: name.clone(), password: password.clone() },
        (None, None) => match place.credentials()? {
            Credentials::Password { username, password } => User { name: username, password },
            Credentials::IdentityToken { .. } => return invalid(&place.of_no_use()),
            _ => return invalid("a v1 login needs a username and a password, as options or as the host's"),
        },
        _ => return invalid("the options username and password go together"),
    };
    if user.name.is_empty() || user.name.contains(':') || user.name.chars().any(char::is_control) {
        return invalid("the username is empty, or contains a colon or control characters");
    }
    if user.password.chars().any(char::is_control) {
        return invalid("the password contains control characters");
    }
    Ok(user)
}

/// Creates the account; None when there is already one with that name.
fn register(place: &IndexServer, user: &User, email: &str, official: bool) -> Result<Option<V1Login>> {
    let account = json!({"username": user.name, "password": user.password.as_str(), "email": email});
    let text = Zeroizing::new(account.to_string().into_bytes());
    let mut source: &[u8] = &text;
    let size = text.len() as u64;
    // A body that is sent once is not sent after a redirect: the password is for this host.
    let body = Body::Stream { source: &mut source, size, done: 0 };
    let mut request = Request::new(Method::POST)
        .header(CONTENT_TYPE, "application/json")?
        .header(ACCEPT, "application/json")?
        .body(body);
    let quiet = IndexServer { call: place.call.without_progress(), ..place.clone() };
    let mut response = quiet.send(&users(), &mut request)?;
    match response.status {
        StatusCode::CREATED => {
            let host = &place.account.host;
            let status = match official {
                true => "Account created. Please use the confirmation link we sent to your e-mail to activate it.".to_owned(),
                false => format!(
                    "Account created. Please see the documentation of the registry {host} for instructions how to activate it."
                ),
            };
            Ok(Some(V1Login { status, username: user.name.clone(), created: true }))
        }
        StatusCode::BAD_REQUEST => {
            let said = said(place, &mut response);
            match said.trim() == "Username or email already exists" {
                true => Ok(None),
                false => Err(refused(&response, Code::Http, format!("Registration: {}", shorten(&said)))),
            }
        }
        StatusCode::UNAUTHORIZED => Ok(None),
        _ => Err(unexpected(place, response, "Registration")),
    }
}

fn check(place: &IndexServer, user: User, official: bool) -> Result<V1Login> {
    let mut request = Request::new(Method::GET).header(ACCEPT, "application/json")?;
    let credentials = Credentials::Password { username: user.name.clone(), password: user.password.clone() };
    request.authorization = basic_header(&credentials)?;
    let response = place.send(&users(), &mut request)?;
    let host = &place.account.host;
    match response.status {
        StatusCode::OK => Ok(V1Login { status: "Login Succeeded".to_owned(), username: user.name, created: false }),
        StatusCode::UNAUTHORIZED => {
            place.client.auth.forget_answer(&place.call, &place.account);
            Err(refused(&response, Code::Unauthenticated, "Wrong login/password, please try again".to_owned()))
        }
        StatusCode::FORBIDDEN => {
            let how = match official {
                true => "Please check your e-mail for a confirmation link.".to_owned(),
                false => {
                    format!("Please see the documentation of the registry {host} for instructions how to activate it.")
                }
            };
            Err(refused(&response, Code::Forbidden, format!("Login: Account is not Active. {how}")))
        }
        _ => Err(unexpected(place, response, "Login")),
    }
}

fn users() -> RequestTarget {
    V1Path::Users.into()
}

fn refused(response: &Response, code: Code, message: String) -> Error {
    Error::new(code, message).with_http_status(response.status.as_u16()).with_url(&response.url)
}

fn unexpected(place: &IndexServer, response: Response, what: &str) -> Error {
    let status = response.status.as_u16();
    place.failure(response, &format!("{what}: Unexpected status code [{status}]"))
}

/// The text of a body: a JSON string, the message of an error document, or plain text.
fn said(place: &IndexServer, response: &mut Response) -> String {
    let body = response.beginning(&place.call, ERROR_BODY);
    match crate::json::parse(&body) {
        Ok(Value::String(text)) => text,
        Ok(Value::Object(document)) => {
            let text = ["error", "message"].iter().find_map(|key| document.get(*key)?.as_str());
            text.unwrap_or_default().to_owned()
        }
        _ => String::from_utf8_lossy(&body).into_owned(),
    }
}
