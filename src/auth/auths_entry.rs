//! One entry of an `auths` object: {"auth", "username", "password", "identitytoken", "registrytoken"}.

use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::Engine as _;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::secrets::Secrets;
use crate::credentials::{encode_pair, Credentials};

/// Docker pads base64; other writers do not.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

pub(crate) enum CredentialEntry {
    /// `{}`: what Docker leaves when a helper has the credentials.
    Marker,
    Holds(Credentials),
    /// An unusable entry, and the reason. It is an error only for the host that it belongs to.
    Broken(String),
}

pub(crate) fn read(value: &Value) -> CredentialEntry {
    match value {
        Value::Null => CredentialEntry::Marker,
        Value::Object(members) => match credentials(members) {
            Ok(Credentials::Anonymous) => CredentialEntry::Marker,
            Ok(credentials) => CredentialEntry::Holds(credentials),
            Err(why) => CredentialEntry::Broken(why),
        },
        _ => CredentialEntry::Broken("it is not a JSON object".to_owned()),
    }
}

/// A registrytoken is used unchanged; an identitytoken wins over the password; `auth` wins over `username` and
/// `password`.
fn credentials(members: &Map<String, Value>) -> Result<Credentials, String> {
    let mut secrets = Secrets::default();
    let token = text(members, "registrytoken")?.unwrap_or_default();
    if !token.is_empty() {
        secrets.token = Some(Zeroizing::new(token.to_owned()));
        return secrets.credentials().map_err(|error| error.message().to_owned());
    }
    (secrets.username, secrets.password) = match text(members, "auth")?.map(str::trim).filter(|auth| !auth.is_empty()) {
        Some(auth) => decode(auth)?,
        None => pair(text(members, "username")?, text(members, "password")?),
    };
    let identity = text(members, "identitytoken")?.unwrap_or_default();
    if !identity.is_empty() {
        secrets.password = None;
        secrets.identity_token = Some(Zeroizing::new(identity.to_owned()));
        // Docker's word for "none".
        secrets.username = secrets.username.filter(|name| name != "<token>");
    }
    secrets.credentials().map_err(|error| error.message().to_owned())
}

type UserAndPassword = (Option<String>, Option<Zeroizing<String>>);

fn pair(username: Option<&str>, password: Option<&str>) -> UserAndPassword {
    match (username, password) {
        (None, None) => (None, None),
        (username, password) => (
            Some(username.unwrap_or_default().to_owned()),
            Some(Zeroizing::new(password.unwrap_or_default().to_owned())),
        ),
    }
}

/// base64 of `user:password`; the password may contain colons, and some writers pad it with NULs.
fn decode(auth: &str) -> Result<UserAndPassword, String> {
    let bytes = BASE64.decode(auth).map(Zeroizing::new).map_err(|_| "auth is not base64".to_owned())?;
    let text = std::str::from_utf8(&bytes).map_err(|_| "auth is not UTF-8".to_owned())?;
    let (username, password) =
        text.split_once(':').ok_or_else(|| "auth has no colon between user and password".to_owned())?;
    Ok(pair(Some(username), Some(password.trim_end_matches('\0'))))
}

fn text<'a>(members: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, String> {
    match members.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(format!("{name} is not a string")),
    }
}

