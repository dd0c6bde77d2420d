//! HOST:443 and http://HOST are two registries: what is said of one does not reach the other, and what is one of the two is one for all calls.

use ocireg::call::context::Warning;
use ocireg::error::Code;
use ocireg::place::{self, Place};
use ocireg::reference::Reference;
use ocireg::registry::manifest::GetOptions;
use ocireg::registry::Client;
use serde_json::{json, Value};

use crate::common::*;
use crate::registry::Abilities;
use crate::server::*;
use crate::shelf::Shelf;
use crate::stored::{auth, encoded, Folder};

/// A registry at both ports that wants credentials.
fn asking() -> Server {
    Server::start(|seen| match seen.header("authorization") {
        Some(_) => reply(200).header("Content-Type", MANIFEST_TYPE).body(MANIFEST),
        None => reply(401).header("WWW-Authenticate", "Basic realm=\"r\""),
    })
}

const MANIFEST: &str =
    r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{},"layers":[]}"#;

fn login(user: &str, address: &str) -> Value {
    json!({"username": user, "password": "p", "address": address})
}

/// Whose password a registry got that is asked for an image by a name.
fn sent(client: &Client, server: &Server, name: &str) -> Option<String> {
    let before = server.seen().len();
    let reference = Reference::parse(&format!("{name}/a/b:t"), None).unwrap();
    let _ = client.get_manifest(&call(client), &reference, &GetOptions::default());
    let seen = server.seen();
    assert!(seen.len() > before, "{name} is not asked");
    seen[before..].iter().find_map(|seen| seen.header("authorization").map(str::to_owned))
}

fn as_basic(user: Option<&str>) -> Option<String> {
    user.map(|user| format!("Basic {}", encoded(user, "p")))
}

#[test]
fn credentials_for_the_port_of_https_are_not_sent_to_that_of_http() {
    let server = asking();
    for (told, at_80, at_443) in [
        (&["reg.test"][..], Some("0"), Some("0")),
        (&["reg.test:443"], None, Some("0")),
        (&["https://reg.test"], None, Some("0")),
        (&["reg.test:80"], Some("0"), None),
        (&["http://reg.test"], Some("0"), None),
        (&["reg.test:443", "reg.test:80"], Some("1"), Some("0")),
        (&["reg.test:80", "reg.test:443"], Some("0"), Some("1")),
        (&["reg.test", "reg.test:80"], Some("1"), Some("0")),
        (&["reg.test", "https://reg.test:443"], Some("0"), Some("1")),
        (&["reg.test:443", "reg.test"], Some("1"), Some("1")),
    ] {
        let client = client();
        client.set_host("reg.test", host_options(json!({"address": server.host}))).unwrap();
        for (user, name) in told.iter().enumerate() {
            client.set_host(name, host_options(login(&user.to_string(), &server.host))).unwrap();
        }
        for name in ["http://reg.test", "reg.test"] {
            assert_eq!(sent(&client, &server, name), as_basic(at_80), "{told:?} for {name}");
        }
        assert_eq!(sent(&client, &server, "reg.test:443"), as_basic(at_443), "{told:?} for reg.test:443");
    }
}

#[test]
fn stored_credentials_too() {
    let server = asking();
    for (entries, at_80, at_443) in [
        (&["reg.test"][..], Some("0"), Some("0")),
        (&["reg.test:443"], None, Some("0")),
        (&["https://reg.test"], None, Some("0")),
        (&["reg.test:80"], Some("0"), None),
        (&["https://reg.test/v2/", "reg.test:80"], Some("1"), Some("0")),
        (&["reg.test", "reg.test:80"], Some("1"), Some("0")),
    ] {
        let auths: serde_json::Map<String, Value> =
            entries.iter().enumerate().map(|(user, name)| ((*name).to_owned(), auth(&user.to_string(), "p"))).collect();
        let folder = Folder::new(&json!({ "auths": auths }));
        let client = folder.client();
        client.set_host("reg.test", host_options(json!({"address": server.host, "plain_http": true}))).unwrap();
        for name in ["http://reg.test", "reg.test"] {
            assert_eq!(sent(&client, &server, name), as_basic(at_80), "{entries:?} for {name}");
        }
        assert_eq!(sent(&client, &server, "reg.test:443"), as_basic(at_443), "{entries:?} for reg.test:443");
    }
}

