//! Lists in skopeo's form (skopeo-sync(1), `--src yaml`): for each registry its repositories, with tags, digests, an expression or a
//! range, and how it is reached. No I/O.
//!
//! Where skopeo leaves out what it cannot read, and says so in its log, this is an error of the list, which names the line; so is a
//! key that is not known.

use std::rc::Rc;

use zeroize::Zeroizing;

use super::list::check_length;
use crate::credentials::Credentials;
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::mirrors::yaml::{self, YamlNode};
use crate::mirrors::ConfigText;
use crate::reference::is_tag;
use crate::text::shorten;

/// What errors call the text.
const LIST: &str = "the list";

/// Which tags of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum YamlTags {
    All,
    /// These tags and digests.
    Exactly(Vec<String>),
    /// Those in which an expression finds something.
    Found(String),
    /// Those that are versions in a range.
    In(String),
}

#[derive(Default)]
pub(crate) struct YamlRegistry {
    /// `HOST[:PORT]`.
    pub(crate) host: String,
    pub(crate) repositories: Vec<(String, YamlTags)>,
    pub(crate) credentials: Option<Credentials>,
    pub(crate) tls_verify: Option<bool>,
    pub(crate) cert_dir: Option<String>,
}

/// The registries of a list.
pub(crate) fn parse(text: &str) -> Result<Vec<YamlRegistry>> {
    check_length(text)?;
    let file = ConfigText::new(LIST, text);
    // The text is the caller's, not a file that could not be read.
    read(&file).map_err(|error| match error.code() {
        Code::Io => error.with_code(Code::InvalidArgument),
        _ => error,
    })
}

fn read(file: &ConfigText<'_>) -> Result<Vec<YamlRegistry>> {
    let Some(top) = yaml::parse(file)? else { return Ok(Vec::new()) };
    top.entries(file, LIST)?.iter().map(|(host, node)| registry(file, host, node)).collect()
}

fn registry(file: &ConfigText<'_>, host: &str, node: &YamlNode) -> Result<YamlRegistry> {
    let mut found = YamlRegistry { host: host.to_owned(), ..YamlRegistry::default() };
    for (key, node) in node.entries(file, host)? {
        match key.as_str() {
            "images" => {
                for (name, node) in node.entries(file, key)? {
                    found.repositories.push((name.clone(), images(file, node)?));
                }
            }
            "images-by-tag-regex" => found.repositories.extend(each(file, key, node, YamlTags::Found)?),
            "images-by-semver" => found.repositories.extend(each(file, key, node, YamlTags::In)?),
            "credentials" => found.credentials = credentials(file, node)?,
            "tls-verify" if node.is_nothing() => {}
            "tls-verify" => found.tls_verify = Some(node.flag(file, key)?),
            "cert-dir" => found.cert_dir = Some(node.text(file, key)?.to_owned()).filter(|path| !path.is_empty()),
            other => return Err(unknown(file, node, other)),
        }
    }
    Ok(found)
}

fn images(file: &ConfigText<'_>, node: &YamlNode) -> Result<YamlTags> {
    let mut tags = Vec::new();
    for node in node.values(file, "images")? {
        let text = node.text(file, "images")?;
        if !is_tag(text) && text.parse::<Digest>().is_err() {
            let what = format!("'{}' is neither a tag nor a digest", shorten(text));
            return Err(file.wrong(node.line, what));
        }
        tags.push(text.to_owned());
    }
    Ok(if tags.is_empty() { YamlTags::All } else { YamlTags::Exactly(tags) })
}

fn each(
    file: &ConfigText<'_>,
    key: &str,
    node: &YamlNode,
    kind: fn(String) -> YamlTags,
) -> Result<Vec<(String, YamlTags)>> {
    let one = |(name, node): &(String, Rc<YamlNode>)| Ok((name.clone(), kind(node.text(file, key)?.to_owned())));
    node.entries(file, key)?.iter().map(one).collect()
}

