//! Login, logout and explain, with unusual servers and files.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::Duration;

use ocireg::error::{Code, Error};
use ocireg::reference::Reference;
use ocireg::registry::login::{Login, LoginOptions, Logout, LogoutOptions};
use ocireg::registry::Client;
use serde_json::{json, Value};

use crate::common::*;
use crate::server::*;
use crate::stored::*;

fn login_with(client: &Client, host: &str, options: Value) -> Result<Login, Error> {
    client.login(&call(client), host, &serde_json::from_value::<LoginOptions>(options).unwrap())
}

fn login(client: &Client, host: &str) -> Result<Login, Error> {
    login_with(client, host, json!({"username": "alice", "password": "s3cret"}))
}

fn logout(client: &Client, host: &str) -> Result<Logout, Error> {
    client.logout(&call(client), host, &LogoutOptions::default())
}

/// A registry whose token server knows alice, and issues refresh tokens on request.
fn bearer() -> Server {
    Server::start(|seen| match seen.path() {
        "/token" if seen.header("authorization") == Some(&format!("Basic {}", encoded("alice", "s3cret"))) => {
            match seen.target.contains("offline_token=true") {
                true => reply(200).json(r#"{"token":"good","refresh_token":"r1"}"#),
                false => reply(200).json(r#"{"token":"good"}"#),
            }
        }
        "/token" if seen.method == "POST" && seen.body.is_empty() => reply(400),
        "/token" if seen.method == "POST" && seen.body.ends_with(b"refresh_token=r1") => {
            reply(200).json(r#"{"access_token":"good","refresh_token":"r2"}"#)
        }
        "/token" => reply(403).json(r#"{"details":"incorrect username or password"}"#),
        _ if seen.header("authorization") == Some("Bearer good") => reply(200).json("{}"),
        _ => reply(401).header(
            "WWW-Authenticate",
            format!(r#"Bearer realm="http://{}/token",service="s""#, seen.header("host").unwrap()),
        ),
    })
}

#[test]
fn a_login_is_kept_where_docker_keeps_it() {
    let server = basic("alice", "s3cret");
    let host = &server.host;
    let folder = Folder::new(
        &json!({"zeta": 1, "auths": {"other.example": {"auth": "eDp5", "x": [2]}}, "HttpHeaders": {"A": "b"}}),
    );
    let client = folder.client();
    let login = login(&client, host).unwrap();
    assert_eq!((login.auth, login.status, login.username.as_deref()), ("basic", 200, Some("alice")));
    assert_eq!(login.stored_in.as_deref(), folder.config().to_str());
    let text = std::fs::read_to_string(folder.config()).unwrap();
    let expected = json!({"zeta": 1, "auths": {"other.example": {"auth": "eDp5", "x": [2]}, host: auth("alice", "s3cret")}, "HttpHeaders": {"A": "b"}});
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), expected);
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap().to_string(), expected.to_string(), "the order too");
    assert_eq!(std::fs::metadata(folder.config()).unwrap().permissions().mode() & 0o777, 0o600);
    get(&client, &format!("{host}/a/b:t")).unwrap();
    let out = logout(&client, host).unwrap();
    assert_eq!((out.removed, out.from), (true, vec![folder.config().to_str().unwrap().to_owned()]));
    assert_eq!(folder.read()["auths"], json!({"other.example": {"auth": "eDp5", "x": [2]}}));
    let again = logout(&client, host).unwrap();
    assert!(!again.removed && again.from.is_empty());
    fails(get(&client, &format!("{host}/a/b:t")), Code::Unauthenticated, "");
}

#[test]
fn wrong_credentials_are_not_kept() {
    for server in [basic("alice", "other"), bearer()] {
        let folder = Folder::new(&json!({"auths": {&server.host: auth("bob", "old")}}));
        let before = std::fs::read(folder.config()).unwrap();
        let client = folder.client();
        let options = json!({"username": "alice", "password": "SECRET"});
        let error = fails(login_with(&client, &server.host, options), Code::Unauthenticated, "");
        assert!(!error.to_json().to_string().contains("SECRET"), "{error}");
        assert_eq!(std::fs::read(folder.config()).unwrap(), before);
    }
}

#[test]
fn no_secret_goes_to_a_strange_token_server() {
    let server =
        Server::start(|_| reply(401).header("WWW-Authenticate", r#"Bearer realm="http://auth.elsewhere.test/token""#));
    let folder = Folder::new(&json!({}));
    for options in [json!({"username": "alice", "password": "s3cret"}), json!({"identity_token": "r1"})] {
        let error =
            fails(login_with(&folder.client(), &server.host, options), Code::Unauthenticated, "not part of the domain");
        assert_eq!(error.to_json()["url"], "http://auth.elsewhere.test/token");
        assert_eq!(error.to_json()["attempts"], 0);
    }
    assert_eq!(folder.read(), json!({}));
}

#[test]
fn an_identity_token_is_kept_when_it_is_asked_for() {
    let server = bearer();
    let host = &server.host;
    let folder = Folder::new(&json!({}));
    let client = folder.client();
    let plain = login(&client, host).unwrap();
    assert_eq!((plain.auth, plain.identity_token), ("bearer", false));
    assert_eq!(folder.read()["auths"][host], auth("alice", "s3cret"));
    assert_eq!(server.count("GET", "offline_token"), 0);
    let options = json!({"username": "alice", "password": "s3cret", "offline_token": true});
    let offline = login_with(&client, host, options).unwrap();
    assert_eq!((offline.identity_token, offline.username.as_deref()), (true, Some("alice")));
    assert_eq!(folder.read()["auths"][host], json!({"auth": encoded("alice", ""), "identitytoken": "r1"}));
    // An identity token logs in too, and the one that replaces it is stored.
    let options = json!({"identity_token": "r1"});
    assert!(login_with(&client, host, options).unwrap().identity_token);
    assert_eq!(folder.read()["auths"][host], json!({"identitytoken": "r2"}));
    fails(login_with(&client, host, json!({"identity_token": "x"})), Code::Unauthenticated, "");
}

#[test]
fn a_token_is_asked_for_what_the_caller_wants_and_given_back_on_request_only() {
    let (server, basic) = (bearer(), basic("alice", "s3cret"));
    let client = client();
    let with = |host: &str, more: Value| {
        let mut options = json!({"username": "alice", "password": "s3cret", "store": false});
        options.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        login_with(&client, host, options).map(|login| serde_json::to_value(login).unwrap())
    };
    assert_eq!(with(&server.host, json!({})).unwrap().get("token"), None);
    assert_eq!(server.count("GET", "scope="), 0);
    let scoped = with(&server.host, json!({"scope": "repository:a/b:push,pull", "return_token": true})).unwrap();
    assert_eq!((&scoped["token"], &scoped["auth"]), (&json!("good"), &json!("bearer")));
    assert_eq!(server.count("GET", "scope=repository%3Aa%2Fb%3Apull%2Cpush"), 1);
    let scopes = json!({"scope": ["repository:a/b:pull", "repository:c:pull", "registry:catalog:*"]});
    assert_eq!(with(&server.host, scopes).unwrap().get("token"), None);
    let asked = server.seen().iter().rfind(|seen| seen.path() == "/token").unwrap().target.clone();
    assert_eq!(asked.matches("scope=").count(), 3, "{asked}");
    assert_eq!(with(&basic.host, json!({"scope": "x", "return_token": true})).unwrap()["token"], Value::Null);
    for wrong in ["", "repository:a/b:", "a b\n", "é", ":a:b"] {
        fails(with(&server.host, json!({"scope": wrong})), Code::InvalidArgument, "the option scope");
    }
}

#[test]
fn a_registry_that_asks_for_nothing_is_told_apart() {
    let server = Server::start(|_| reply(200).json("{}"));
    let folder = Folder::new(&json!({}));
    let login = login(&folder.client(), &server.host).unwrap();
    assert_eq!((login.auth, login.stored_in.is_some()), ("none", true));
    assert!(server.seen().iter().all(|seen| seen.header("authorization").is_none()));
    for (answer, code) in [
        (reply(404), Code::NotFound),
        (reply(403), Code::Forbidden),
        (reply(401), Code::Unauthenticated),
        (reply(401).header("WWW-Authenticate", "Negotiate"), Code::Unauthenticated),
    ] {
        let server = Server::start(move |_| answer.clone());
        let folder = Folder::new(&json!({}));
        fails(login_with(&folder.client(), &server.host, json!({"username": "alice", "password": "p"})), code, "");
        assert_eq!(folder.read(), json!({}));
    }
}

#[test]
fn a_login_needs_credentials_and_a_place() {
    let server = basic("alice", "s3cret");
    let host = &server.host;
    let folder = Folder::new(&json!({"auths": {host: auth("alice", "s3cret")}}));
    fails(login_with(&folder.client(), host, json!({})), Code::InvalidArgument, "needs a username");
    fails(login(&client(), host), Code::InvalidArgument, "a place to store credentials");
    fails(logout(&client(), host), Code::InvalidArgument, "a place to store credentials");
    let both = json!({"username": "a", "password": "b", "identity_token": "c"});
    fails(login_with(&folder.client(), host, both), Code::InvalidArgument, "either");
    assert!(server.seen().is_empty());
    // The host's own credentials are tried, and need not be stored.
    let client = client_for(host);
    let login = login_with(&client, host, json!({"store": false})).unwrap();
    assert_eq!((login.stored_in, login.username.as_deref()), (None, Some("alice")));
    // The call may name another file.
    let file = format!("{}/new/deep/auth.json", folder.path());
    let login = login_with(&client, host, json!({"credentials_file": file})).unwrap();
    assert_eq!(login.stored_in.as_deref(), Some(file.as_str()));
    let options: LogoutOptions = serde_json::from_value(json!({"credentials_file": file})).unwrap();
    assert_eq!(client.logout(&call(&client), host, &options).unwrap().from, [file]);
}

const KEEPER: &str = r#"case $1 in
store) printf %s "$input" >"$dir/kept";;
get) cat "$dir/kept" 2>/dev/null || { echo 'credentials not found in native keychain'; exit 1; };;
erase) rm -f "$dir/kept";;
esac"#;

#[test]
fn a_helper_keeps_what_it_is_given() {
    let server = basic("alice", "s3cret");
    let host = &server.host;
    for config in [json!({"credsStore": "keep"}), json!({"credHelpers": {host: "keep"}, "credsStore": "absent"})] {
        let folder = Folder::new(&config);
        folder.helper("keep", KEEPER);
        // An old entry in the file, from before the helper was used, must be removed.
        let mut with_old = config.clone();
        with_old["auths"] = json!({host: auth("alice", "old")});
        write(&folder.config(), &with_old.to_string(), 0o600);
        let client = folder.client();
        let stored = login(&client, host).unwrap();
        assert_eq!(stored.stored_in.as_deref(), Some("keep"));
        let kept: Value = serde_json::from_slice(&std::fs::read(format!("{}/kept", folder.path())).unwrap()).unwrap();
        assert_eq!(kept, json!({"ServerURL": host, "Username": "alice", "Secret": "s3cret"}));
        assert_eq!(folder.read()["auths"], json!({host: {}}));
        get(&folder.client(), &format!("{host}/a/b:t")).unwrap();
        let out = logout(&client, host).unwrap();
        assert_eq!(out.from, ["keep"]);
        assert_eq!(folder.read()["auths"], json!({}));
        assert!(!logout(&client, host).unwrap().removed);
    }
    let folder = Folder::new(&json!({"credsStore": "broken"}));
    for (script, words) in [
        ("echo locked; exit 1", "exit status 1: locked"),
        // Its input must not be repeated as its message.
        ("echo \"$input\"; exit 1", "is not shown"),
        ("echo \"$input\"; echo \"cannot store: $input\" >&2; exit 1", "\"Secret\":<redacted>"),
        ("echo \"$input\" | sed 's/.*Secret\":\"/bad: /' >&2; exit 1", "bad: <redacted>"),
        ("printf alice:s3cret | base64 | sed 's/^/no: /'; exit 1", "no: <redacted>"),
    ] {
        folder.helper("broken", script);
        let error = fails(login(&folder.client(), host), Code::Io, "docker-credential-broken: it failed with");
        assert!(error.message().contains(words), "{error}");
        assert!(!error.to_json().to_string().contains("s3cret"), "{error}");
        assert_eq!(folder.read(), json!({"credsStore": "broken"}));
    }
}

#[test]
fn logins_at_once_lose_nothing() {
    let server = Server::start(|_| reply(200));
    let folder = Folder::new(&json!({}));
    let port = server.host.split_once(':').unwrap().1;
    let hosts: Vec<String> = (1..9).map(|last| format!("127.0.0.{last}:{port}")).collect();
    std::thread::scope(|scope| {
        for host in &hosts {
            let (client, at) = (folder.client(), server.url("/"));
            scope.spawn(move || {
                client.set_host(host, host_options(json!({"endpoint": at}))).unwrap();
                login(&client, host).unwrap()
            });
        }
    });
    let kept = folder.read();
    for host in &hosts {
        assert_eq!(kept["auths"][host], auth("alice", "s3cret"), "{host}");
    }
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["config.json"]);
}

