//! Where the signatures of images are, by registries.d, beside the real skopeo: it asks where the library says, and refuses the files that
//! the library refuses.

use std::path::Path;
use std::process::{Command, Output};

use ocireg::error::Code;
use ocireg::registry::Client;
use serde_json::{json, Value};

use crate::common::{call, digest, MANIFEST, MANIFEST_TYPE};
use crate::server::{reply, Seen, Server};

/// A registry with one image under each name, whose signatures are nowhere.
struct Lab {
    server: Server,
    folder: tempfile::TempDir,
}

impl Lab {
    /// With the files of a registries.d; `HOST` is the registry.
    fn new(files: &[&str]) -> Lab {
        let lab = Lab { server: Server::start(answer), folder: tempfile::tempdir().unwrap() };
        std::fs::create_dir(lab.path("registries.d")).unwrap();
        for (number, text) in files.iter().enumerate() {
            let text = text.replace("HOST", &lab.server.host);
            std::fs::write(lab.path("registries.d").join(format!("{number}.yaml")), text).unwrap();
        }
        lab
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn skopeo(&self, arguments: &[&str]) -> Output {
        let home = self.folder.path();
        let mut command = Command::new("skopeo");
        command.arg("--registries.d").arg(self.path("registries.d")).args(["--insecure-policy", "--debug", "copy"]);
        command
            .args(arguments)
            .env("HOME", home)
            .env("XDG_RUNTIME_DIR", home)
            .env("XDG_CONFIG_HOME", home.join("config"));
        command.output().unwrap_or_else(|error| panic!("skopeo: {error}"))
    }

    /// Pulls with skopeo.
    fn pull(&self, name: &str) -> Output {
        let to = format!("dir:{}", self.path("pulled").display());
        self.skopeo(&["--src-tls-verify=false", &format!("docker://{name}"), &to])
    }

    /// Where skopeo would put signatures; what it copies does not matter, and the registry takes none of it.
    fn pushes_to(&self, name: &str) -> Option<String> {
        let image = self.path("image");
        std::fs::create_dir_all(&image).unwrap();
        std::fs::write(image.join("version"), "Directory Transport Version: 1.1\n").unwrap();
        std::fs::write(image.join("manifest.json"), MANIFEST).unwrap();
        std::fs::write(image.join(&digest(b"{}").to_string()[7..]), "{}").unwrap();
        let from = format!("dir:{}", image.display());
        let said = self.skopeo(&["--dest-tls-verify=false", &from, &format!("docker://{name}")]).stderr;
        let said = String::from_utf8_lossy(&said).into_owned();
        let line = said.lines().find(|line| line.contains("msg=\"  Using "))?;
        Some(line.trim_end_matches('"').rsplit(' ').next()?.to_owned())
    }

    fn client(&self) -> Client {
        let options = json!({"registries_d": self.path("registries.d")});
        Client::new(serde_json::from_value(options).unwrap()).unwrap()
    }

    fn explained(&self, name: &str) -> ocireg::error::Result<Value> {
        let client = self.client();
        let reference = ocireg::reference::Reference::parse(name, None).unwrap();
        Ok(client.explain(&call(&client), &reference)?["signatures"].clone())
    }
}

fn answer(seen: &Seen) -> crate::server::Reply {
    let path = seen.path();
    match path {
        "/v2/" => reply(200),
        _ if path.contains("/signature-") => reply(404),
        _ if path.ends_with(".sig") => reply(404).json("{\"errors\":[{\"code\":\"MANIFEST_UNKNOWN\"}]}"),
        _ if seen.method != "GET" => reply(403).json("{\"errors\":[]}"),
        _ if path.contains("/manifests/") => reply(200).header("Content-Type", MANIFEST_TYPE).body(MANIFEST),
        _ => reply(200).body("{}"),
    }
}

const FILES: [&str; 3] = [
    "docker:\n  HOST/team/app:exact: {lookaside: 'http://HOST/exact'}\n  HOST/team/app: {lookaside: 'http://HOST/repository', use-sigstore-attachments: true}\n",
    "docker:\n  HOST/team: {sigstore: 'http://HOST/namespace', sigstore-staging: 'file:///staging'}\n  HOST: {lookaside-staging: 'file:///host', lookaside: 'http://HOST/host'}\n",
    "docker: {'*.0.0.1': {use-sigstore-attachments: true}}\ndefault-docker: {lookaside: 'http://HOST/default'}\n",
];

#[test]
fn skopeo_looks_for_signatures_where_explain_says() {
    let manifest = digest(MANIFEST.as_bytes()).to_string();
    let name = |name: &str| format!("HOST/{name}");
    for (files, name) in [
        (&FILES[..], name("team/app:exact")),
        (&FILES[..], name("team/app:t")),
        (&FILES[..], name(&format!("team/app@{manifest}"))),
        (&FILES[..], name("team/other:t")),
        (&FILES[..], name("teams/app:t")),
        (&FILES[..2], name("teams/app:t")),
        (&FILES[2..], name("team/app:t")),
    ] {
        let lab = Lab::new(files);
        let name = name.replace("HOST", &lab.server.host);
        let said = lab.explained(&name).unwrap();
        let output = lab.pull(&name);
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        let seen: Vec<String> =
            lab.server.seen().iter().map(|seen| format!("http://{}{}", lab.server.host, seen.path())).collect();
        let repository = name.split_once('/').unwrap().1.split([':', '@']).next().unwrap();
        let asked =
            format!("{}/{repository}@{}/signature-1", said["lookaside"].as_str().unwrap(), manifest.replace(':', "="));
        assert!(seen.contains(&asked), "{asked} {seen:#?}");
        let attached = seen.iter().any(|path| path.ends_with(".sig"));
        assert_eq!(json!(attached), said["use_sigstore_attachments"], "{name}: {said} {seen:#?}");
        assert_eq!(json!(lab.pushes_to(&name)), said["lookaside_staging"], "{name}");
    }
}

/// It is the wrong file, and not the image: without it both take the same name.
#[test]
fn skopeo_refuses_the_files_that_explain_refuses() {
    for files in [
        &["docker: [HOST]"][..],
        &["- docker"],
        &["docker: {HOST: {lookaside: [a]}}"],
        &["docker: {HOST: {use-sigstore-attachments: perhaps}}"],
        &["docker: {HOST: {lookaside: \"secret"],
        &["default-docker: text"],
        &["default-docker: {}", "default-docker: {}"],
        &["docker: {HOST/a: {}}", "docker: {HOST/a: {lookaside: 'https://a'}}"],
        &["docker: {HOST: {lookaside: 'ftp://HOST/a'}}"],
    ] {
        let lab = Lab::new(files);
        let name = format!("{}/a:t", lab.server.host);
        let error = lab.explained(&name).unwrap_err();
        assert_eq!(error.code(), Code::Io, "{files:?}: {error}");
        assert!(error.message().contains(".yaml") && !error.message().contains("secret"), "{error}");
        assert!(!lab.pull(&name).status.success(), "{files:?}: {error}");
        empty(&lab.path("registries.d"));
        assert!(lab.pull(&name).status.success() && lab.explained(&name).unwrap().is_null(), "{files:?}");
    }
}

fn empty(folder: &Path) {
    for entry in std::fs::read_dir(folder).unwrap() {
        std::fs::remove_file(entry.unwrap().path()).unwrap();
    }
}
