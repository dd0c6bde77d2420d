//! Repositories by their names (distribution's reference grammar, and the repository forms of the older clients).

use super::host_spelling;
use super::index::{looks_like_host, Index, DEFAULT_INDEX};
use super::invalid::{check_length, invalid, quoted};
use crate::error::Result;
use crate::text::shorten;

/// A repository in a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    index: Index,
    remote_name: String,
}

/// Whether a registry may have a repository of this name, whatever its own name is.
pub(crate) fn is_repository(name: &str) -> bool {
    !name.contains("://") && Repository::parse(&format!("localhost/{name}"), None).is_ok()
}

impl Repository {
    /// Parses `[[SCHEME://]HOST[:PORT]/]NAME`; without a host it is in the default index, or on Docker Hub.
    pub fn parse(text: &str, default_index: Option<&Index>) -> Result<Repository> {
        check_length(text)?;
        let (index, remote) = match text.contains("://") {
            true => {
                let start = text.find("://").unwrap_or(0) + 3;
                let slash = text[start..].find('/').map(|at| at + start);
                let slash = slash
                    .ok_or_else(|| invalid(format!("'{}' has no \"/REPOSITORY\" after the host", quoted(text))))?;
                (Index::parse(&text[..slash])?, &text[slash + 1..])
            }
            false => match text.split_once('/') {
                Some((first, rest)) if looks_like_host(first) => (Index::parse(first)?, rest),
                _ => (default_index.cloned().map_or_else(|| Index::parse(""), Ok)?, text),
            },
        };
        let remote_name = match index.official && !remote.contains('/') {
            true => format!("library/{remote}"),
            false => remote.to_owned(),
        };
        check_name(text, remote, &index)?;
        if remote_name.len() > 255 {
            return Err(invalid(format!(
                "the repository name '{}' is longer than 255 characters",
                shorten(&remote_name)
            )));
        }
        Ok(Repository { index, remote_name })
    }

    /// Whether a name of a repository names no registry.
    pub(crate) fn is_short(text: &str) -> bool {
        !text.contains("://") && !text.split_once('/').is_some_and(|(first, _)| looks_like_host(first))
    }

    /// The registry that it is in.
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// Whether it is an official image of Docker Hub (`library/…`).
    pub fn official(&self) -> bool {
        self.short_name().is_some()
    }

    /// The registry's name for it, as in URLs: `library/mongo`.
    pub fn remote_name(&self) -> &str {
        &self.remote_name
    }

    /// The shortest name, without the registry: `mongo`.
    pub fn local_name(&self) -> String {
        match (self.index.official, self.short_name()) {
            (true, Some(name)) => name.to_owned(),
            (true, None) => self.remote_name.clone(),
            (false, _) => format!("{}/{}", self.index.name, self.remote_name),
        }
    }

    // Only a single component can do without library/: library/a/b and a/b are two repositories.
    fn short_name(&self) -> Option<&str> {
        let name = self.remote_name.strip_prefix("library/").filter(|name| !name.contains('/'));
        name.filter(|_| self.index.official)
    }

    /// What is remembered of a repository is kept by this, which all spellings of its host have in common: `HOST[:PORT]/NAME`.
    pub(crate) fn key(&self) -> String {
        format!("{}/{}", host_spelling::key(&self.index.name), self.remote_name())
    }

    /// The name with the registry, without `library/`: `docker.io/mongo`.
    pub fn canonical_name(&self) -> String {
        match self.index.official {
            true => format!("{DEFAULT_INDEX}/{}", self.local_name()),
            false => self.local_name(),
        }
    }
}

/// What a name means that ends with what does not belong to a repository's: a port, a tag or a digest.
fn hint_for(name: &str, end: &str) -> String {
    match end.strip_prefix(':') {
        Some(port) if !name.contains('/') && looks_like_host(name) && port.parse::<u16>().is_ok() => {
            format!("this is a registry; a repository in it is named {}:{port}/NAME", quoted(name))
        }
        _ => without_tag(name),
    }
}

fn without_tag(name: &str) -> String {
    format!("a repository is named without a tag or digest: {}", quoted(name))
}

