//! The registries.conf of tests/machine beside skopeo: with their hosts on this machine, both ask the same ones for the same names, in the
//! same order, until none is left.

use std::path::{Path, PathBuf};

use ocireg::registry::{Client, ClientOptions};
use serde_json::json;

use crate::common::{digest, MANIFEST};
use crate::machine::{Does, Lab};

/// What cannot be had on this machine.
const ELSEWHERE: [&str; 5] = [
    // An address has no hosts below it.
    "air-gapped a.b.example.org/x",
    "insecure-lab registry.lab.example/x",
    "insecure-lab registry.lab.example.org/x",
    "nested-prefixes a.example.com/team/app",
    // It is about the port that is not named.
    "nested-prefixes example.com:5000/x",
];

/// A case: its files, and the names that it says something of.
struct Shape {
    folder: PathBuf,
    names: Vec<String>,
}

impl Shape {
    fn of(folder: PathBuf) -> Shape {
        let case = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let expected = std::fs::read_to_string(folder.join("expected")).unwrap();
        let is_name = |line: &&str| !line.is_empty() && !line.starts_with(['#', ' ']) && !line.starts_with("short:");
        let is_here = |line: &&str| !ELSEWHERE.contains(&format!("{case} {line}").as_str());
        let names = expected.lines().filter(is_name).filter(is_here).map(full_name).collect();
        Shape { folder, names }
    }

    /// The drop-ins, then the file.
    fn files(&self) -> Vec<PathBuf> {
        let drop_ins = std::fs::read_dir(self.folder.join("registries.conf.d"));
        let all = drop_ins.into_iter().flatten().map(|entry| entry.unwrap().path());
        all.chain([self.folder.join("registries.conf")]).collect()
    }

    /// The hosts of its files and names.
    fn hosts(&self) -> Vec<String> {
        let texts: String = self.files().iter().map(|path| std::fs::read_to_string(path).unwrap()).collect();
        // What stands in quotation marks is every second part.
        let quoted = texts.split('"').skip(1).step_by(2).map(str::to_owned);
        let mut all: Vec<String> =
            quoted.chain(self.names.iter().cloned()).filter_map(|text| host(&text).map(str::to_owned)).collect();
        all.sort();
        all.dedup();
        all
    }
}

/// The host that a text begins with.
fn host(text: &str) -> Option<&str> {
    let first = text.split('/').next()?;
    let is_host = first.contains(['.', ':']) && !first.contains([' ', '*', '=', '\n']);
    is_host.then_some(first)
}

fn full_name(name: &str) -> String {
    match (host(name), name.contains('/')) {
        (Some(_), _) => name.to_owned(),
        (None, true) => format!("docker.io/{name}"),
        (None, false) => format!("docker.io/library/{name}"),
    }
}

/// The text of a file with the hosts of the lab, and without a helper that this machine has not.
fn moved(text: &str, hosts: &[String], lab: &Lab) -> String {
    let text = text.replace("credential-helpers = [\"pass\"]", "");
    hosts.iter().zip(&lab.hosts).fold(text, |text, (host, here)| {
        ["\"", "/"].iter().fold(text, |text, end| text.replace(&format!("\"{host}{end}"), &format!("\"{here}{end}")))
    })
}

fn client(conf: &Path, drop_ins: &Path) -> Client {
    let mut options = json!({"registries_conf": conf, "retries": 0, "plain_http": true});
    if drop_ins.is_dir() {
        options["registries_conf_dir"] = json!([drop_ins]);
    }
    Client::new(serde_json::from_value::<ClientOptions>(options).unwrap()).unwrap()
}

/// What differs, and how many names were compared.
fn compare(shape: &Shape) -> (Vec<String>, usize) {
    let (hosts, mut wrong) = (shape.hosts(), Vec::new());
    let lab = Lab::new(&vec![Does::Status(404); hosts.len()]);
    let (conf, drop_ins) =
        (lab.folder.path().join("registries.conf"), lab.folder.path().join(".config/containers/registries.conf.d"));
    for path in shape.files() {
        let text = moved(&std::fs::read_to_string(&path).unwrap(), &hosts, &lab);
        if path.ends_with("registries.conf") {
            std::fs::write(&conf, text).unwrap();
        } else {
            std::fs::create_dir_all(&drop_ins).unwrap();
            std::fs::write(drop_ins.join(path.file_name().unwrap()), text).unwrap();
        }
    }
    for name in &shape.names {
        let (host, rest) = name.split_once('/').unwrap();
        let here = &lab.hosts[hosts.iter().position(|one| one == host).unwrap()];
        for suffix in [":t".to_owned(), format!("@{}", digest(MANIFEST.as_bytes()))] {
            let image = format!("{here}/{rest}{suffix}");
            let theirs = lab.skopeo(&conf, &image, &["--tls-verify=false"]);
            let ours = lab.ours(&client(&conf, &drop_ins), &image);
            if theirs.1 != ours.1 {
                wrong.push(format!("{}, {name}{suffix}: skopeo {theirs:?}, we {ours:?}", shape.folder.display()));
            }
        }
    }
    (wrong, shape.names.len())
}

#[test]
fn skopeo_asks_the_same_of_the_files_that_machines_have() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/machine");
    let folders = std::fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path());
    let shapes: Vec<Shape> = folders.filter(|folder| folder.join("registries.conf").is_file()).map(Shape::of).collect();
    let outcomes: Vec<(Vec<String>, usize)> = std::thread::scope(|scope| {
        let all: Vec<_> = shapes.iter().map(|shape| scope.spawn(|| compare(shape))).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let wrong: Vec<&String> = outcomes.iter().flat_map(|(wrong, _)| wrong).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    let count: usize = outcomes.iter().map(|(_, count)| count).sum();
    assert!(shapes.len() >= 12 && count >= 25, "{count} names of {} files", shapes.len());
}
