//! The machine's registry configuration beside the programs whose files these are: the real skopeo reads the same registries.conf, and
//! asks the same registries in the same order as the library does. What differs on purpose is in the last case.

use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use ocireg::registry::{Client, ClientOptions};
use serde_json::json;

use crate::common::{digest, MANIFEST, MANIFEST_TYPE};
use crate::server::{reply, Nobody, Reply, Seen, Server};

/// Registries, A, B and so on; each says what it was asked in one list.
pub struct Lab {
    servers: Vec<Server>,
    nobodies: Vec<Nobody>,
    pub hosts: Vec<String>,
    asked: Arc<Mutex<Vec<String>>>,
    pub folder: tempfile::TempDir,
}

/// What a registry does.
#[derive(Clone, Copy, PartialEq)]
pub enum Does {
    Have,
    Status(u16),
    /// Nothing listens.
    Down,
}

const NAMES: [char; 10] = ['A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J'];

impl Lab {
    pub fn new(does: &[Does]) -> Lab {
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let (mut servers, mut nobodies, mut hosts) = (Vec::new(), Vec::new(), Vec::new());
        assert!(does.len() <= NAMES.len());
        for (does, name) in does.iter().copied().zip(NAMES) {
            if does == Does::Down {
                let nobody = Nobody::new();
                hosts.push(nobody.host.clone());
                nobodies.push(nobody);
                continue;
            }
            let list = asked.clone();
            let server = Server::start(move |seen| {
                answer(does, seen, |path| list.lock().unwrap().push(format!("{name}{path}")))
            });
            hosts.push(server.host.clone());
            servers.push(server);
        }
        Lab { servers, nobodies, hosts, asked, folder: tempfile::tempdir().unwrap() }
    }

    /// `{A}` is the host of the first registry.
    fn filled(&self, text: &str) -> String {
        NAMES
            .iter()
            .zip(&self.hosts)
            .fold(text.to_owned(), |text, (name, host)| text.replace(&format!("{{{name}}}"), host))
    }

    /// Which registries were asked for which manifests, in order; one that is asked again at once counts once.
    fn taken(&self) -> Vec<String> {
        let mut list = std::mem::take(&mut *self.asked.lock().unwrap());
        list.dedup();
        list
    }

    /// Whether skopeo gets a manifest, and which hosts were asked for it. Its own folder of drop-ins is in the lab's.
    pub fn skopeo(&self, conf: &Path, name: &str, options: &[&str]) -> (bool, Vec<String>) {
        let home = self.folder.path();
        let output = Command::new("skopeo")
            .args(["--registries-conf", conf.to_str().unwrap(), "inspect", "--raw"])
            .args(options)
            .arg(format!("docker://{name}"))
            .env("HOME", home)
            .env("XDG_RUNTIME_DIR", home)
            .env("XDG_CONFIG_HOME", home.join(".config"))
            .output()
            .unwrap_or_else(|error| panic!("skopeo: {error}"));
        (output.status.success(), self.taken())
    }

    fn client(conf: &Path) -> Client {
        let options: ClientOptions = serde_json::from_value(json!({"registries_conf": conf, "retries": 0})).unwrap();
        Client::new(options).unwrap()
    }

    /// The same by a client of ours.
    pub fn ours(&self, client: &Client, name: &str) -> (std::result::Result<(), String>, Vec<String>) {
        let call = client.call(None).unwrap();
        let reference = ocireg::reference::Reference::parse(name, None).unwrap();
        let found = client.get_manifest(&call, &reference, &serde_json::from_value(json!({})).unwrap());
        (found.map(drop).map_err(|error| error.to_string()), self.taken())
    }
}

fn answer(does: Does, seen: &Seen, note: impl Fn(&str)) -> Reply {
    let path = seen.path().to_owned();
    if !path.contains("/manifests/") && !path.contains("/blobs/") {
        return reply(200);
    }
    note(path.trim_start_matches("/v2"));
    match does {
        Does::Status(status) => reply(status).json("{\"errors\":[]}"),
        _ if path.contains("/blobs/") => reply(200).body("{}"),
        _ => reply(200).header("Content-Type", MANIFEST_TYPE).body(MANIFEST),
    }
}

const ORIGIN: &str = "[[registry]]\nlocation = \"{A}\"\ninsecure = true\n";

fn mirror(host: &str, more: &str) -> String {
    format!("[[registry.mirror]]\nlocation = \"{host}\"\ninsecure = true\n{more}")
}