/// A login is for the port that it says, and after it the one that was there before is not found; a logout of one name is one of all.
#[test]
fn a_login_is_for_the_port_that_it_says() {
    let server = asking();
    for (names, at_80, at_443) in [
        (&["reg.test"][..], Some("0"), Some("0")),
        (&["reg.test:443"], None, Some("0")),
        (&["https://reg.test"], None, Some("0")),
        (&["reg.test:80"], Some("0"), None),
        (&["http://reg.test"], Some("0"), None),
        (&["reg.test", "reg.test:443"], Some("0"), Some("1")),
        (&["reg.test", "https://reg.test"], Some("0"), Some("1")),
        (&["reg.test:443", "reg.test"], Some("1"), Some("1")),
        (&["https://reg.test", "reg.test:443"], None, Some("1")),
        (&["reg.test:443", "http://reg.test"], Some("1"), Some("0")),
        (&["reg.test:80", "http://reg.test"], Some("1"), None),
        (&["reg.test:80", "reg.test"], Some("1"), Some("1")),
        (&["http://reg.test", "reg.test:443", "reg.test"], Some("2"), Some("2")),
    ] {
        let (file, helper) = (json!({}), json!({"credsStore": "keep"}));
        for (out, config) in
            [("reg.test", &helper), ("reg.test", &file), ("reg.test:443", &file), ("https://reg.test", &file)]
        {
            let folder = Folder::new(config);
            folder.helper("keep", KEEPER);
            let client = folder.client();
            client.set_host("reg.test", host_options(json!({"address": server.host}))).unwrap();
            for (user, name) in names.iter().enumerate() {
                client.set_host(name, host_options(json!({"address": server.host, "plain_http": true}))).unwrap();
                log_in(&client, name, user);
            }
            client.set_host("reg.test", host_options(json!({"address": server.host, "plain_http": true}))).unwrap();
            for (name, user) in [("http://reg.test", at_80), ("reg.test:443", at_443)] {
                assert_eq!(sent(&client, &server, name), as_basic(user), "{names:?} for {name}, {config}");
            }
            // What the file does not name, nobody finds again.
            let names_all = || config == &file || kept(&folder, "keep") == named(&folder);
            assert!(names_all(), "{names:?} {:?}", kept(&folder, "keep"));
            client.logout(&call(&client), out, &Default::default()).unwrap();
            assert!(names_all(), "{names:?} {out} {:?}", kept(&folder, "keep"));
            assert_eq!(sent(&client, &server, "reg.test:443"), None, "{names:?} {out}");
            if out == "reg.test" {
                assert_eq!(sent(&client, &server, "http://reg.test"), None, "{names:?} {out}");
                assert_eq!(named(&folder), [""; 0], "{names:?}");
            }
        }
    }
}

/// A helper that keeps several names, each in a file.
const KEEPER: &str = r#"kept="$dir/${0##*/}.kept"; test -d "$kept" || mkdir "$kept"
name=${input##*\"ServerURL\":\"}; name=${name%%\"*}
case $name in https://*) name=https:__${name#https://};; esac
file=$kept/$name
case $1 in
store) echo "$input" >"$file";;
get) test -f "$file" || { echo 'credentials not found in native keychain'; exit 1; }; cat "$file";;
erase) rm -f "$file";;
esac"#;

fn log_in(client: &Client, name: &str, user: usize) -> Vec<Warning> {
    let (context, call) = with_context(client);
    let options = json!({"username": user.to_string(), "password": "p"});
    client.login(&call, name, &serde_json::from_value(options).unwrap()).unwrap();
    context.warnings()
}

