//! Files as machines have them (tests/machine): what must come out of each stands beside it.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use super::*;
use crate::error::Code;
use crate::http::redact;
use crate::mirrors::{EndpointBase, RegistryEndpoint};
use crate::options::Texts;
use crate::reference::{Reference, Repository};

/// What only the system can make.
fn run(program: &str, arguments: &[&str], path: &Path) {
    assert!(std::process::Command::new(program).args(arguments).arg(path).status().unwrap().success());
}

/// The files of a case, by the names that they have in all of them.
fn options(folder: &Path) -> MachineOptions {
    let there = |name: &str| folder.join(name).exists().then(|| folder.join(name).to_str().unwrap().to_owned());
    MachineOptions {
        registries_conf: there("registries.conf"),
        registries_conf_dir: Texts(there("registries.conf.d").into_iter().collect()),
        containerd_certs_dir: Texts(there("certs.d").into_iter().collect()),
        k3s_registries: there("registries.yaml"),
        docker_daemon_json: there("daemon.json"),
        registries_d: Texts(there("registries.d").into_iter().collect()),
        ..MachineOptions::default()
    }
}

/// What is asked: `SCHEME://HOST/PATH/NAME abilities settings`, or `origin NAME …`.
fn shown(endpoint: &RegistryEndpoint, repository: &Repository) -> String {
    let name = endpoint.rename.apply(repository.remote_name()).unwrap();
    let mut line = match &endpoint.base {
        EndpointBase::Origin => format!("origin {name}"),
        EndpointBase::At { scheme, host, path, whole_path, .. } => {
            let scheme = scheme.map_or("?", |scheme| scheme.as_str());
            let path =
                [path.as_str(), if *whole_path { "" } else { "v2" }, &name].into_iter().filter(|part| !part.is_empty());
            let query = endpoint.base.namespace(repository.index()).map_or(String::new(), |name| format!("?ns={name}"));
            format!("{scheme}://{host}/{}{query}", path.collect::<Vec<_>>().join("/"))
        }
    };
    let may = [(endpoint.may.by_digest, "digest"), (endpoint.may.by_tag, "tag"), (endpoint.may.push, "push")];
    let may: Vec<_> = may.iter().filter(|(yes, _)| *yes).map(|(_, name)| *name).collect();
    write!(line, " {}", may.join(",")).unwrap();
    let tls = &endpoint.tls;
    for (yes, word) in
        [(tls.insecure, "insecure"), (tls.or_plain_http, "or-plain-http"), (endpoint.credentials.is_some(), "login")]
    {
        line.push_str(if yes { " " } else { "" });
        line.push_str(if yes { word } else { "" });
    }
    for path in &tls.ca_files {
        write!(line, " ca={path}").unwrap();
    }
    for (cert, key) in &tls.client_certificates {
        write!(line, " client={cert}+{}", key.as_deref().unwrap_or("")).unwrap();
    }
    for (name, _) in &endpoint.headers {
        write!(line, " header={name}").unwrap();
    }
    if let Some(limit) = endpoint.connect_timeout_ms {
        write!(line, " connect={limit}ms").unwrap();
    }
    line
}

/// Where signatures are read from and written to, and whether sigstore's are used.
fn signatures(files: &MachineFiles, name: &str) -> String {
    let Some(found) = files.signatures(&|| Ok(()), &Reference::parse(name, None).unwrap()).unwrap() else {
        return "  as usual\n".to_owned();
    };
    let urls = [("read", &found.lookaside), ("write", &found.lookaside_staging)];
    let urls = urls.iter().filter_map(|(what, said)| Some((what, said.as_ref()?)));
    let lines = urls.map(|(what, said)| format!("  {what} {} by {}\n", redact::url(&said.value), said.source));
    let flag = found.use_sigstore_attachments.map(|said| format!("  attachments {} by {}\n", said.value, said.source));
    lines.chain(flag).collect()
}

fn answer(files: &MachineFiles, machine: &Machine, name: &str) -> String {
    if let Some(image) = name.strip_prefix("signatures:") {
        return signatures(files, image);
    }
    if let Some(short) = name.strip_prefix("short:") {
        return match machine.short_names.resolve(short) {
            Ok((repository, _)) => format!("  {}\n", repository.canonical_name()),
            Err(error) => format!("  {}\n", error.message()),
        };
    }
    let repository = Repository::parse(name, None).unwrap();
    let Some(rule) = machine.rules.of(&repository) else { return "  as usual\n".to_owned() };
    let is_blocked = |endpoint: &RegistryEndpoint| {
        machine.rules.block(endpoint, repository.index(), repository.remote_name()).is_some()
    };
    let asked = rule.endpoints.iter().filter(|endpoint| !is_blocked(endpoint));
    let endpoints = asked.map(|endpoint| format!("  {}\n", shown(endpoint, &repository)));
    endpoints.chain(rule.blocked.then(|| "  blocked\n".to_owned())).collect()
}