/// The entry that Docker would write; None for credentials that cannot be stored in an entry.
pub(crate) fn write(credentials: &Credentials) -> Option<Value> {
    let auth = |username: &str, password: &str| encode_pair(username, password).as_str().to_owned();
    match credentials {
        Credentials::Password { username, password } => Some(serde_json::json!({ "auth": auth(username, password) })),
        Credentials::IdentityToken { username: Some(username), token } => {
            Some(serde_json::json!({"auth": auth(username, ""), "identitytoken": token.as_str()}))
        }
        Credentials::IdentityToken { username: None, token } => {
            Some(serde_json::json!({"identitytoken": token.as_str()}))
        }
        Credentials::Token(_) | Credentials::Anonymous => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn shown(value: Value) -> String {
        match read(&value) {
            CredentialEntry::Marker => "marker".to_owned(),
            CredentialEntry::Broken(why) => {
                assert!(!why.contains("SECRET"), "{why}");
                format!("broken: {why}")
            }
            CredentialEntry::Holds(credentials) => match credentials {
                Credentials::Password { username, password } => format!("{username} / {}", password.as_str()),
                Credentials::IdentityToken { username, token } => {
                    format!("identity {} of {}", token.as_str(), username.unwrap_or_default())
                }
                Credentials::Token(token) => format!("token {}", token.as_str()),
                Credentials::Anonymous => "anonymous".to_owned(),
            },
        }
    }

    fn encoded(text: &str) -> String {
        base64::engine::general_purpose::STANDARD.encode(text)
    }

    #[test]
    fn every_form_of_entry_is_read() {
        for (entry, expected) in [
            (json!({}), "marker"),
            (json!(null), "marker"),
            (json!({"auth": "", "username": "", "password": ""}), "marker"),
            (json!({"email": "a@b.example"}), "marker"),
            (json!({"auth": encoded(":")}), "marker"),
            (json!({"auth": encoded("u:p")}), "u / p"),
            (json!({"auth": format!(" {}\n", encoded("u:p"))}), "u / p"),
            (json!({"auth": encoded("u:p:q r")}), "u / p:q r"),
            (json!({"auth": encoded("u:p\0\0")}), "u / p"),
            (json!({"auth": "dTpw"}), "u / p"),
            (json!({"auth": "dTpwYQ"}), "u / pa"),
            (json!({"auth": encoded("u:")}), "u / "),
            (json!({"auth": encoded("u:p"), "username": "x", "password": "y"}), "u / p"),
            (json!({"username": "u", "password": "p"}), "u / p"),
            (json!({"username": "AWS", "password": "p", "other": [1]}), "AWS / p"),
            (json!({"identitytoken": "i"}), "identity i of "),
            (json!({"auth": encoded("u:p"), "identitytoken": "i"}), "identity i of u"),
            (json!({"username": "<token>", "identitytoken": "i"}), "identity i of "),
            (
                json!({"auth": encoded("00000000-0000-0000-0000-000000000000:"), "identitytoken": "i"}),
                "identity i of 00000000-0000-0000-0000-000000000000",
            ),
            (json!({"auth": encoded("u:p"), "identitytoken": "i", "registrytoken": "r"}), "token r"),
        ] {
            assert_eq!(shown(entry.clone()), expected, "{entry}");
        }
    }

    #[test]
    fn a_broken_entry_says_why_and_no_more() {
        for (entry, why) in [
            (json!("SECRET"), "not a JSON object"),
            (json!(["SECRET"]), "not a JSON object"),
            (json!({"auth": "SECRET!"}), "not base64"),
            (json!({"auth": encoded("SECRET")}), "no colon"),
            (json!({"auth": base64::engine::general_purpose::STANDARD.encode(b"u:SECRET\xff")}), "not UTF-8"),
            (json!({"auth": 5}), "auth is not a string"),
            (json!({"username": ["SECRET"]}), "username is not a string"),
            (json!({"registrytoken": "SECRET\r\nX: y"}), "control characters"),
            (json!({"auth": encoded("u:SEC\0RET")}), "zero byte"),
            (json!({"username": "u:v", "password": "SECRET"}), "colon"),
        ] {
            let shown = shown(entry.clone());
            assert!(shown.starts_with("broken: ") && shown.contains(why), "{entry}: {shown}");
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        for entry in [
            json!({"auth": encoded("u:p:q")}),
            json!({"auth": encoded("u:"), "identitytoken": "i"}),
            json!({"identitytoken": "i"}),
        ] {
            let CredentialEntry::Holds(credentials) = read(&entry) else { panic!("{entry}") };
            assert_eq!(write(&credentials).unwrap(), entry);
        }
        assert!(write(&Credentials::Anonymous).is_none());
    }
}
