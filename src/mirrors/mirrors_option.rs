//! The option `mirrors` of a host.

use serde_json::{Map, Value};

use super::endpoint::{EndpointBase, RegistryEndpoint};
use super::host_path::HostPath;
use super::rename::Rename;
use super::rule_source::RuleSource;
use crate::docker_hub;
use crate::options::OptionValue;
use crate::reference::{quoted, Scheme};
use crate::text::shorten;

/// Mirrors, in the order in which they are asked.
#[derive(Debug, Clone, Default)]
pub struct Mirrors(pub(crate) Vec<RegistryEndpoint>);

impl OptionValue for Mirrors {
    fn read(value: Value) -> Result<Mirrors, String> {
        let Value::Array(list) = value else { return Err("must be a list".to_owned()) };
        list.into_iter().map(mirror).collect::<Result<_, _>>().map(Mirrors)
    }
}

fn mirror(value: Value) -> Result<RegistryEndpoint, String> {
    match value {
        // A caller that can give only strings can give all of it too.
        Value::String(text) if text.trim_start().starts_with('{') => match serde_json::from_str(&text) {
            Ok(Value::Object(members)) => full(members),
            _ => Err("has an entry that begins with '{' and is not a JSON object".to_owned()),
        },
        Value::String(text) => at(&text),
        Value::Object(members) => full(members),
        _ => Err("has an entry that is neither a string nor an object".to_owned()),
    }
}

/// A mirror with all that can be said of it.
fn full(mut members: Map<String, Value>) -> Result<RegistryEndpoint, String> {
    let Some(Value::String(text)) = members.remove("endpoint") else {
        return Err("has an object without the string \"endpoint\"".to_owned());
    };
    let mut mirror = at(&text)?;
    for (key, value) in members {
        let is_set =
            || value.as_bool().ok_or_else(|| format!("has an object whose {} is not a boolean", shorten(&key)));
        match (key.as_str(), &mut mirror.base) {
            ("by_digest_only", _) => {
                mirror.may.by_tag = !is_set()?;
                mirror.may.referrers = mirror.may.by_tag;
            }
            ("push", _) => mirror.may.push = is_set()?,
            ("namespace", EndpointBase::At { names_registry, .. }) => *names_registry = is_set()?,
            _ => {
                let known = "endpoint, by_digest_only, push and namespace";
                return Err(format!("has an object with \"{}\": it can have {known}", shorten(&key)));
            }
        }
    }
    Ok(mirror)
}

/// `[SCHEME://]HOST[:PORT][/PREFIX]`.
fn at(text: &str) -> Result<RegistryEndpoint, String> {
    let wrong = |why: String| format!("has '{}', which is not [SCHEME://]HOST[:PORT][/PREFIX]: {why}", quoted(text));
    let (scheme, HostPath { host, path }) = HostPath::of_mirror(text).map_err(wrong)?;
    if scheme == Some(Scheme::Http) && docker_hub::HOSTS.contains(&host.as_str()) {
        return Err(wrong("Docker Hub is not asked by plain http".to_owned()));
    }
    let rename = match path.as_str() {
        "" => Rename::Keep,
        _ => Rename::Prefix { from: String::new(), to: path },
    };
    let base = EndpointBase::At { scheme, host, path: String::new(), whole_path: false, names_registry: false };
    Ok(RegistryEndpoint { rename, ..RegistryEndpoint::new(base, RuleSource::Option("mirrors")) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mirrors::Abilities;
    use serde_json::json;

    #[test]
    fn a_mirror_is_a_host_with_what_comes_before_the_name() {
        let read = |text: &str| Mirrors::read(json!([text])).unwrap().0.remove(0);
        for (text, scheme, host, name) in [
            ("M.example", None, "m.example", "a/b"),
            ("cache", None, "cache", "a/b"),
            ("https://Cache/hub", Some(Scheme::Https), "cache", "hub/a/b"),
            ("http://127.0.0.1:5000/", Some(Scheme::Http), "127.0.0.1:5000", "a/b"),
            ("https://[::1]:5000/proxy/hub/", Some(Scheme::Https), "[::1]:5000", "proxy/hub/a/b"),
        ] {
            let mirror = read(text);
            let EndpointBase::At { scheme: found, host: at, .. } = &mirror.base else { panic!("{text}") };
            assert_eq!((*found, at.as_str()), (scheme, host), "{text}");
            assert_eq!(mirror.rename.apply("a/b").as_deref(), Some(name), "{text}");
            assert_eq!(mirror.may, Abilities::PULL);
        }
    }

    #[test]
    fn more_is_said_by_an_object_also_as_text() {
        let all = json!({"endpoint": "m.example", "by_digest_only": true, "push": true, "namespace": true});
        for value in [all.clone(), all.to_string().into()] {
            let mirror = Mirrors::read(json!([value])).unwrap().0.remove(0);
            assert_eq!(mirror.may, Abilities { push: true, ..Abilities::BY_DIGEST });
            assert!(matches!(mirror.base, EndpointBase::At { names_registry: true, .. }));
        }
    }

    #[test]
    fn what_is_no_mirror_is_refused() {
        for value in [
            json!("m.example"),
            json!([1]),
            json!([""]),
            json!(["ftp://m.example"]),
            json!(["http:///a"]),
            json!(["http://docker.io"]),
            json!(["https://https://m.example"]),
            json!(["u:p@m.example"]),
            json!(["m.example/A"]),
            json!(["m.example/a/../b"]),
            json!(["m.example/a?b"]),
            json!(["{"]),
            json!([{"by_digest_only": true}]),
            json!([{"endpoint": "m.example", "push": 1}]),
            json!([{"endpoint": "m.example", "pull": true}]),
        ] {
            assert!(Mirrors::read(value.clone()).is_err(), "{value}");
        }
    }
}