#[test]
fn skopeo_asks_the_same_registries_in_the_same_order() {
    use Does::{Down, Have, Status};
    let by_digest = format!("{{A}}/team/app@{}", digest(MANIFEST.as_bytes()));
    let by_tag = "{A}/team/app:t".to_owned();
    let all = [Have; 4];
    let two = format!("{ORIGIN}{}{}", mirror("{B}", ""), mirror("{C}/copies", ""));
    let only_digests = format!("{ORIGIN}mirror-by-digest-only = true\n{}", mirror("{B}", ""));
    let each = format!(
        "{ORIGIN}{}{}",
        mirror("{B}", "pull-from-mirror = \"digest-only\"\n"),
        mirror("{C}", "pull-from-mirror = \"tag-only\"\n")
    );
    let blocked = format!("{ORIGIN}blocked = true\n{}", mirror("{B}", ""));
    let moved = "[[registry]]\nprefix = \"{A}/team\"\nlocation = \"{D}/moved\"\ninsecure = true\n".to_owned();
    let longest = format!(
        "{ORIGIN}{}[[registry]]\nprefix = \"{{A}}/team\"\nlocation = \"{{A}}/team\"\ninsecure = true\n{}",
        mirror("{B}", ""),
        mirror("{C}/team-copy", "")
    );
    let blocked_mirror = format!("{two}[[registry]]\nlocation = \"{{B}}\"\ninsecure = true\nblocked = true\n");
    let cases = [
        ("a mirror that has it", &two, &by_tag, all),
        ("a mirror that has it, by digest", &two, &by_digest, all),
        ("the second mirror", &two, &by_tag, [Have, Status(404), Have, Have]),
        ("no mirror has it", &two, &by_tag, [Have, Status(404), Status(404), Have]),
        ("nobody has it", &two, &by_tag, [Status(404), Status(404), Status(404), Have]),
        ("a mirror is broken", &two, &by_tag, [Have, Status(500), Have, Have]),
        ("a mirror refuses", &two, &by_digest, [Have, Status(403), Status(401), Have]),
        ("a mirror is down", &two, &by_tag, [Have, Down, Have, Have]),
        ("all mirrors are down", &two, &by_digest, [Have, Down, Down, Have]),
        ("digests only, by tag", &only_digests, &by_tag, all),
        ("digests only, by digest", &only_digests, &by_digest, all),
        ("one for digests, one for tags, by tag", &each, &by_tag, all),
        ("one for digests, one for tags, by digest", &each, &by_digest, all),
        ("one for digests, one for tags, none has it", &each, &by_digest, [Have, Status(404), Have, Have]),
        ("blocked, but the mirror has it", &blocked, &by_tag, all),
        ("blocked, and the mirror has it not", &blocked, &by_tag, [Have, Status(404), Have, Have]),
        ("blocked, and the mirror is down", &blocked, &by_digest, [Have, Down, Have, Have]),
        ("another location", &moved, &by_tag, all),
        ("another location, which has it not", &moved, &by_tag, [Have, Have, Have, Status(404)]),
        ("the longest prefix", &longest, &by_tag, all),
        ("a mirror that is blocked itself", &blocked_mirror, &by_tag, all),
    ];
    let mut wrong = Vec::new();
    for (what, conf, name, does) in cases {
        let lab = Lab::new(&does);
        let path = lab.folder.path().join("registries.conf");
        std::fs::write(&path, lab.filled(conf)).unwrap();
        let name = lab.filled(name);
        let (theirs, ours) = (lab.skopeo(&path, &name, &[]), lab.ours(&Lab::client(&path), &name));
        assert_eq!(lab.servers.len() + lab.nobodies.len(), does.len());
        if theirs.0 != ours.0.is_ok() || theirs.1 != ours.1 {
            wrong.push(format!("{what}: skopeo {theirs:?}, we {ours:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A mirror for tags only may have newer images than the registry: it is asked for what its tags stand for, as skopeo does. What nobody
/// has asked it a tag of, it is not asked for.
#[test]
fn what_a_tag_stands_for_comes_from_where_the_tag_does() {
    let lab = Lab::new(&[Does::Status(404), Does::Have, Does::Have, Does::Have]);
    let path = lab.folder.path().join("registries.conf");
    let mirror = mirror("{B}", "pull-from-mirror = \"tag-only\"\n");
    std::fs::write(&path, lab.filled(&format!("{ORIGIN}{mirror}"))).unwrap();
    let reference = |name: &str| ocireg::reference::Reference::parse(&lab.filled(name), None).unwrap();
    let blob = reference(&format!("{{A}}/team/app@{}", digest(b"{}")));
    let read = |client: &Client| client.get_blob(&client.call(None).unwrap(), &blob, &Default::default()).is_ok();
    let (client, other) = (Lab::client(&path), Lab::client(&path));
    let call = client.call(None).unwrap();
    client.get_manifest(&call, &reference("{A}/team/app:t"), &Default::default()).unwrap();
    assert!(read(&client) && !read(&other));
    let blob = format!("/team/app/blobs/{}", digest(b"{}"));
    assert_eq!(lab.taken(), ["B/team/app/manifests/t".to_owned(), format!("B{blob}"), format!("A{blob}")]);
}
