//! What a caller names, as this client reads it: a name without a registry is Docker Hub's, or what the machine's files say. It is resolved
//! once, before anything is asked, and nothing is tried in turn.

use crate::error::Result;
use crate::machine::ShortNameReading;
use crate::reference::{Reference, Repository};
use crate::registry::Client;

impl Client {
    /// A reference, `[HOST[:PORT]/]REPOSITORY[:TAG][@DIGEST]`.
    pub fn reference(&self, text: &str) -> Result<Reference> {
        let reference = Reference::parse(text, None)?;
        match self.stands_for(Reference::short_name(text))? {
            Some(repository) => Ok(reference.moved_to(repository)),
            None => Ok(reference),
        }
    }

    /// A repository, `[HOST[:PORT]/]REPOSITORY`.
    pub fn repository(&self, text: &str) -> Result<Repository> {
        let repository = Repository::parse(text, None)?;
        Ok(self.stands_for(Some(text).filter(|text| Repository::is_short(text)))?.unwrap_or(repository))
    }

    fn stands_for(&self, short: Option<&str>) -> Result<Option<Repository>> {
        let short = short.filter(|_| self.options().machine.short_names == Some(ShortNameReading::Files));
        short
            .map(|name| self.rule_book(None)?.short_names().resolve(name).map(|(repository, _)| repository))
            .transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;
    use crate::registry::ClientOptions;
    use serde_json::json;

    const ALIASES: &str =
        "[aliases]\nfedora = \"registry.fedoraproject.org/fedora\"\n\"library/old\" = \"old.example/x\"\n";
    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn client(text: &str, short_names: Option<&str>) -> (Client, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("registries.conf");
        std::fs::write(&file, text).unwrap();
        let options: ClientOptions =
            serde_json::from_value(json!({"registries_conf": file, "short_names": short_names})).unwrap();
        (Client::new(options).unwrap(), folder)
    }

    #[test]
    fn names_without_a_registry_are_what_the_files_say() {
        let one = format!("unqualified-search-registries = [\"a.example\"]\n{ALIASES}");
        let (client, _folder) = client(&one, Some("files"));
        for (text, wanted) in [
            ("fedora", "registry.fedoraproject.org/fedora:latest"),
            ("fedora:40", "registry.fedoraproject.org/fedora:40"),
            ("library/old", "old.example/x:latest"),
            ("old", "a.example/old:latest"),
            ("team/app:1", "a.example/team/app:1"),
            // What names a registry is that.
            ("docker.io/fedora", "docker.io/library/fedora:latest"),
            ("localhost/fedora", "localhost/fedora:latest"),
            ("https://docker.io/fedora", "docker.io/library/fedora:latest"),
            ("host:5000/fedora", "host:5000/fedora:latest"),
        ] {
            assert_eq!(client.reference(text).unwrap().to_string(), wanted, "{text}");
        }
        let pinned = client.reference(&format!("fedora:40@{DIGEST}")).unwrap();
        assert_eq!(pinned.to_string(), format!("registry.fedoraproject.org/fedora:40@{DIGEST}"));
        assert_eq!(client.repository("fedora").unwrap().full_name(), "registry.fedoraproject.org/fedora");
        assert_eq!(client.repository("docker.io/fedora").unwrap().full_name(), "docker.io/library/fedora");
        assert!(client.reference("Fedora").is_err() && client.repository("fedora:40").is_err());
    }

    #[test]
    fn several_registries_are_an_error_in_each_mode_and_so_is_none() {
        for mode in ["disabled", "permissive", "enforcing"] {
            let several = "unqualified-search-registries = [\"a.example\", \"docker.io\"]\n";
            let (client, _folder) = client(&format!("short-name-mode = \"{mode}\"\n{several}{ALIASES}"), Some("files"));
            let error = client.reference("app:1").unwrap_err();
            assert_eq!(error.code(), Code::InvalidReference);
            assert!(error.message().contains("a.example/app, docker.io/app"), "{error}");
            assert!(client.reference("fedora").is_ok());
        }
        let (none, _folder) = client(ALIASES, Some("files"));
        assert_eq!(none.repository("app").unwrap_err().code(), Code::InvalidReference);
    }

    /// A hosts.toml is broken, so the next call reads all files again, and not only that one.
    #[test]
    fn after_a_broken_file_short_names_are_read_again_too() {
        let folder = tempfile::tempdir().unwrap();
        let (conf, certs) = (folder.path().join("r.conf"), folder.path().join("certs.d"));
        let write = |search: &str, mirror: &str, toml: &str| {
            let conf_text = format!(
                "unqualified-search-registries = [\"{search}\"]\n[[registry]]\nlocation = \"a.example\"\n[[registry.mirror]]\nlocation = \"{mirror}\"\n"
            );
            std::fs::write(&conf, conf_text).unwrap();
            std::fs::create_dir_all(certs.join("b.example")).unwrap();
            std::fs::write(certs.join("b.example/hosts.toml"), toml).unwrap();
        };
        write("a.example", "m.example", "[host.\"https://u:secret@m.example\"]");
        let options = json!({"registries_conf": conf, "containerd_certs_dir": certs, "short_names": "files"});
        let client = Client::new(serde_json::from_value(options).unwrap()).unwrap();
        let asked = |name: &str| -> Result<Vec<String>> {
            let shown = client.explain(&client.call(None)?, &client.reference(name)?)?;
            let hosts = shown["endpoints"].as_array().unwrap().iter();
            Ok(hosts.map(|one| one["host"].as_str().unwrap().to_owned()).collect())
        };
        assert_eq!(asked("app").unwrap(), ["m.example", "a.example"]);
        let right = "[host.\"https://n.example\"]";
        write("c.example", "o.example", right);
        // Nothing was wrong with what these are for.
        assert_eq!(asked("app").unwrap(), ["m.example", "a.example"]);
        write("c.example", "o.example", "[host.\"https://u:secret@m.example\"]");
        assert_eq!(asked("b.example/x").unwrap_err().code(), Code::Io);
        // It is still broken, which is read; other names are what the files say now.
        assert_eq!(asked("app").unwrap(), ["c.example"]);
        assert_eq!(asked("b.example/x").unwrap_err().code(), Code::Io);
        write("a.example", "o.example", right);
        assert_eq!(asked("app").unwrap(), ["o.example", "a.example"]);
        assert_eq!(asked("b.example/x").unwrap(), ["n.example", "b.example"]);
        // A registries.conf that is broken meanwhile is an error of all calls, until it is right.
        write("a.example", "p.example", "broken");
        assert!(asked("b.example/x").is_ok(), "nothing is read without need");
        let other = Client::new(
            serde_json::from_value(json!({"registries_conf": conf, "containerd_certs_dir": certs})).unwrap(),
        );
        let other = other.unwrap();
        let explain = |name: &str| other.explain(&other.call(None)?, &other.reference(name)?);
        assert!(explain("b.example/x").is_err());
        std::fs::write(&conf, "broken").unwrap();
        assert!(explain("a.example/x").unwrap_err().message().contains("r.conf"));
        write("a.example", "p.example", right);
        assert_eq!(explain("a.example/x").unwrap()["endpoints"][0]["host"], "p.example");
        assert_eq!(explain("b.example/x").unwrap()["endpoints"][0]["host"], "n.example");
    }

    #[test]
    fn without_the_option_they_are_docker_hubs_and_no_file_is_read() {
        for value in [None, Some("docker.io")] {
            let (client, _folder) = client("broken", value);
            assert_eq!(client.reference("fedora").unwrap().to_string(), "docker.io/library/fedora:latest");
            assert!(client.reference("a.example/fedora").is_ok());
        }
        let error = serde_json::from_value::<ClientOptions>(json!({"short_names": "podman"})).err().unwrap();
        assert!(error.to_string().contains("the option short_names must be \"docker.io\" or \"files\""), "{error}");
    }
}
