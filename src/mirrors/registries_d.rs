//! containers-registries.d(5): where the signatures of images are (the lookaside storage of simple signing), and whether sigstore's are
//! stored beside images. Written after that manual and the source (image/docker/registries_d.go), with these differences:
//!
//! - Each setting is that of the most specific section that has it, as in the source; the manual says that such a section hides all
//!   others, even what it does not have itself.
//! - A lookaside that is not a URL of http, https or file is an error for the names that it is for, before it is needed; there when
//!   signatures are read or written.
//! - A key that is there twice is an error; older ones (containers/image 5) take the last.
//!
//! Nothing here reads or writes signatures.

use std::collections::HashMap;

use url::Url;

use super::config_text::ConfigText;
use super::rule_source::RuleSource;
use super::yaml::{self, YamlNode};
use crate::error::{Code, Error, Result};
use crate::reference::{quoted, Reference};

/// All files of one or several folders.
#[derive(Debug, Default)]
pub(crate) struct RegistriesD {
    /// Of names for which no other section has something.
    default: Option<SignatureSection>,
    /// By a name, or the beginning of names: an image with its tag or digest, a repository, a namespace, a host, `*.DOMAIN`.
    sections: HashMap<String, SignatureSection>,
}

/// What is said of the images of a name.
#[derive(Debug)]
struct SignatureSection {
    source: RuleSource,
    read: Option<SignatureSetting<String>>,
    write: Option<SignatureSetting<String>>,
    attachments: Option<SignatureSetting<bool>>,
}

/// What is said, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SignatureSetting<T> {
    pub(crate) value: T,
    pub(crate) source: RuleSource,
}

/// What all files say of an image.
#[derive(Debug, Default)]
pub(crate) struct ImageSignatures {
    /// The storage that signatures are read from.
    pub(crate) lookaside: Option<SignatureSetting<Url>>,
    /// The storage that they are written to: also the other one, if nothing else is said.
    pub(crate) lookaside_staging: Option<SignatureSetting<Url>>,
    /// Whether sigstore's signatures are stored beside the image, in its repository.
    pub(crate) use_sigstore_attachments: Option<SignatureSetting<bool>>,
}

