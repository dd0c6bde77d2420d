//! Docker's config.json, podman's auth.json and the older .dockercfg, whose entries are at the top level. Pure: parses
//! bytes only.

use std::iter;

use serde_json::{Map, Value};
use zeroize::Zeroize;

use super::auths_entry::{self, CredentialEntry};
use super::credential_key::{self, CredentialKey, WantedHost};
use crate::docker_hub;
use crate::text::shorten;

/// As many names of one host a helper is asked for.
const MOST_SPELLINGS: usize = 8;
/// The largest file that is read.
pub(crate) const LIMIT: u64 = 10 << 20;
/// What podman writes in place of a helper's name to mean the file itself.
const NO_HELPER: [&str; 2] = ["", "containers-auth.json"];

#[derive(Default)]
pub(crate) struct ConfigFile {
    entries: Vec<(String, CredentialKey, CredentialEntry)>,
    helpers: Vec<(String, CredentialKey, Option<String>)>,
    store: Option<String>,
}

/// Credentials, and the key under which they were found.
pub(crate) struct MatchedEntry<'a> {
    /// The key as the file spells it.
    pub(crate) key: &'a str,
    pub(crate) entry: &'a CredentialEntry,
}

/// A JSON document whose strings are wiped from memory when it is dropped.
pub(crate) struct SecretDocument(pub(crate) Map<String, Value>);

impl Drop for SecretDocument {
    fn drop(&mut self) {
        self.0.values_mut().for_each(wipe);
    }
}

fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(list) => list.iter_mut().for_each(wipe),
        Value::Object(members) => members.values_mut().for_each(wipe),
        _ => {}
    }
}

impl SecretDocument {
    /// Parses a JSON object; no bytes count as an empty one, as in Docker.
    pub(crate) fn parse(bytes: &[u8]) -> Result<SecretDocument, String> {
        if bytes.trim_ascii().is_empty() {
            return Ok(SecretDocument(Map::new()));
        }
        match crate::json::parse(bytes) {
            Ok(Value::Object(members)) => Ok(SecretDocument(members)),
            Ok(mut other) => {
                wipe(&mut other);
                Err("it does not contain a JSON object".to_owned())
            }
            Err(error) => Err(format!("it {}", error.verdict())),
        }
    }

    /// Whether the entries are at the top level: there are no members of the newer format, and something that looks
    /// like an entry.
    fn is_legacy(&self) -> bool {
        let is_entry = |value: &Value| {
            value.as_object().is_some_and(|entry| entry.contains_key("auth") || entry.contains_key("username"))
        };
        !["auths", "credHelpers", "credsStore", "HttpHeaders"].iter().any(|name| self.0.contains_key(*name))
            && self.0.values().any(is_entry)
    }

    /// The entries, for modification.
    pub(crate) fn entries(&mut self) -> Result<&mut Map<String, Value>, String> {
        if self.is_legacy() {
            return Ok(&mut self.0);
        }
        let auths = self.0.entry("auths").or_insert(Value::Null);
        if auths.is_null() {
            *auths = Value::Object(Map::new());
        }
        auths.as_object_mut().ok_or_else(|| "auths is not a JSON object".to_owned())
    }
}

impl ConfigFile {
    pub(crate) fn parse(bytes: &[u8]) -> Result<ConfigFile, String> {
        ConfigFile::read(&SecretDocument::parse(bytes)?)
    }

    pub(crate) fn read(document: &SecretDocument) -> Result<ConfigFile, String> {
        let root = &document.0;
        let none = Map::new();
        let auths = if document.is_legacy() { root } else { object(root, "auths")?.unwrap_or(&none) };
        let entries = auths
            .iter()
            .filter_map(|(name, value)| Some((name.clone(), CredentialKey::parse(name)?, auths_entry::read(value))))
            .collect();
        let helpers = object(root, "credHelpers")?.unwrap_or(&none);
        let helpers = helpers
            .iter()
            .filter_map(|(name, value)| {
                Some((name.clone(), CredentialKey::parse(name)?, value.as_str().map(str::to_owned)))
            })
            // A namespace cannot have its own helper.
            .filter(|(_, key, _)| key.path.is_empty())
            .collect();
        let store = match root.get("credsStore") {
            None | Some(Value::Null) => None,
            Some(Value::String(name)) => Some(name.clone()),
            Some(_) => return Err("credsStore is not a string".to_owned()),
        };
        Ok(ConfigFile { entries, helpers, store })
    }

    /// The helper for a host's credentials: its own, the nearest if there are several, otherwise the one for all hosts.
    pub(crate) fn helper(&self, host: &WantedHost) -> Result<Option<&str>, String> {
        let all = self.helpers.iter().filter(|(_, key, _)| host.is_of(key));
        let own = all.min_by_key(|(name, key, _)| host.distance(key, name));
        let name = match own {
            Some((_, _, Some(name))) => Some(name.as_str()),
            Some((_, _, None)) => return Err(format!("credHelpers has no string for {}", shorten(host.name()))),
            None => self.store.as_deref(),
        };
        Ok(name.filter(|name| !NO_HELPER.contains(name)))
    }