/// To write them anew after a change that is meant: OCIREG_WRITE_EXPECTED=1.
#[test]
fn what_machines_have_means_what_their_programs_do() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/machine");
    let mut count = 0;
    for folder in std::fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
        let wanted = std::fs::read_to_string(folder.join("expected")).unwrap();
        let files = MachineFiles::with(&options(&folder), &|_| None);
        let machine = files.read(&|| Ok(())).unwrap();
        let mut found = String::new();
        for line in wanted.lines().filter(|line| !line.starts_with("  ")) {
            found.push_str(line);
            found.push('\n');
            if !line.is_empty() && !line.starts_with('#') {
                found.push_str(&answer(&files, &machine, line).replace(folder.to_str().unwrap(), "."));
            }
        }
        if std::env::var_os("OCIREG_WRITE_EXPECTED").is_some() {
            std::fs::write(folder.join("expected"), &found).unwrap();
        } else {
            assert_eq!(found, wanted, "{}", folder.display());
        }
        count += 1;
    }
    assert!(count >= 20, "{count}");
}

#[test]
fn nothing_is_read_unasked_and_what_is_named_must_exist() {
    assert!(MachineFiles::with(&MachineOptions::default(), &|_| panic!("asked"))
        .read(&|| Ok(()))
        .unwrap()
        .rules
        .0
        .is_empty());
    for key in
        ["registries_conf", "k3s_registries", "docker_daemon_json", "registries_conf_dir", "containerd_certs_dir"]
    {
        let options: MachineOptions = serde_json::from_value(serde_json::json!({ key: "/no/such" })).unwrap();
        let error = MachineFiles::with(&options, &|_| None).read(&|| Ok(())).unwrap_err();
        assert!(error.code() == Code::Io && error.message().contains("/no/such"), "{key}: {error}");
    }
}

#[test]
fn the_usual_files_are_merged_by_the_names_of_their_files() {
    let home = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = home.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    let registry = |host: &str| format!("[[registry]]\nlocation = \"{host}\"\ninsecure = true\n");
    write("containers/registries.conf", &registry("a.test"));
    write("containers/registries.conf.d/1.conf", &registry("b.test"));
    write("containers/registries.conf.d/sub.conf/x.conf", "broken");
    // How a file of a later folder is hidden.
    run("ln", &["-s", "/dev/null"], &home.path().join("containers/registries.conf.d/2.conf"));
    write("other.conf", &registry("c.test"));
    write("over.conf", &registry("d.test"));
    let read = |set: &[(&str, &str)]| {
        let get = |name: &str| match name {
            "XDG_CONFIG_HOME" => Some(home.path().as_os_str().to_owned()),
            name => set.iter().find(|(key, _)| *key == name).map(|(_, file)| home.path().join(file).into_os_string()),
        };
        let options = MachineOptions { containers_registries: true, ..MachineOptions::default() };
        let machine = MachineFiles::with(&options, &get).read(&|| Ok(()))?;
        let is_insecure = |host: &str| {
            let repository = Repository::parse(&format!("{host}.test/x"), None).unwrap();
            machine.rules.of(&repository).is_some_and(|rule| rule.endpoints[0].tls.insecure)
        };
        Ok::<_, crate::error::Error>(["a", "b", "c", "d"].map(is_insecure))
    };
    assert_eq!(read(&[]).unwrap(), [true, true, false, false]);
    assert_eq!(read(&[("CONTAINERS_REGISTRIES_CONF", "other.conf")]).unwrap(), [false, false, true, false]);
    assert_eq!(read(&[("CONTAINERS_REGISTRIES_CONF_OVERRIDE", "over.conf")]).unwrap(), [true, true, false, true]);
    assert!(read(&[("CONTAINERS_REGISTRIES_CONF", "nothing.conf")]).is_err());
}