/// The names that a helper keeps.
fn kept(folder: &Folder, helper: &str) -> Vec<String> {
    let kept = std::fs::read_dir(format!("{}/docker-credential-{helper}.kept", folder.path()));
    let name = |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
    let mut names: Vec<String> = kept.into_iter().flatten().map(|entry| name(entry).replace('_', "/")).collect();
    names.sort();
    names
}

/// The names in a file.
fn named(folder: &Folder) -> Vec<String> {
    let mut names: Vec<String> = folder.read()["auths"].as_object().unwrap().keys().cloned().collect();
    names.sort();
    names
}

/// A client for a registry that is asked by http where its name has no port.
fn client_of(folder: &Folder, server: &Server) -> Client {
    let client = folder.client();
    for name in ["reg.test", "reg.test:443", "http://reg.test", "https://reg.test"] {
        client.set_host(name, host_options(json!({"address": server.host, "plain_http": true}))).unwrap();
    }
    client
}

#[test]
fn a_login_that_cannot_erase_an_old_name_warns() {
    let server = asking();
    let folder = Folder::new(&json!({"credsStore": "keep"}));
    folder.helper("keep", KEEPER);
    let client = client_of(&folder, &server);
    assert!(log_in(&client, "reg.test:443", 0).is_empty());
    folder.helper("keep", &format!("test $1 != erase || {{ echo it is locked; exit 1; }}\n{KEEPER}"));
    let warnings = log_in(&client, "reg.test", 1);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    let text = &warnings[0].text;
    assert!(text.contains("reg.test:443") && text.contains("it is locked"), "{text}");
    assert_eq!(sent(&client, &server, "reg.test"), as_basic(Some("1")));
    // By its own name it can still be erased.
    folder.helper("keep", KEEPER);
    client.logout(&call(&client), "reg.test:443", &Default::default()).unwrap();
    assert_eq!(kept(&folder, "keep"), [""; 0]);
}

/// As the keychain of macOS, for which https://HOST is HOST.
#[test]
fn a_helper_to_which_two_names_are_one_keeps_the_new_login() {
    let server = asking();
    let folder = Folder::new(&json!({"credsStore": "keep"}));
    folder.helper("keep", &format!("input=$(echo \"$input\" | sed 's,https://,,')\n{KEEPER}"));
    let client = client_of(&folder, &server);
    for (user, name) in ["https://reg.test", "reg.test", "https://reg.test"].into_iter().enumerate() {
        log_in(&client, name, user);
        assert_eq!(sent(&client, &server, "reg.test:443"), as_basic(Some(&user.to_string())), "{name}");
    }
    client.logout(&call(&client), "reg.test", &Default::default()).unwrap();
    assert_eq!(kept(&folder, "keep"), [""; 0]);
}

/// A login to HOST is kept by one helper: what another one keeps for port 80 stays, and is of use there.
#[test]
fn a_login_leaves_what_another_helper_keeps_for_the_other_port() {
    let server = asking();
    for helpers in
        [json!({"reg.test:80": "b", "reg.test": "a"}), json!({"reg.test:443": "a"}), json!({"reg.test:80": "b"})]
    {
        let folder = Folder::new(&json!({ "credHelpers": helpers }));
        for helper in ["a", "b"] {
            folder.helper(helper, KEEPER);
        }
        let client = client_of(&folder, &server);
        log_in(&client, "http://reg.test", 0);
        log_in(&client, "reg.test", 1);
        assert_eq!(named(&folder), ["reg.test", "reg.test:80"], "{helpers}");
        for (name, user) in [("http://reg.test", "0"), ("reg.test:443", "1")] {
            assert_eq!(sent(&client, &server, name), as_basic(Some(user)), "{helpers} {name}");
        }
        let out = client.logout(&call(&client), "reg.test", &Default::default()).unwrap();
        assert!(out.from.len() == 2, "{:?}", out.from);
        assert_eq!((kept(&folder, "a"), kept(&folder, "b"), named(&folder)), (vec![], vec![], vec![]), "{helpers}");
    }
}