fn check_name(text: &str, remote: &str, index: &Index) -> Result<()> {
    if remote.is_empty() {
        return Err(invalid(format!("'{}' has an empty repository name", quoted(text))));
    }
    for (position, component) in remote.split('/').enumerate() {
        let what = if position == 0 && remote.contains('/') { "namespace" } else { "name" };
        let bad = |why: &str| {
            Err(invalid(format!("invalid repository {what} '{}' in '{}': {why}", quoted(component), quoted(text))))
        };
        if component.is_empty() {
            return bad("it is empty");
        }
        if !component.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-')) {
            let error = bad("only a-z, 0-9, '.', '_' and '-' are allowed");
            return match component.find([':', '@']).filter(|_| text.ends_with(component)) {
                Some(end) => {
                    let (name, end) = text.split_at(text.len() - component.len() + end);
                    error.map_err(|error| error.with_hint(hint_for(name, end)))
                }
                None => error,
            };
        }
        let end = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
        if !end(component.bytes().next()) || !end(component.bytes().last()) {
            return bad("it must begin and end with a letter or digit");
        }
        // Docker Hub's rule; other registries follow the grammar, which allows it.
        if index.official && what == "namespace" && component.contains("--") {
            return bad("two hyphens in a row are not allowed");
        }
        let separators = component.split(|c: char| c.is_ascii_alphanumeric()).filter(|between| !between.is_empty());
        for between in separators {
            if !matches!(between, "." | "_" | "__") && !between.bytes().all(|byte| byte == b'-') {
                return bad(&format!("'{between}' is not a separator"));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::index::Scheme;
    use super::*;
    use crate::error::{Code, Error};

    fn message(error: Error) -> String {
        assert_eq!(error.code(), Code::InvalidReference, "{error}");
        error.message().to_owned()
    }

    #[test]
    fn a_tag_is_said_to_be_too_much() {
        for (text, wanted) in [
            ("reg.example:5000/team/app:v1", Some("reg.example:5000/team/app")),
            ("mongo:7", Some("mongo")),
            ("reg.example/app@sha256:00", Some("reg.example/app")),
            ("reg.example/app:v1@sha256:00", Some("reg.example/app")),
            ("reg.example:5000/team/app:80", Some("reg.example:5000/team/app")),
            ("reg.example/a:b/c", None),
            ("reg.example/App", None),
        ] {
            let hint = Repository::parse(text, None).unwrap_err().to_json()["hint"].as_str().map(str::to_owned);
            assert_eq!(hint, wanted.map(without_tag), "{text}");
        }
    }

    #[test]
    fn a_registry_is_said_to_lack_a_repository() {
        for text in ["127.0.0.1:21871", "reg.example:5000", "localhost:80"] {
            let hint = Repository::parse(text, None).unwrap_err().to_json()["hint"].as_str().map(str::to_owned);
            assert_eq!(hint, Some(format!("this is a registry; a repository in it is named {text}/NAME")), "{text}");
        }
    }

    #[test]
    fn repositories() {
        let gitlab = "registry.gitlab.com/user.name/repo-a/repo-b";
        for (text, default, index, official, remote, local, canonical) in [
            ("mongo", "", "docker.io", true, "library/mongo", "mongo", "docker.io/mongo"),
            ("docker.io/mongo", "", "docker.io", true, "library/mongo", "mongo", "docker.io/mongo"),
            ("index.docker.io/mongo", "", "docker.io", true, "library/mongo", "mongo", "docker.io/mongo"),
            ("docker.io/library/mongo", "", "docker.io", true, "library/mongo", "mongo", "docker.io/mongo"),
            ("library/mongo", "", "docker.io", true, "library/mongo", "mongo", "docker.io/mongo"),
            ("google/python", "", "docker.io", false, "google/python", "google/python", "docker.io/google/python"),
            ("foo/bar/baz", "", "docker.io", false, "foo/bar/baz", "foo/bar/baz", "docker.io/foo/bar/baz"),
            ("library/a/b", "", "docker.io", false, "library/a/b", "library/a/b", "docker.io/library/a/b"),
            ("a/b", "", "docker.io", false, "a/b", "a/b", "docker.io/a/b"),
            ("gcr.io/a/b", "", "gcr.io", false, "a/b", "gcr.io/a/b", "gcr.io/a/b"),
            (
                "localhost:5000/blarg",
                "",
                "localhost:5000",
                false,
                "blarg",
                "localhost:5000/blarg",
                "localhost:5000/blarg",
            ),
            ("localhost/foo/bar", "", "localhost", false, "foo/bar", "localhost/foo/bar", "localhost/foo/bar"),
            ("[::1]:5000/x", "", "[::1]:5000", false, "x", "[::1]:5000/x", "[::1]:5000/x"),
            (
                "r.example.com:5000/b",
                "",
                "r.example.com:5000",
                false,
                "b",
                "r.example.com:5000/b",
                "r.example.com:5000/b",
            ),
            (
                "https://quay.io/trentm/foo",
                "",
                "quay.io",
                false,
                "trentm/foo",
                "quay.io/trentm/foo",
                "quay.io/trentm/foo",
            ),
            (gitlab, "", "registry.gitlab.com", false, "user.name/repo-a/repo-b", gitlab, gitlab),
            ("quay.io/library/x", "", "quay.io", false, "library/x", "quay.io/library/x", "quay.io/library/x"),
            ("quay.io/a--b/c__d", "", "quay.io", false, "a--b/c__d", "quay.io/a--b/c__d", "quay.io/a--b/c__d"),
            ("foo/bar", "docker.io", "docker.io", false, "foo/bar", "foo/bar", "docker.io/foo/bar"),
            ("foo/bar", "https://m.io:1234", "m.io:1234", false, "foo/bar", "m.io:1234/foo/bar", "m.io:1234/foo/bar"),
            ("foo", "https://m.io:1234", "m.io:1234", false, "foo", "m.io:1234/foo", "m.io:1234/foo"),
            ("quay.io/foo/bar", "https://m.io:1234", "quay.io", false, "foo/bar", "quay.io/foo/bar", "quay.io/foo/bar"),
        ] {
            let found = Repository::parse(text, Some(&Index::parse(default).unwrap())).unwrap();
            let names = (found.remote_name().to_owned(), found.local_name(), found.canonical_name());
            assert_eq!((found.index().name.as_str(), found.official()), (index, official), "{text}");
            assert_eq!(names, (remote.to_owned(), local.to_owned(), canonical.to_owned()), "{text}");
            // The canonical name means the same repository.
            let again = Repository::parse(canonical, None).unwrap();
            assert_eq!((again.index().name.as_str(), again.remote_name()), (index, remote), "{text}");
        }
    }

    #[test]
    fn a_scheme_and_the_default_registry_are_kept() {
        let scheme = |text: &str| Repository::parse(text, None).unwrap().index().scheme;
        assert_eq!(scheme("https://quay.io/trentm/foo"), Some(Scheme::Https));
        assert_eq!(scheme("quay.io/trentm/foo"), None);
        let default = Index::parse("https://m.io:1234").unwrap();
        assert_eq!(Repository::parse("foo", Some(&default)).unwrap().index(), &default);
    }

    #[test]
    fn a_name_has_at_most_255_characters() {
        let named = |length: usize| Repository::parse(&format!("registry.example.com/{}", "a".repeat(length)), None);
        assert_eq!(named(255).unwrap().remote_name().len(), 255);
        assert!(named(256).unwrap_err().message().contains("longer than 255 characters"));
    }

    #[test]
    fn no_repositories() {
        let long = "a".repeat(256);
        for (text, reason) in [
            ("registry.gitlab.com/user@name/repo-a/repo-b", "invalid repository namespace"),
            ("UPPER/foo", "invalid repository namespace"),
            ("ns/UPPER", "invalid repository name"),
            ("user@name", "invalid repository name"),
            ("repo name", "invalid repository name"),
            ("quay.io//x", "it is empty"),
            ("foo--bar/baz", "two hyphens"),
            ("-foo-/bar", "begin and end"),
            ("-foo/bar", "begin and end"),
            ("foo-/bar", "begin and end"),
            ("a/b...c", "not a separator"),
            ("a/b___c", "not a separator"),
            ("a/b._c", "not a separator"),
            ("https://quay.io", "/REPOSITORY"),
            ("http://docker.io/foo", "disallowed"),
            ("ftp://quay.io/foo", "scheme"),
            ("https://foo/bar", "look"),
            ("", "empty"),
            ("quay.io/", "empty"),
            ("foo/", "empty"),
            ("..", "begin and end"),
            ("foo/..", "begin and end"),
            ("foo/../bar", "begin and end"),
            ("foo\n", "only a-z"),
            (&long, "longer than 255"),
        ] {
            let found = message(Repository::parse(text, None).unwrap_err());
            assert!(found.contains(reason), "{text}: {found}");
        }
        assert!(Repository::parse(&format!("quay.io/{}", "a".repeat(255)), None).is_ok());
    }
}