#[test]
fn files_that_are_no_files_are_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    run("mkfifo", &[], &path("pipe"));
    std::fs::write(path("large"), vec![b'#'; (1 << 20) + 1]).unwrap();
    std::fs::write(path("most"), vec![b'#'; 1 << 20]).unwrap();
    std::fs::write(path("bytes"), b"# a\n\xff\xfe").unwrap();
    std::fs::create_dir(path("many")).unwrap();
    for number in 0..=1000 {
        std::fs::write(path("many").join(number.to_string()), "").unwrap();
    }
    let read = |key: &str, name: &str| {
        let options = serde_json::from_value(serde_json::json!({ key: path(name) })).unwrap();
        MachineFiles::with(&options, &|_| None).read(&|| Ok(()))
    };
    assert!(read("registries_conf", "most").is_ok() && read("registries_conf", "/dev/null").is_ok());
    for (key, name, code, what) in [
        ("registries_conf", "pipe", Code::Io, "a named pipe"),
        ("docker_daemon_json", ".", Code::Io, "a directory"),
        ("k3s_registries", "large", Code::LimitExceeded, "larger than"),
        ("registries_conf", "bytes", Code::Io, "line 2: it is not UTF-8"),
        ("registries_conf_dir", "many", Code::LimitExceeded, "more than 1000"),
        ("containerd_certs_dir", "many", Code::LimitExceeded, "more than 1000"),
    ] {
        let error = read(key, name).unwrap_err();
        assert!(error.code() == code && error.message().contains(what), "{key} {name}: {error}");
    }
}

#[test]
fn what_is_broken_in_a_hosts_folder_is_an_error_for_that_host_only() {
    let root = tempfile::tempdir().unwrap();
    for name in ["good.test", "broken.test", "pipe.test", "large.test", "list.test"] {
        std::fs::create_dir(root.path().join(name)).unwrap();
    }
    let file = |name: &str| root.path().join(name).join("hosts.toml");
    std::fs::write(file("good.test"), "[host.\"https://m.test\"]").unwrap();
    std::fs::write(file("broken.test"), "[host.\"https://u:secret@m.test\"]").unwrap();
    run("mkfifo", &[], &file("pipe.test"));
    std::fs::write(file("large.test"), vec![b'#'; (1 << 20) + 1]).unwrap();
    std::fs::write(file("list.test"), "capabilities = 1").unwrap();
    let folders = Texts(vec![root.path().to_str().unwrap().to_owned()]);
    let options = MachineOptions { containerd_certs_dir: folders, ..MachineOptions::default() };
    let machine = MachineFiles::with(&options, &|_| None).read(&|| Ok(())).unwrap();
    let wrong = |name: &str| machine.rules.of_name(name).and_then(|rule| rule.wrong.clone());
    assert_eq!(machine.rules.of_name("good.test/a").unwrap().endpoints.len(), 2);
    assert!(wrong("good.test/a").is_none() && wrong("other.test/a").is_none());
    for (name, what) in [
        ("broken.test", "hosts.toml, line 1: "),
        ("pipe.test", "a named pipe"),
        ("large.test", "larger than"),
        ("list.test", "'capabilities'"),
    ] {
        let error = wrong(&format!("{name}/a")).unwrap();
        assert!(error.message().contains(name) && error.message().contains(what), "{error}");
        assert!(!error.message().contains("secret"), "{error}");
    }
}

/// Bytes of a file, changed a little: a byte, a piece that is gone, twice, or somewhere else, or what a parser has to count.
fn mutated(bytes: &[u8], random: &mut impl FnMut(usize) -> usize) -> Vec<u8> {
    const PIECES: [&[u8]; 14] =
        [b"\"", b"[", b"]]", b"{", b"\n", b"..", b"@", b"\0", b"\xff", b"\\u0000", b"://", b"*", b"&a [*a]", b"'''"];
    let mut all = bytes.to_vec();
    for _ in 0..=random(3) {
        let (from, to) = (random(all.len() + 1), random(all.len() + 1));
        let (from, to) = (from.min(to), from.max(to).min(from.min(to) + 40));
        match random(5) {
            0 => drop(all.drain(from..to)),
            1 => drop(all.splice(from..from, all[from..to].to_vec())),
            2 if from < all.len() => all[from] = random(256) as u8,
            3 => all.truncate(to),
            _ => drop(all.splice(from..from, PIECES[random(PIECES.len())].iter().copied())),
        }
    }
    all
}

/// Only URLs come of a file about signatures.
fn signatures_of(path: &str, text: &str) -> Result<Vec<Rule>> {
    let mut all = RegistriesD::default();
    all.add(path, text)?;
    for name in ["mongo", "registry.access.redhat.com/ubi8", "eu.registry.example.com/legacy/app:v1"] {
        let found = all.of(&Reference::parse(name, None).unwrap())?.unwrap_or_default();
        for said in [found.lookaside, found.lookaside_staging].into_iter().flatten() {
            let shown = redact::url(&said.value);
            assert!(!shown.contains(char::is_control) && shown.contains("://"), "{text}\n{shown}");
        }
    }
    Ok(Vec::new())
}