#[test]
fn a_symbolic_link_stays_and_a_broken_file_is_left_alone() {
    let server = basic("alice", "s3cret");
    let folder = Folder::new(&json!({}));
    let real = format!("{}/real.json", folder.path());
    std::fs::remove_file(folder.config()).unwrap();
    std::os::unix::fs::symlink("real.json", folder.config()).unwrap();
    login(&folder.client(), &server.host).unwrap();
    assert!(folder.config().is_symlink());
    assert!(std::fs::read_to_string(&real).unwrap().contains(&server.host));
    for (text, mode) in [("{\"auths\":", 0o600), ("{\"auths\":[]}", 0o600), ("{}", 0o666)] {
        write(real.as_ref(), text, mode);
        fails(login(&folder.client(), &server.host), Code::Io, "credentials file");
        assert_eq!(std::fs::read_to_string(&real).unwrap(), text);
    }
    if nix::unistd::geteuid().is_root() {
        // Where everybody may create links, another user's link is not followed.
        use std::os::unix::fs::{lchown, PermissionsExt};
        let mode = |mode| std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(mode)).unwrap();
        write(real.as_ref(), "{}", 0o600);
        lchown(folder.config(), Some(12345), None).unwrap();
        mode(0o1777);
        fails(login(&folder.client(), &server.host), Code::Io, "another user");
        assert_eq!(std::fs::read_to_string(&real).unwrap(), "{}");
        mode(0o755);
    }
    // A file in the old format keeps its format.
    write(real.as_ref(), &json!({"https://old.example": auth("o", "p")}).to_string(), 0o600);
    login(&folder.client(), &server.host).unwrap();
    assert_eq!(folder.read(), json!({"https://old.example": auth("o", "p"), &server.host: auth("alice", "s3cret")}));
}