fn credentials(file: &ConfigText<'_>, node: &YamlNode) -> Result<Option<Credentials>> {
    let (mut username, mut password, mut token) = (String::new(), Zeroizing::default(), Zeroizing::default());
    for (key, node) in node.entries(file, "credentials")? {
        let text = node.text(file, key)?.to_owned();
        match key.as_str() {
            "username" => username = text,
            "password" => password = Zeroizing::new(text),
            "identitytoken" => token = Zeroizing::new(text),
            other => return Err(unknown(file, node, other)),
        }
    }
    Ok(match (username.is_empty(), token.is_empty()) {
        (_, false) => {
            Some(Credentials::IdentityToken { username: Some(username).filter(|name| !name.is_empty()), token })
        }
        (false, true) => Some(Credentials::Password { username, password }),
        (true, true) => None,
    })
}

fn unknown(file: &ConfigText<'_>, node: &YamlNode, key: &str) -> Error {
    file.wrong(node.line, format!("the key '{}' is not known", shorten(key)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of skopeo-sync(1).
    const EXAMPLE: &str = r#"
registry.example.com:
    images:
        busybox: []
        redis:
            - "1.0"
            - 2.0
            - "sha256:0000000000000000000000000000000011111111111111111111111111111111"
    images-by-tag-regex:
        nginx: ^1\.13\.[12]-alpine-perl$
    images-by-semver:
        alpine: ">= 3.12.0"
    credentials:
        username: john
        password: this is a secret
    tls-verify: true
    cert-dir: /home/john/certs
quay.io:
    tls-verify: false
    images:
        coreos/etcd:
            - latest
"#;

    #[test]
    fn skopeos_example_is_read() {
        let found = parse(EXAMPLE).unwrap();
        let [example, quay] = &found[..] else { panic!("{} registries", found.len()) };
        let digest = format!("sha256:{}{}", "0".repeat(32), "1".repeat(32));
        let tags = ["1.0", "2.0", &digest].map(str::to_owned).to_vec();
        let named = |name: &str, tags: YamlTags| (name.to_owned(), tags);
        assert_eq!(
            example.repositories,
            [
                named("busybox", YamlTags::All),
                named("redis", YamlTags::Exactly(tags)),
                named("nginx", YamlTags::Found(r"^1\.13\.[12]-alpine-perl$".to_owned())),
                named("alpine", YamlTags::In(">= 3.12.0".to_owned())),
            ]
        );
        assert!(matches!(&example.credentials, Some(Credentials::Password { username, .. }) if username == "john"));
        assert_eq!((example.tls_verify, example.cert_dir.as_deref()), (Some(true), Some("/home/john/certs")));
        assert_eq!((quay.host.as_str(), quay.tls_verify, quay.credentials.is_some()), ("quay.io", Some(false), false));
        assert!(parse("").unwrap().is_empty() && parse("h:\n").unwrap()[0].repositories.is_empty());
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line_and_never_shown_if_it_may_be_secret() {
        for (text, part) in [
            ("h:\n  image: {}\n", "the list, line 2: the key 'image' is not known"),
            ("h:\n  credentials:\n    password: secret\n    user: secret\n", "line 4: the key 'user' is not known"),
            ("h:\n  credentials: secret\n", "'credentials' must be a map"),
            ("h:\n  images:\n    a: [ok, /x/]\n", "line 3: '/x/' is neither a tag nor a digest"),
            ("h:\n  images: [a]\n", "'images' must be a map"),
            ("h:\n  images-by-semver:\n    a: [1]\n", "'images-by-semver' must be a string"),
            ("h:\n  tls-verify: maybe\n", "'tls-verify' must be true or false"),
            ("h: {}\nh: {}\n", "line 2: the key 'h' occurs twice"),
            ("h: [", "it is not YAML"),
        ] {
            let error = parse(text).err().unwrap();
            assert_eq!(error.code(), Code::InvalidArgument, "{error}");
            assert!(error.message().contains(part) && !error.message().contains("secret"), "{error}");
        }
        let long = format!("# {}", "x".repeat(super::super::list::MOST_BYTES));
        assert_eq!(parse(&long).err().unwrap().code(), Code::LimitExceeded);
    }
}