    /// What a helper may know a host by, which compares texts: its one spelling, the caller's, and those in the file, which are those of logins.
    /// Those that say its port come first.
    pub(crate) fn servers(&self, host: &str, wanted: &WantedHost) -> Vec<String> {
        let entries = self.entries.iter().map(|(text, key, _)| (text, key));
        let named = entries.chain(self.helpers.iter().map(|(text, key, _)| (text, key)));
        let of_logins = named.filter(|(_, key)| wanted.is_of(key) && key.path.is_empty()).map(|(text, _)| text.clone());
        // Docker's tools know Docker Hub by one name only.
        let callers = (wanted.name() != docker_hub::DEFAULT_INDEX).then(|| host.to_owned());
        let own = credential_key::server(host);
        let mut all = Vec::new();
        for server in iter::once(own).chain(callers).chain(of_logins) {
            if all.len() < MOST_SPELLINGS && !all.contains(&server) {
                all.push(server);
            }
        }
        all.sort_by_key(|text| !CredentialKey::parse(text).is_some_and(|key| wanted.is_exactly(&key)));
        all
    }

    /// The entry for a repository: the longest path wins, then the one for the very port, then Docker's own spelling of the host, then the
    /// order in the file. Markers are skipped.
    pub(crate) fn find(&self, host: &WantedHost, repository: &str) -> Option<MatchedEntry<'_>> {
        self.entries
            .iter()
            .filter(|(_, key, entry)| key.covers(host, repository) && !matches!(entry, CredentialEntry::Marker))
            .min_by_key(|(name, key, _)| (std::cmp::Reverse(key.path.len()), host.distance(key, name)))
            .map(|(name, _, entry)| MatchedEntry { key: name, entry })
    }
}