impl RegistriesD {
    /// Takes what one more file says. Nothing may be said in two of them.
    pub(crate) fn add(&mut self, path: &str, text: &str) -> Result<()> {
        let file = ConfigText::new(path, text);
        let Some(top) = yaml::parse(&file)? else { return Ok(()) };
        for (key, node) in top.entries(&file, "the file")? {
            match key.as_str() {
                "default-docker" if !node.is_nothing() => {
                    let section = section(&file, key, node)?;
                    if let Some(first) = self.default.as_ref() {
                        return Err(twice(&file, node.line, "default-docker", &first.source));
                    }
                    self.default = Some(section);
                }
                "docker" => {
                    for (name, node) in node.entries(&file, key)? {
                        let section = section(&file, name, node)?;
                        if let Some(first) = self.sections.get(name) {
                            return Err(twice(&file, node.line, name, &first.source));
                        }
                        self.sections.insert(name.clone(), section);
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// What is said of an image; None: nothing.
    pub(crate) fn of(&self, reference: &Reference) -> Result<Option<ImageSignatures>> {
        let named = names(reference);
        let sections: Vec<_> =
            named.iter().filter_map(|name| self.sections.get(name)).chain(self.default.as_ref()).collect();
        let found = ImageSignatures {
            lookaside: sections.iter().find_map(|section| section.read.as_ref()).map(url).transpose()?,
            lookaside_staging: sections.iter().find_map(|section| section.writes_to()).map(url).transpose()?,
            use_sigstore_attachments: sections.iter().find_map(|section| section.attachments.clone()),
        };
        Ok((found.lookaside_staging.is_some() || found.use_sigstore_attachments.is_some()).then_some(found))
    }
}

impl SignatureSection {
    fn writes_to(&self) -> Option<&SignatureSetting<String>> {
        self.write.as_ref().or(self.read.as_ref())
    }
}

fn twice(file: &ConfigText<'_>, line: u32, name: &str, first: &RuleSource) -> Error {
    file.wrong(line, format!("'{}' is also in {first}, and may occur only once", quoted(name)))
}

fn section(file: &ConfigText<'_>, name: &str, node: &YamlNode) -> Result<SignatureSection> {
    let (mut lookaside, mut staging, mut sigstore, mut sigstore_staging) = (None, None, None, None);
    let mut attachments = None;
    for (key, node) in node.entries(file, name)? {
        let text = || {
            let said = |text: &str| SignatureSetting { value: text.to_owned(), source: file.source(node.line) };
            node.text(file, key).map(|text| (!text.is_empty()).then(|| said(text)))
        };
        match key.as_str() {
            "lookaside" => lookaside = text()?,
            "lookaside-staging" => staging = text()?,
            // The names that these had before.
            "sigstore" => sigstore = text()?,
            "sigstore-staging" => sigstore_staging = text()?,
            "use-sigstore-attachments" if !node.is_nothing() => {
                attachments = Some(SignatureSetting { value: node.flag(file, key)?, source: file.source(node.line) });
            }
            _ => {}
        }
    }
    let (read, write) = (lookaside.or(sigstore), staging.or(sigstore_staging));
    Ok(SignatureSection { source: file.source(node.line), read, write, attachments })
}

/// The names under which something may be said of an image, the most specific first.
fn names(reference: &Reference) -> Vec<String> {
    let (index, repository) = (&reference.repository().index().name, reference.repository().remote_name());
    let name = format!("{index}/{repository}");
    let image = [
        reference.digest().map(|digest| format!("{name}@{digest}")),
        reference.tag().map(|tag| format!("{name}:{tag}")),
    ];
    let parents = name.match_indices('/').rev().map(|(at, _)| name[..at].to_owned());
    let host = index.split(':').next().unwrap_or_default();
    let domains = host.match_indices('.').map(|(at, _)| format!("*{}", &host[at..]));
    image.into_iter().flatten().chain([name.clone()]).chain(parents).chain(domains).collect()
}

fn url(said: &SignatureSetting<String>) -> Result<SignatureSetting<Url>> {
    let found = Url::parse(&said.value).ok().filter(|url| matches!(url.scheme(), "http" | "https" | "file"));
    let wrong = || {
        let what = "the location of signatures must be a URL that begins with https://, http:// or file://";
        Error::new(Code::Io, format!("{}: {what}", said.source))
    };
    Ok(SignatureSetting { value: found.ok_or_else(wrong)?, source: said.source.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(files: &[&str]) -> Result<RegistriesD> {
        let mut all = RegistriesD::default();
        for (position, text) in files.iter().enumerate() {
            all.add(&format!("/{position}.yaml"), text)?;
        }
        Ok(all)
    }

    /// `LOOKASIDE LINE, STAGING LINE, ATTACHMENTS LINE`.
    fn found(files: &[&str], name: &str) -> String {
        let reference = Reference::parse(name, None).unwrap();
        let Some(found) = read(files).unwrap().of(&reference).unwrap() else { return "nothing".to_owned() };
        let url = |said: &Option<SignatureSetting<Url>>| {
            said.as_ref().map_or("-".to_owned(), |said| format!("{} {}", said.value, said.source))
        };
        let flag =
            found.use_sigstore_attachments.map_or("-".to_owned(), |said| format!("{} {}", said.value, said.source));
        format!("{}, {}, {flag}", url(&found.lookaside), url(&found.lookaside_staging))
    }

    const MANUAL: &str = "docker:\n\
        \x20   registry.example.com:\n\
        \x20       lookaside: https://registry-lookaside.example.com\n\
        \x20   registry.example.com/mydepartment:\n\
        \x20       lookaside: https://lookaside.mydepartment.example.com\n\
        \x20       lookaside-staging: file:///mnt/mydepartment/lookaside-staging\n\
        \x20   registry.example.com/mydepartment/myproject:mybranch:\n\
        \x20       lookaside: http://localhost:4242/lookaside\n\
        \x20       lookaside-staging: file:///home/useraccount/webroot/lookaside\n";

    #[test]
    fn the_most_specific_section_wins() {
        for (name, wanted) in [
            ("registry.example.com/a", "https://registry-lookaside.example.com/ /0.yaml:3, https://registry-lookaside.example.com/ /0.yaml:3, -"),
            ("registry.example.com/mydepartment/x/y:t", "https://lookaside.mydepartment.example.com/ /0.yaml:5, file:///mnt/mydepartment/lookaside-staging /0.yaml:6, -"),
            ("registry.example.com/mydepartment/myproject:mybranch", "http://localhost:4242/lookaside /0.yaml:8, file:///home/useraccount/webroot/lookaside /0.yaml:9, -"),
            ("registry.example.com/mydepartments/a", "https://registry-lookaside.example.com/ /0.yaml:3, https://registry-lookaside.example.com/ /0.yaml:3, -"),
            ("registry.example.com:5000/a", "nothing"),
            ("example.com/a", "nothing"),
        ] {
            assert_eq!(found(&[MANUAL], name), wanted, "{name}");
        }
    }

    #[test]
    fn what_a_section_lacks_comes_from_the_next() {
        let files = [
            "docker: {r.io/a/b: {use-sigstore-attachments: yes}, r.io: {sigstore-staging: 'file:///s'}}",
            "docker: {'*.io': {use-sigstore-attachments: false}}",
            "default-docker: {lookaside: 'file:///d', sigstore: 'file:///old'}",
        ];
        assert_eq!(found(&files, "r.io/a/b"), "file:///d /2.yaml:1, file:///s /0.yaml:1, true /0.yaml:1");
        assert_eq!(found(&files, "r.io/a"), "file:///d /2.yaml:1, file:///s /0.yaml:1, false /1.yaml:1");
        assert_eq!(found(&files, "x.r.io:5000/a"), "file:///d /2.yaml:1, file:///d /2.yaml:1, false /1.yaml:1");
        assert_eq!(found(&files, "localhost/a"), "file:///d /2.yaml:1, file:///d /2.yaml:1, -");
        let hub = "docker: {docker.io/library/mongo:latest: {lookaside: https://a}, docker.io/library: {lookaside: https://b}}";
        assert!(found(&[hub], "mongo").starts_with("https://a/") && found(&[hub], "mongo:8").starts_with("https://b/"));
        for nothing in ["", "default-docker:\n", "default-docker: {}", "docker:\n  r.io:\n", "other: {r.io: 1}"] {
            assert_eq!(found(&[nothing], "r.io/a"), "nothing", "{nothing}");
        }
    }

    #[test]
    fn what_is_said_twice_names_both_files() {
        let both = "docker: {r.io/a: }";
        for (first, second, name) in [
            ("default-docker: {}", "\ndefault-docker: {lookaside: https://a}", "default-docker"),
            ("docker:\n  r.io/a: {lookaside: https://a}", "docker:\n  r.io/a:", "r.io/a"),
            (both, both, "r.io/a"),
        ] {
            let said = read(&[first, second]).unwrap_err().to_string();
            assert!(said.starts_with("/1.yaml, line ") && said.contains("/0.yaml:") && said.contains(name), "{said}");
        }
        assert!(read(&["default-docker:\n", "default-docker: {}", "default-docker:\n"]).is_ok());
        assert!(read(&["docker: {r.io: {}, r.io: {}}"]).is_err());
    }

    #[test]
    fn what_is_broken_names_its_line_and_repeats_no_secret() {
        for text in [
            "docker: [r.io]",
            "- docker",
            "docker",
            "docker: {r.io: https://user:secret@h}",
            "docker: {r.io: {lookaside: [https://user:secret@h]}}",
            "docker: {r.io: {use-sigstore-attachments: secret}}",
            "default-docker: 1",
            "docker: {r.io: {lookaside: \"secret",
        ] {
            let said = read(&[text]).unwrap_err().to_string();
            assert!(said.starts_with("/0.yaml, line 1: ") && !said.contains("secret"), "{text}: {said}");
        }
        let reference = Reference::parse("r.io/a", None).unwrap();
        for text in ["/mnt/secret", "secret", "ftp://user:secret@h", "https://", "https://a b/secret"] {
            let all = read(&[&format!("docker: {{r.io: {{lookaside: '{text}'}}, s.io: {{lookaside: 'https://a'}}}}")])
                .unwrap();
            let said = all.of(&reference).unwrap_err().to_string();
            assert!(said.starts_with("/0.yaml:1: ") && !said.contains("secret"), "{said}");
            assert!(all.of(&Reference::parse("s.io/a", None).unwrap()).is_ok());
        }
    }
}