fn place(text: &str) -> Place {
    Place::parse(text).unwrap()
}

/// A registry with an image, and a client that reaches it at both ports.
fn shelf(plain: bool) -> (Shelf, Client) {
    let shelf = Shelf::start(Abilities::default());
    let image = shelf.image("x");
    shelf.registry.manifests.lock().unwrap().tags.insert("t".to_owned(), image["digest"].as_str().unwrap().to_owned());
    let client = Client::new(changed(options(), |options| options.http.plain_http = plain)).unwrap();
    for name in ["reg.test", "reg.test:80"] {
        client.set_host(name, host_options(json!({"address": shelf.host()}))).unwrap();
    }
    (shelf, client)
}

#[test]
fn a_tag_is_set_in_the_registry_where_it_is_read() {
    for (plain, from, to, is_one) in [
        (true, "http://reg.test", "reg.test", true),
        (true, "reg.test", "http://reg.test", true),
        (true, "reg.test", "reg.test:80", true),
        (true, "http://reg.test", "reg.test:80", true),
        (true, "reg.test", "reg.test:443", false),
        (true, "http://reg.test:443", "reg.test", false),
        (true, "http://reg.test", "reg.test:443", false),
        (false, "http://reg.test", "reg.test", false),
        (false, "https://reg.test", "reg.test:80", false),
    ] {
        let (shelf, client) = shelf(plain);
        let to = format!("{to}/a/c:new");
        let from = place(&format!("{from}/a/b:t"));
        let outcome = place::tag(&client, &call(&client), &from, &to, &serde_json::from_value(json!({})).unwrap());
        match is_one {
            true => assert!(outcome.is_ok(), "{plain} {from:?} {to}: {:?}", outcome.err()),
            false => {
                let error = fails(outcome, Code::InvalidArgument, &format!("'{to}' is not in the registry"));
                assert_eq!(shelf.registry.server.seen().len(), 0, "{error}");
            }
        }
    }
}

#[test]
fn what_a_mirror_says_is_not_written_to_its_registry_by_another_name() {
    for (from, to) in
        [("http://reg.test", "reg.test:80"), ("reg.test", "reg.test:80"), ("reg.test:80", "http://reg.test")]
    {
        let (_shelf, client) = shelf(true);
        let mirror = Server::start(|_| reply(404));
        for name in ["reg.test", "reg.test:80"] {
            let options = json!({"address": _shelf.host(), "mirrors": [format!("http://{}", mirror.host)]});
            client.set_host(name, host_options(options)).unwrap();
        }
        let (from, to) = (place(&format!("{from}/a/b:t")), place(&format!("{to}/a/c:new")));
        place::copy(&client, &call(&client), &from, &to, &serde_json::from_value(json!({})).unwrap()).unwrap();
        assert_eq!(mirror.count("GET", "manifests/t") + mirror.count("HEAD", "manifests/t"), 0, "{from:?} {to:?}");
    }
}

#[test]
fn a_blob_is_mounted_within_one_registry() {
    for (from, to, is_one) in [
        ("http://reg.test", "reg.test:80", true),
        ("http://reg.test", "reg.test:443", false),
        ("reg.test:443", "http://reg.test", false),
        ("reg.test", "http://reg.test", true),
        ("reg.test", "reg.test:443", false),
    ] {
        let (shelf, client) = shelf(true);
        let blob = digest(b"x");
        let from = Reference::parse(&format!("{from}/a/b"), None).unwrap();
        let to = Reference::parse(&format!("{to}/a/c@{blob}"), None).unwrap();
        let from = from.repository();
        let outcome = client.mount_blob(&call(&client), &to, Some(from), &serde_json::from_value(json!({})).unwrap());
        let is_asked = !shelf.registry.server.seen().is_empty();
        assert_eq!(is_asked, is_one, "{from:?} {to}: {:?}", outcome.as_ref().err());
        if !is_one {
            fails(outcome, Code::InvalidArgument, "that is another registry");
        }
    }
}