#[test]
fn a_login_waits_for_another_one_and_can_be_left() {
    let server = basic("alice", "s3cret");
    let folder = Folder::new(&json!({}));
    let held = std::fs::File::open(folder.path()).unwrap();
    held.lock().unwrap();
    let client = folder.client();
    let (context, call) = with_context(&client);
    context.set_deadline(Some(Duration::from_millis(600)));
    let options: LoginOptions = serde_json::from_value(json!({"username": "alice", "password": "s3cret"})).unwrap();
    within(Duration::from_secs(2), || {
        fails(client.login(&call, &server.host, &options), Code::Timeout, "deadline");
    });
    assert_eq!(folder.read(), json!({}));
    drop(held);
    login(&client, &server.host).unwrap();
}

#[test]
fn a_logout_takes_every_form_of_the_host_and_no_other() {
    let folder = Folder::new(&json!({"auths": {
        "https://index.docker.io/v1/": auth("a", "b"), "docker.io": auth("c", "d"), "docker.io/team": auth("e", "f"),
        "index.docker.io.evil.test": auth("g", "h"), "registry-1.docker.io": {},
    }}));
    let out = logout(&folder.client(), "docker.io").unwrap();
    assert_eq!((out.removed, out.from.len()), (true, 1));
    let left = folder.read();
    let left: Vec<&String> = left["auths"].as_object().unwrap().keys().collect();
    assert_eq!(left, ["docker.io/team", "index.docker.io.evil.test"]);
}