/// What any rule may say: hosts that are hosts, paths and names that lead nowhere else, headers of one line.
fn is_harmless(rule: &Rule) -> bool {
    let name = Repository::parse("docker.io/library/mongo", None).unwrap();
    rule.endpoints.iter().all(|endpoint| {
        let base = match &endpoint.base {
            EndpointBase::Origin => true,
            EndpointBase::At { host, path, .. } => {
                let url = url::Url::parse(&format!("https://{host}/{path}"));
                crate::reference::index::host(host).is_ok()
                    && url.is_ok_and(|url| url.path() == format!("/{path}") && url.username().is_empty())
            }
        };
        let renamed = endpoint.rename.apply(name.remote_name());
        let renamed = renamed.is_none_or(|name| Repository::parse(&format!("localhost/{name}"), None).is_ok());
        base && renamed && endpoint.headers.iter().all(|(_, value)| !value.contains(['\r', '\n', '\0']))
    })
}

#[test]
fn no_bytes_do_harm() {
    let mut state = 0x2545_f491_4f6c_dd1du64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below.max(1) as u64) as usize
    };
    let scope = crate::mirrors::NameScope::Prefix("docker.io".into());
    let folder = hosts_toml::HostFolder { path: "/certs.d/docker.io", scope: &scope };
    let (mut good, mut bad) = (0, 0);
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/machine");
    let mut folders = vec![root];
    while let Some(next) = folders.pop() {
        for path in std::fs::read_dir(next).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = std::fs::read(&path).unwrap();
            let kind = path.extension().map(|extension| extension.to_str().unwrap().to_owned()).unwrap_or_default();
            for _ in 0..80 {
                let text = String::from_utf8_lossy(&mutated(&bytes, &mut random)).into_owned();
                let signatures = path.parent().is_some_and(|folder| folder.ends_with("registries.d"));
                let parsed = match kind.as_str() {
                    "yaml" if signatures => signatures_of("/f", &text),
                    "conf" => RegistriesConf::parse("/f", &text).map(|conf| conf.rules()),
                    "toml" => hosts_toml::parse(folder, "/f", &text).map(|rule| vec![rule]),
                    "yaml" => registries_yaml::parse("/f", &text),
                    "json" => daemon_json::parse("/f", &text),
                    _ => break,
                };
                match parsed {
                    Ok(rules) => {
                        assert!(rules.iter().all(is_harmless), "{text}\n{rules:#?}");
                        good += 1;
                    }
                    Err(error) => {
                        let said = error.message();
                        assert!(
                            said.starts_with("/f") && !said.contains(char::is_control) && said.len() < 2000,
                            "{said:?}"
                        );
                        bad += 1;
                    }
                }
            }
        }
    }
    assert!(good > 100 && bad > 300, "{good} {bad}");
}

#[test]
fn folders_about_signatures_are_merged_by_the_names_of_their_files() {
    let home = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = home.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    let of = |host: &str| format!("docker: {{{host}.test: {{lookaside: 'https://{host}.test'}}}}");
    write("containers/registries.d/a.yaml", &of("own"));
    write("containers/registries.d/sub.yaml/x.yaml", "broken: [");
    write("containers/registries.d/b.yml", "broken: [");
    write("one/a.yaml", &of("one"));
    write("two/a.yaml", &of("two"));
    write("two/b.yaml", &of("b"));
    write("three/c.yaml", &of("b"));
    let get = |name: &str| (name == "XDG_CONFIG_HOME").then(|| home.path().as_os_str().to_owned());
    let read = |usual: bool, folders: &[&str]| {
        let folders = folders.iter().map(|name| home.path().join(name).to_str().unwrap().to_owned()).collect();
        let options =
            MachineOptions { containers_registries: usual, registries_d: Texts(folders), ..MachineOptions::default() };
        let files = MachineFiles::with(&options, &get);
        let has = |host: &str| {
            let reference = Reference::parse(&format!("{host}.test/x"), None).unwrap();
            Ok::<_, crate::error::Error>(files.signatures(&|| Ok(()), &reference)?.is_some())
        };
        Ok::<_, crate::error::Error>([has("own")?, has("one")?, has("two")?, has("b")?])
    };
    assert_eq!(read(false, &[]).unwrap(), [false; 4]);
    assert_eq!(read(true, &[]).unwrap(), [true, false, false, false]);
    assert_eq!(read(true, &["one", "two"]).unwrap(), [false, true, false, true]);
    assert_eq!(read(false, &["two", "one"]).unwrap(), [false, false, true, true]);
    let said = read(false, &["two", "three"]).unwrap_err().to_string();
    assert!(said.contains("three/c.yaml, line 1: 'b.test'") && said.contains("two/b.yaml:1"), "{said}");
    assert_eq!(read(false, &["nothing"]).unwrap_err().code(), Code::Io);
}