fn object<'a>(root: &'a Map<String, Value>, name: &str) -> Result<Option<&'a Map<String, Value>>, String> {
    match root.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(members)) => Ok(Some(members)),
        Some(_) => Err(format!("{name} is not a JSON object")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials::Credentials;
    use base64::Engine as _;
    use serde_json::json;

    fn auth(user: &str) -> Value {
        json!({"auth": base64::engine::general_purpose::STANDARD.encode(format!("{user}:p"))})
    }

    fn config(value: Value) -> ConfigFile {
        ConfigFile::parse(value.to_string().as_bytes()).unwrap()
    }

    fn user(config: &ConfigFile, host: &str, repository: &str) -> Option<String> {
        match config.find(&WantedHost::new(host, false), repository)?.entry {
            CredentialEntry::Holds(Credentials::Password { username, .. }) => Some(username.clone()),
            CredentialEntry::Holds(_) => Some("other".to_owned()),
            CredentialEntry::Broken(_) => Some("broken".to_owned()),
            CredentialEntry::Marker => None,
        }
    }

    #[test]
    fn each_host_has_its_own_entry() {
        let config = config(json!({"auths": {
            "reg.example": auth("plain"),
            "https://other.example:5000/v2/": auth("url"),
            "https://index.docker.io/v1/": auth("hub"),
            "team.example/a": auth("a"),
            "team.example/a/b": auth("ab"),
            "team.example": auth("all"),
            "marked.example": {},
            "https://marked.example": auth("behind"),
            "bad.example": {"auth": "!"},
            "\u{1F980} no key": auth("x"),
        }}));
        for (host, repository, expected) in [
            ("reg.example", "x/y", Some("plain")),
            ("reg.example", "", Some("plain")),
            ("other.example:5000", "x", Some("url")),
            ("other.example", "x", None),
            ("docker.io", "library/alpine", Some("hub")),
            ("team.example", "a", Some("a")),
            ("team.example", "a/b", Some("ab")),
            ("team.example", "a/b/c", Some("ab")),
            ("team.example", "a/bc", Some("a")),
            ("team.example", "ab", Some("all")),
            ("team.example", "", Some("all")),
            ("marked.example", "x", Some("behind")),
            ("bad.example", "x", Some("broken")),
            ("example", "x", None),
            ("reg.example.evil.test", "x", None),
        ] {
            assert_eq!(user(&config, host, repository).as_deref(), expected, "{host}/{repository}");
        }
    }

    #[test]
    fn dockers_own_spelling_comes_first() {
        let twice = config(
            json!({"auths": {"https://r.example/v1/": auth("old"), "r.example": auth("new"), "docker.io": auth("podman"), "https://index.docker.io/v1/": auth("docker")}}),
        );
        assert_eq!(user(&twice, "r.example", "a").as_deref(), Some("new"));
        assert_eq!(user(&twice, "docker.io", "a/b").as_deref(), Some("docker"));
        let first = config(json!({"auths": {"https://r.example/v1/": auth("1"), "https://r.example/v2/": auth("2")}}));
        assert_eq!(user(&first, "r.example", "a").as_deref(), Some("1"));
    }

    /// An entry and a helper of the very port come before those of the host, in whichever order they are.
    #[test]
    fn the_very_port_comes_first() {
        for (keys, plain, tls) in [
            (["r.example", "r.example:80"], 1, 0),
            (["r.example:80", "r.example"], 0, 1),
            (["r.example", "r.example:443"], 0, 1),
            (["r.example:443", "r.example"], 1, 0),
            (["r.example", "https://r.example"], 0, 1),
            (["r.example:443", "r.example:80"], 1, 0),
            (["https://r.example/v1/", "R.Example.:0443"], 9, 1),
            (["https://r.example/v1/", "r.example"], 1, 1),
        ] {
            let of = |value: &dyn Fn(usize) -> Value| -> Map<String, Value> {
                keys.iter().enumerate().map(|(number, key)| ((*key).to_owned(), value(number))).collect()
            };
            let (auths, helpers) = (of(&|number| auth(&number.to_string())), of(&|number| json!(number.to_string())));
            let config = config(json!({"auths": auths, "credHelpers": helpers, "credsStore": "9"}));
            for (is_plain, expected) in [(true, plain), (false, tls)] {
                let wanted = WantedHost::new("r.example", is_plain);
                let helper = config.helper(&wanted).unwrap().unwrap();
                assert_eq!(helper, expected.to_string(), "{keys:?} {is_plain}");
                let entry = config.find(&wanted, "a").map_or("none", |found| found.key);
                assert_eq!(entry, keys.get(expected).copied().unwrap_or("none"), "{keys:?} {is_plain}");
            }
        }
    }

    #[test]
    fn a_helper_is_asked_for_the_very_port_first() {
        let config = config(json!({"auths": {"r.example:80": {}, "r.example:443": {}, "r.example/a": {}}}));
        for (is_plain, expected) in [(true, ["r.example:80", "r.example"]), (false, ["r.example:443", "r.example"])] {
            assert_eq!(config.servers("r.example", &WantedHost::new("r.example", is_plain)), expected);
        }
    }

    #[test]
    fn helpers_are_chosen_by_host() {
        let config = config(json!({
            "credsStore": "all",
            "credHelpers": {"reg.example": "one", "https://index.docker.io/v1/": "hub", "file.example": "", "pod.example": "containers-auth.json",
                            "odd.example": 5, "ns.example/team": "never"},
        }));
        for (host, expected) in [
            ("reg.example", Some("one")),
            ("docker.io", Some("hub")),
            ("file.example", None),
            ("pod.example", None),
            ("ns.example", Some("all")),
            ("reg.example:5000", Some("all")),
        ] {
            assert_eq!(config.helper(&WantedHost::new(host, false)).unwrap(), expected, "{host}");
        }
        assert!(config.helper(&WantedHost::new("odd.example", false)).unwrap_err().contains("odd.example"));
    }

    #[test]
    fn the_old_form_has_its_entries_at_the_top() {
        let old = config(
            json!({"https://index.docker.io/v1/": auth("old"), "reg.example": {"username": "u", "password": "p"}}),
        );
        assert_eq!(user(&old, "docker.io", "a/b").as_deref(), Some("old"));
        assert_eq!(user(&old, "reg.example", "").as_deref(), Some("u"));
        // A file in the new format that happens to have such a member is not a legacy file.
        let new = config(json!({"auths": {}, "reg.example": auth("x")}));
        assert_eq!(user(&new, "reg.example", ""), None);
    }

    #[test]
    fn files_without_credentials_are_fine() {
        for text in
            ["", " \n", "{}", r#"{"auths":null,"credHelpers":null,"credsStore":null}"#, r#"{"detachKeys":"ctrl-e"}"#]
        {
            assert!(
                ConfigFile::parse(text.as_bytes()).unwrap().find(&WantedHost::new("h", false), "").is_none(),
                "{text}"
            );
        }
    }

    #[test]
    fn broken_files_say_why_and_no_more() {
        for (text, why) in [
            ("SECRET", "not valid JSON"),
            ("[\"SECRET\"]", "not contain a JSON object"),
            (r#"{"auths":{"a":{"auth":"SECRET"}"#, "ends within"),
            (r#"{"auths":{"a":{"auth":"SECRET"},"a":{}}}"#, "'a' occurs twice"),
            (r#"{"auths":{"a":{"auth":"SECRET","auth":"x"}}}"#, "twice"),
            (r#"{"auths":["SECRET"]}"#, "auths is not a JSON object"),
            (r#"{"credHelpers":"SECRET"}"#, "credHelpers is not a JSON object"),
            (r#"{"credsStore":{"SECRET":1}}"#, "credsStore is not a string"),
        ] {
            let error = ConfigFile::parse(text.as_bytes()).err().unwrap();
            assert!(error.contains(why) && !error.contains("SECRET"), "{text}: {error}");
        }
        assert!(ConfigFile::parse(&[b'['; 100_000]).is_err());
    }
}