fn explain(client: &Client, reference: &str) -> Value {
    client.explain(&call(client), &Reference::parse(reference, None).unwrap()).unwrap()
}

#[test]
fn explain_says_who_and_where_from_and_nothing_secret() {
    let folder = Folder::new(&json!({
        "auths": {"reg.example": auth("file", "SECRET"), "reg.example/team": {"identitytoken": "SECRET"}, "t.example": {"registrytoken": "SECRET"}},
        "credHelpers": {"h.example": "one"},
    }));
    folder.helper("one", r#"echo '{"Username":"helped","Secret":"SECRET"}'"#);
    let client = folder.client();
    client
        .set_host("own.example", host_options(json!({"username": "own", "password": "SECRET", "plain_http": false})))
        .unwrap();
    client.set_host("quiet.example", host_options(json!({"anonymous": true}))).unwrap();
    let config = folder.config().to_str().unwrap().to_owned();
    for (reference, kind, username, source, path, key, helper) in [
        ("reg.example/a:t", "password", json!("file"), json!("file"), json!(config), json!("reg.example"), json!(null)),
        (
            "reg.example/team/x",
            "identity_token",
            json!(null),
            json!("file"),
            json!(config),
            json!("reg.example/team"),
            json!(null),
        ),
        ("t.example/a", "token", json!(null), json!("file"), json!(config), json!("t.example"), json!(null)),
        ("h.example/a", "password", json!("helped"), json!("helper"), json!(config), json!(null), json!("one")),
        ("own.example/a", "password", json!("own"), json!("host options"), json!(null), json!(null), json!(null)),
        ("quiet.example/a", "none", json!(null), json!(null), json!(null), json!(null), json!(null)),
        ("alpine", "none", json!(null), json!(null), json!(null), json!(null), json!(null)),
    ] {
        let said = explain(&client, reference);
        let found = &said["credentials"];
        assert_eq!(
            *found,
            json!({"kind": kind, "username": username, "source": source, "path": path, "variable": null, "key": key, "helper": helper}),
            "{reference}"
        );
        assert!(!said.to_string().contains("SECRET"), "{said}");
    }
}

#[test]
fn explain_says_where_a_call_would_go() {
    let plain = client();
    let secure = Client::new(changed(ocireg::registry::ClientOptions::default(), |options| {
        options.http.tls.ca_file = ocireg::registry::Texts(vec!["/ca.pem".to_owned()])
    }))
    .unwrap();
    secure.set_host("up.example", host_options(json!({"endpoint": "https://mirror.example/hub", "insecure": true, "ca_file": "/own.pem", "ca_only": true}))).unwrap();
    secure
        .set_host("slow.example", host_options(json!({"plain_http": true, "trusted_realms": ["auth.example"]})))
        .unwrap();
    for (client, reference, endpoint, source) in [
        (&plain, "reg.example/a", "http://reg.example/", "client options"),
        (&secure, "reg.example/a", "https://reg.example/", "default"),
        (&secure, "http://reg.example/a", "http://reg.example/", "reference"),
        (&secure, "alpine", "https://registry-1.docker.io/", "default"),
        (&secure, "up.example/a", "https://mirror.example/hub/", "endpoint"),
        (&secure, "slow.example/a", "http://slow.example/", "host options"),
        (&secure, "127.0.0.1:5000/a", "https://127.0.0.1:5000/", "probe"),
    ] {
        let said = explain(client, reference);
        assert_eq!(
            (said["endpoint"].as_str(), said["scheme_source"].as_str()),
            (Some(endpoint), Some(source)),
            "{reference}"
        );
    }
    let said = explain(&secure, "up.example/a/b:t");
    assert_eq!(said["network"]["ca_files"], json!(["/own.pem"]));
    assert_eq!(
        (&said["network"]["insecure"], &said["host"], &said["repository"]),
        (&json!(true), &json!("up.example"), &json!("a/b"))
    );
    assert_eq!(explain(&secure, "x.example/a")["network"]["ca_files"], json!(["/ca.pem"]));
    assert_eq!(explain(&plain, "x.example/a")["network"]["ca_files"], json!([]));
    assert_eq!(explain(&secure, "slow.example/a")["trusted_realms"], json!(["auth.example"]));
}

#[test]
fn explain_asks_the_hook() {
    let client = client();
    let (context, call) = with_context(&client);
    context.set_credentials(Some(Arc::new(|_, _| {
        serde_json::from_value::<ocireg::registry::Secrets>(json!({"token": "SECRET"})).unwrap().credentials()
    })));
    let said = client.explain(&call, &Reference::parse("reg.example/a", None).unwrap()).unwrap();
    assert_eq!((&said["credentials"]["kind"], &said["credentials"]["source"]), (&json!("token"), &json!("callback")));
    assert!(!said.to_string().contains("SECRET"));
}
