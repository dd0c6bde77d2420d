//! Stored credentials: files, helpers that misbehave, and identity tokens with odd token servers.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use base64::Engine as _;
use ocireg::error::{Code, Error};
use ocireg::reference::Reference;
use ocireg::registry::login::LoginOptions;
use ocireg::registry::manifest::{GetOptions, Manifest};
use ocireg::registry::{Client, ClientOptions};
use serde_json::{json, Value};

use crate::common::*;
use crate::server::*;

pub fn encoded(user: &str, password: &str) -> String {
    base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"))
}

pub fn auth(user: &str, password: &str) -> Value {
    json!({ "auth": encoded(user, password) })
}

pub fn write(path: &Path, text: &str, mode: u32) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// A folder with a config.json and helpers.
pub struct Folder(tempfile::TempDir);

impl Folder {
    pub fn new(config: &Value) -> Folder {
        let folder = Folder(tempfile::tempdir().unwrap());
        write(&folder.config(), &config.to_string(), 0o600);
        folder
    }

    pub fn config(&self) -> PathBuf {
        self.0.path().join("config.json")
    }

    pub fn path(&self) -> String {
        self.0.path().to_str().unwrap().to_owned()
    }

    /// A helper as a shell script; `$1` is the action, `$dir` this folder, and `$input` its standard input.
    pub fn helper(&self, name: &str, script: &str) {
        let text = format!(
            "#!/bin/sh\nPATH=/usr/bin:/bin\ndir='{}'\ninput=$(cat)\necho \"$1 $input\" >>\"$dir/calls\"\n{script}\n",
            self.path()
        );
        write(&self.0.path().join(format!("docker-credential-{name}")), &text, 0o700);
    }

    pub fn calls(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.0.path().join("calls")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    pub fn read(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.config()).unwrap()).unwrap()
    }

    pub fn client_options(&self) -> ClientOptions {
        changed(options(), |options| {
            options.credentials.docker_config = Some(self.path());
            options.credentials.helper_path = Some(self.path());
            options.credentials.helper_timeout_ms = 3000;
        })
    }

    pub fn client(&self) -> Client {
        Client::new(self.client_options()).unwrap()
    }
}

pub fn get(client: &Client, reference: &str) -> Result<Manifest, Error> {
    client.get_manifest(&call(client), &Reference::parse(reference, None).unwrap(), &GetOptions::default())
}

fn manifest() -> Reply {
    reply(200).header("Content-Type", MANIFEST_TYPE).body(MANIFEST)
}

/// A registry that admits one user with Basic authentication.
pub fn basic(user: &'static str, password: &'static str) -> Server {
    Server::start(move |seen| match seen.header("authorization") {
        Some(value) if value == format!("Basic {}", encoded(user, password)) => manifest(),
        _ => reply(401).header("WWW-Authenticate", "Basic realm=\"r\""),
    })
}

#[test]
fn an_entry_is_used_for_its_host_and_its_part_of_it() {
    let server = Server::start(|seen| {
        let user = match seen.path() {
            path if path.starts_with("/v2/team/app/") => "app",
            path if path.starts_with("/v2/team/") => "team",
            _ => "all",
        };
        match seen.header("authorization") {
            Some(value) if value == format!("Basic {}", encoded(user, "p")) => manifest(),
            _ => reply(401).header("WWW-Authenticate", "Basic realm=\"r\""),
        }
    });
    let host = &server.host;
    let folder = Folder::new(&json!({"auths": {
        host: auth("all", "p"),
        format!("{host}/team"): auth("team", "p"),
        format!("{host}/team/app"): auth("app", "p"),
        format!("{host}0"): {"auth": "!"},
    }}));
    let client = folder.client();
    for name in ["team/app", "team/other", "teams/x", "x"] {
        get(&client, &format!("{host}/{name}:t")).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn nothing_stored_is_used_unasked() {
    let server = basic("alice", "s3cret");
    let error = get(&client(), &format!("{}/a/b:t", server.host)).err().unwrap();
    assert_eq!(error.code(), Code::Unauthenticated);
    assert!(server.seen().iter().all(|seen| seen.header("authorization").is_none()));
}

#[test]
fn host_options_come_first_then_the_hook_then_what_is_stored() {
    let server = Server::start(|seen| match seen.header("authorization") {
        Some(_) => manifest(),
        _ => reply(401).header("WWW-Authenticate", "Basic realm=\"r\""),
    });
    let host = &server.host;
    let folder = Folder::new(&json!({"auths": {host: auth("file", "p")}}));
    let reference = Reference::parse(&format!("{host}/a/b:t"), None).unwrap();
    let last = || server.seen().last().unwrap().header("authorization").map(str::to_owned);
    for (options, hook, expected) in [
        (json!({}), None, Some("file")),
        (json!({}), Some(true), Some("hook")),
        (json!({}), Some(false), Some("file")),
        (json!({"username": "host", "password": "p"}), Some(true), Some("host")),
        (json!({"anonymous": true}), Some(true), None),
    ] {
        let client = folder.client();
        client.set_host(host, host_options(options.clone())).unwrap();
        let (context, call) = with_context(&client);
        if let Some(says) = hook {
            context.set_credentials(Some(std::sync::Arc::new(move |_, _| {
                let secrets: ocireg::registry::Secrets = match says {
                    true => serde_json::from_value(json!({"username": "hook", "password": "p"})).unwrap(),
                    false => Default::default(),
                };
                secrets.credentials()
            })));
        }
        let outcome = client.get_manifest(&call, &reference, &GetOptions::default());
        assert_eq!(outcome.is_ok(), expected.is_some(), "{options} {hook:?}");
        let expected = expected.map(|user| format!("Basic {}", encoded(user, "p")));
        assert_eq!(last(), expected, "{options} {hook:?}");
    }
}

/// Anyone who can write a credentials file controls where passwords go: it must belong to this user or root, unless the
/// caller allows more.
#[test]
fn a_file_of_another_user_is_refused() {
    let server = basic("alice", "s3cret");
    let (host, reference) = (&server.host, format!("{}/a/b:t", server.host));
    let folder = Folder::new(&json!({"auths": {host: auth("alice", "s3cret")}}));
    let link = folder.path() + "/link.json";
    std::os::unix::fs::symlink(folder.config(), &link).unwrap();
    for (owner, mode, why) in [
        (12345, 0o644, "another user (12345)"),
        (12345, 0o600, "another user (12345)"),
        (0, 0o606, "other users may write to it"),
    ] {
        if std::os::unix::fs::chown(folder.config(), Some(owner), None).is_err() {
            return;
        }
        std::fs::set_permissions(folder.config(), std::fs::Permissions::from_mode(mode)).unwrap();
        for options in [
            folder.client_options(),
            changed(options(), |options| options.credentials.credentials_file = Some(link.clone())),
        ] {
            let client = Client::new(options.clone()).unwrap();
            let error = fails(get(&client, &reference), Code::Io, why);
            let hint = error.to_json()["hint"].as_str().unwrap().to_owned();
            assert!(hint.contains("foreign_credentials") && hint.contains("chmod") == (owner == 0), "{hint}");
            let login = LoginOptions {
                username: Some("alice".into()),
                password: Some("s3cret".to_owned().into()),
                store: true,
                ..Default::default()
            };
            fails(client.login(&call(&client), host, &login), Code::Io, why);
            let client =
                Client::new(changed(options, |options| options.credentials.foreign_credentials = true)).unwrap();
            get(&client, &reference).unwrap();
        }
    }
}

#[test]
fn a_file_that_cannot_be_used_is_named() {
    let server = basic("alice", "s3cret");
    let host = &server.host;
    let good = json!({"auths": {host: auth("alice", "s3cret")}}).to_string();
    let broken = json!({"auths": {host: {"auth": "SECRET!"}}}).to_string();
    let twice = format!(r#"{{"auths":{{"{host}":{{"auth":"SECRET"}},"{host}":{{}}}}}}"#);
    for (text, mode, why) in [
        (good.as_str(), 0o620, "other users may write to it"),
        (&good, 0o602, "other users may write to it"),
        ("{\"auths\":{SECRET", 0o600, "is not valid JSON"),
        (&twice, 0o600, "twice"),
        (&broken, 0o600, "not base64"),
        (r#"{"credsStore":["SECRET"]}"#, 0o600, "credsStore"),
    ] {
        let folder = Folder::new(&json!({}));
        write(&folder.config(), text, mode);
        let error = get(&folder.client(), &format!("{host}/a/b:t")).err().unwrap();
        assert_eq!(error.code(), Code::Io, "{why}: {error}");
        assert!(error.message().contains(why), "{why}: {error}");
        assert!(error.message().contains(folder.config().to_str().unwrap()), "{error}");
        assert!(!error.to_json().to_string().contains("SECRET"), "{error}");
    }
    let folder = Folder::new(&json!({}));
    let large = std::fs::File::options().write(true).open(folder.config()).unwrap();
    large.set_len((10 << 20) + 1).unwrap();
    fails(get(&folder.client(), &format!("{host}/a/b:t")), Code::LimitExceeded, "larger than");
    // A file that the caller names must exist, the file in a folder may be missing.
    std::fs::remove_file(folder.config()).unwrap();
    fails(get(&folder.client(), &format!("{host}/a/b:t")), Code::Unauthenticated, "");
    let missing = folder.config().to_str().unwrap().to_owned();
    let client =
        Client::new(changed(options(), |options| options.credentials.credentials_file = Some(missing))).unwrap();
    fails(get(&client, &format!("{host}/a/b:t")), Code::Io, "does not exist");
}

#[test]
fn a_pipe_for_a_file_does_not_hold_the_call() {
    let server = basic("alice", "s3cret");
    let folder = Folder::new(&json!({}));
    let pipe = format!("{}/pipe", folder.path());
    assert!(std::process::Command::new("mkfifo").args(["-m", "600", &pipe]).status().unwrap().success());
    let client = Client::new(changed(options(), |options| options.credentials.credentials_file = Some(pipe))).unwrap();
    within(Duration::from_secs(2), || {
        fails(get(&client, &format!("{}/a/b:t", server.host)), Code::Io, "not a regular file");
    });
}

#[test]
fn a_changed_file_is_read_again() {
    let server = basic("alice", "s3cret");
    let host = &server.host;
    let folder = Folder::new(&json!({}));
    let client = folder.client();
    fails(get(&client, &format!("{host}/a/b:t")), Code::Unauthenticated, "");
    write(&folder.config(), &json!({"auths": {host: auth("alice", "s3cret")}}).to_string(), 0o600);
    get(&client, &format!("{host}/a/b:t")).unwrap();
}

/// What a helper says that has nothing.
const NOTHING: &str = "echo 'credentials not found in native keychain'; exit 1";
const ANSWER: &str = r#"[ "$1" = get ] && printf '{"ServerURL":"%s","Username":"alice","Secret":"s3cret"}' "$input""#;

#[test]
fn a_helper_is_asked_once() {
    let server = basic("alice", "s3cret");
    let host = &server.host;
    for config in [json!({"credHelpers": {host: "one"}}), json!({"credsStore": "one", "auths": {host: {}}})] {
        let folder = Folder::new(&config);
        folder.helper("one", ANSWER);
        let client = folder.client();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| get(&client, &format!("{host}/a/b:t")).unwrap());
            }
        });
        get(&client, &format!("{host}/c:t")).unwrap();
        assert_eq!(folder.calls(), [format!("get {host}")], "{config}");
    }
}

#[test]
fn a_helper_of_the_host_beats_the_one_for_all_which_beats_the_file() {
    let server = basic("alice", "s3cret");
    let host = &server.host;
    let folder =
        Folder::new(&json!({"auths": {host: auth("x", "y")}, "credsStore": "all", "credHelpers": {host: "own"}}));
    folder.helper("own", ANSWER);
    folder.helper("all", "exit 9");
    get(&folder.client(), &format!("{host}/a/b:t")).unwrap();
    // If the helper has nothing, the file is used.
    let folder = Folder::new(&json!({"auths": {host: auth("alice", "s3cret")}, "credsStore": "all"}));
    folder.helper("all", "echo 'credentials not found in native keychain'; exit 1");
    get(&folder.client(), &format!("{host}/a/b:t")).unwrap();
    get(&folder.client(), &format!("{host}/a/b:t")).unwrap();
    // With an empty helper name, Docker uses the file for this host.
    let folder =
        Folder::new(&json!({"auths": {host: auth("alice", "s3cret")}, "credsStore": "all", "credHelpers": {host: ""}}));
    get(&folder.client(), &format!("{host}/a/b:t")).unwrap();
}

#[test]
fn what_a_helper_does_wrong_is_an_error_with_its_words_and_no_secret() {
    let server = basic("alice", "s3cret");
    let host = &server.host;
    for (script, code, why) in [
        ("echo big boom; exit 1", Code::Io, "docker-credential-bad: it failed with exit status 1: big boom"),
        (
            "echo SECRET; exit 1",
            Code::Io,
            "it failed with exit status 1; its output may contain a secret, and is not shown",
        ),
        ("echo SECRET; echo boom >&2; exit 1", Code::Io, "it failed with exit status 1: boom"),
        ("echo the password is SECRET, not SECRET; exit 1", Code::Io, "the password <redacted>"),
        ("echo 'panic: boom' >&2; exit 2", Code::Io, "it failed with exit status 2: panic: boom"),
        ("echo the out; echo err >&2; exit 77", Code::Io, "it failed with exit status 77: the out; err"),
        ("echo the same; echo the same >&2; exit 1", Code::Io, "exit status 1: the same"),
        ("exit 3", Code::Io, "it failed with exit status 3 and printed nothing"),
        ("echo; echo ' is locked '; echo SECRET; exit 1", Code::Io, "exit status 1: is locked"),
        (r"printf '\033[31moh no\007\r\nSECRET'; exit 1", Code::Io, "exit status 1: \u{fffd}[31moh no\u{fffd}"),
        (r#"echo '{"Username":"u","Secret":"SECRET"}'; exit 1"#, Code::Io, "is not shown"),
        ("echo 'the password=SECRET is old'; exit 1", Code::Io, "password=<redacted>"),
        ("echo 'no credentials server URL'; exit 1", Code::Io, "no credentials server URL"),
        ("echo SECRET", Code::Io, "its answer is not a JSON object"),
        ("echo SECRET; echo 'not yet' >&2", Code::Io, "is not a JSON object; it says: not yet"),
        (r#"echo '{"Username":"SECRET"'"#, Code::Io, "is not a JSON object"),
        ("true", Code::Io, "its answer is empty"),
        (r#"echo '{"Username":"SECRET","Username":"b","Secret":"c"}'"#, Code::Io, "not a JSON object"),
        (r#"echo '{"Username":["SECRET"],"Secret":"c"}'"#, Code::Io, "Username that is not a string"),
        (r#"printf %s '{"Username":"a\r\nX","Secret":"SECRET"}'"#, Code::Io, "control characters"),
        (r#"echo '{"Username":"a:b","Secret":"SECRET"}'"#, Code::Io, "colon"),
        ("kill -9 $$", Code::Io, "it was killed by SIGKILL (signal 9) and printed nothing"),
        ("echo trap >&2; kill -s SEGV $$", Code::Io, "it was killed by SIGSEGV (signal 11): trap"),
        ("yes SECRET", Code::LimitExceeded, "printed more than"),
        ("head -c 3000000 /dev/zero >&2; exit 4", Code::Io, "it failed with exit status 4: \u{fffd}"),
        ("sleep 30 & echo big boom; exit 1", Code::Io, "exit status 1: big boom"),
        ("sleep 30", Code::Timeout, "within 3 s"),
        ("exec sleep 30 >&- 2>&-", Code::Timeout, "within 3 s"),
        ("yes SECRET >&2", Code::Timeout, "within 3 s"),
    ] {
        let folder = Folder::new(&json!({"credHelpers": {host: "bad"}}));
        folder.helper("bad", script);
        let client = folder.client();
        within(Duration::from_secs(8), || {
            let error = fails(get(&client, &format!("{host}/a/b:t")), code, why);
            assert!(!error.to_json().to_string().contains("SECRET"), "{error}");
            assert!(error.message().len() < 900, "{error}");
        });
        // A failure is not cached.
        folder.helper("bad", ANSWER);
        get(&client, &format!("{host}/a/b:t")).unwrap_or_else(|error| panic!("{script}: {error}"));
    }
}

#[test]
fn a_helper_that_cannot_be_run_is_named() {
    let server = basic("alice", "s3cret");
    let host = &server.host;
    let folder = Folder::new(&json!({"credHelpers": {host: "x"}}));
    let file = PathBuf::from(format!("{}/docker-credential-x", folder.path()));
    let refused = |why: &str| {
        let error = fails(get(&folder.client(), &format!("{host}/a/b:t")), Code::Io, why);
        assert!(error.message().contains("docker-credential-x"), "{error}");
    };
    refused("the credential helper 'x' is not installed: no docker-credential-x");
    std::fs::create_dir(&file).unwrap();
    refused("is not installed");
    std::fs::remove_dir(&file).unwrap();
    write(&file, "#!/bin/sh\n", 0o600);
    refused(&format!("the credential helper 'x' cannot be run: {} is not executable", file.display()));
    write(&file, "#!/no/such/interpreter\n", 0o700);
    refused(&format!("cannot start {}, or the interpreter that its first line names", file.display()));
    write(&file, "no program", 0o700);
    refused(&format!("cannot start {}: Exec format error", file.display()));
}

#[test]
fn a_helper_that_holds_nothing_leaves_the_call_anonymous() {
    for script in ["echo 'credentials not found in native keychain'; exit 1", r#"echo '{"Username":"","Secret":""}'"#] {
        let server = basic("alice", "s3cret");
        let host = &server.host;
        let folder = Folder::new(&json!({"credHelpers": {host: "none"}}));
        folder.helper("none", script);
        let client = folder.client();
        fails(get(&client, &format!("{host}/a/b:t")), Code::Unauthenticated, "");
        assert!(server.seen().iter().all(|seen| seen.header("authorization").is_none()));
        // Until credentials are set.
        folder.helper("none", ANSWER);
        get(&client, &format!("{host}/a/b:t")).unwrap();
    }
}

#[test]
fn only_a_name_can_name_a_helper() {
    let server = basic("alice", "s3cret");
    let host = &server.host;
    let folder = Folder::new(&json!({}));
    folder.helper("x", ANSWER);
    for name in ["../x", "x;y", "x y", "/bin/sh", "x\n", "absent", "\u{e9}"] {
        write(&folder.config(), &json!({"credHelpers": {host: name}}).to_string(), 0o600);
        fails(get(&folder.client(), &format!("{host}/a/b:t")), Code::Io, "credential helper '");
    }
    // A relative folder in the search path is skipped: it would depend on the current directory.
    write(&folder.config(), &json!({"credHelpers": {host: "x"}}).to_string(), 0o600);
    let relative = changed(options(), |options| {
        options.credentials.docker_config = Some(folder.path());
        options.credentials.helper_path = Some(".::target".to_owned());
    });
    fails(get(&Client::new(relative).unwrap(), &format!("{host}/a/b:t")), Code::Io, "is not installed");
    assert!(folder.calls().is_empty());
}

#[test]
fn a_refused_answer_of_a_helper_is_asked_for_again() {
    let server = basic("alice", "s3cret");
    let host = &server.host;
    let folder = Folder::new(&json!({"credHelpers": {host: "old"}}));
    folder.helper("old", r#"echo '{"Username":"alice","Secret":"expired"}'"#);
    let client = folder.client();
    fails(get(&client, &format!("{host}/a/b:t")), Code::Unauthenticated, "");
    folder.helper("old", ANSWER);
    get(&client, &format!("{host}/a/b:t")).unwrap();
}

/// Helpers compare texts: what Docker's tools or the caller call the host is asked for too, and taken away by a logout.
#[test]
fn a_helper_is_asked_for_the_host_as_logins_spelt_it() {
    let server = basic("alice", "s3cret");
    let port = server.host.rsplit_once(':').unwrap().1;
    let (callers, login) = (format!("[::FFFF:127.0.0.1]:{port}"), format!("[0:0:0:0:0:ffff:7f00:1]:{port}"));
    let knows = |name: &str| {
        format!("test \"$input\" = '{name}' -a ! -e \"$dir/erased\" || {{ echo 'credentials not found in native keychain'; exit 1; }}\ntest \"$1\" = get || {{ : >\"$dir/erased\"; exit 0; }}\n{ANSWER}")
    };
    for (known, config) in [
        (callers.clone(), json!({"credsStore": "all"})),
        (login.clone(), json!({"credsStore": "all", "auths": {login.as_str(): {}}})),
        (login.clone(), json!({"credHelpers": {login.as_str(): "all"}})),
    ] {
        let folder = Folder::new(&config);
        folder.helper("all", &knows(&known));
        let client = folder.client();
        get(&client, &format!("{callers}/a/b:t")).unwrap();
        assert!(
            folder.calls().len() <= 3 && folder.calls().last() == Some(&format!("get {known}")),
            "{:?}",
            folder.calls()
        );
        assert!(client.logout(&call(&client), &callers, &Default::default()).unwrap().removed, "{known}");
        assert!(folder.calls().contains(&format!("erase {known}")));
        fails(get(&client, &format!("{callers}/a/b:t")), Code::Unauthenticated, "");
    }
}

/// A helper that has said that it has nothing for a host may be unable to answer for what it does not know.
#[test]
fn other_spellings_take_no_answer_away() {
    let server = basic("alice", "s3cret");
    let port = server.host.rsplit_once(':').unwrap().1;
    let (short, callers) = (format!("127.0.0.1:{port}"), format!("[::FFFF:127.0.0.1]:{port}"));
    let login = format!("[0:0:0:0:0:ffff:7f00:1]:{port}");
    for (failing, most) in [("echo no such server; exit 1", 3), ("exec sleep 30", 2)] {
        let folder = Folder::new(
            &json!({"credsStore": "all", "auths": {short.as_str(): auth("alice", "s3cret"), login.as_str(): {}}}),
        );
        folder.helper("all", &format!("test \"$input\" = '{short}' || {{ {failing}; }}\n{NOTHING}"));
        let options = changed(folder.client_options(), |options| options.credentials.helper_timeout_ms = 1000);
        let client = Client::new(options).unwrap();
        let (context, call) = with_context(&client);
        let reference = Reference::parse(&format!("{callers}/a/b:t"), None).unwrap();
        client.get_manifest(&call, &reference, &GetOptions::default()).unwrap();
        assert_eq!(folder.calls().len(), most, "{:?}", folder.calls());
        let warnings = serde_json::to_string(&context.warnings()).unwrap();
        assert!(warnings.contains("docker-credential-all"), "{warnings}");
        assert!(client.logout(&call, &callers, &Default::default()).is_err(), "it may still have something");
        assert_eq!(folder.read()["auths"], json!({}), "{failing}");
    }
}

/// One call asks a helper once by each name, and not again with its next request; and says by which names, if nothing was found.
#[test]
fn a_call_asks_a_helper_once_by_each_name() {
    let server = basic("alice", "s3cret");
    let port = server.host.rsplit_once(':').unwrap().1;
    let (short, callers) = (format!("127.0.0.1:{port}"), format!("[::FFFF:127.0.0.1]:{port}"));
    let login = format!("[0:0:0:0:0:ffff:7f00:1]:{port}");
    let names = [&short, &callers, &login];
    for fails_for_others in [false, true] {
        let folder = Folder::new(&json!({"credsStore": "all", "auths": {login.as_str(): {}}}));
        let first = format!("test \"$input\" = '{short}' && {{ {NOTHING}; }}");
        folder.helper(
            "all",
            &if fails_for_others { format!("{first}\necho locked; exit 1") } else { NOTHING.to_owned() },
        );
        let client = folder.client();
        let reference = Reference::parse(&format!("{callers}/a/b:t"), None).unwrap();
        let head = || client.head_manifest(&call(&client), &reference, &Default::default()).map(drop);
        let error = fails(head(), Code::Unauthenticated, "");
        let mut asked = folder.calls();
        assert_eq!(asked.len(), names.len(), "{asked:?}");
        asked.sort();
        asked.dedup();
        assert_eq!(asked.len(), names.len(), "{asked:?}");
        let hint = error.hint().unwrap();
        let unknown = if fails_for_others { short.clone() } else { format!("{short}, {callers}, {login}") };
        assert!(hint.contains(&format!("has none for {unknown};")), "{hint}");
        // There may be a login by the next call.
        fails(head(), Code::Unauthenticated, "");
        assert_eq!(folder.calls().len(), 2 * names.len());
    }
}

/// What other hosts behind the registry respond does not hide what the helper reported.
#[test]
fn what_a_helper_said_outlives_the_refusal_of_somebody_else() {
    let other = Server::start(|seen| match seen.path() {
        "/token" => reply(401),
        _ => reply(401)
            .header("WWW-Authenticate", format!("Bearer realm=\"http://{}/token\"", seen.header("host").unwrap())),
    });
    let base = other.url("");
    let server = Server::start(move |seen| match seen.header("authorization") {
        None => reply(401).header("WWW-Authenticate", "Basic realm=\"r\""),
        Some(_) => reply(307).header("Location", format!("{base}{}", seen.target)),
    });
    let host = &server.host;
    let folder = Folder::new(&json!({"credHelpers": {host: "one"}}));
    folder.helper("one", ANSWER);
    let client = folder.client();
    for _ in 0..2 {
        fails(get(&client, &format!("{host}/a/b:t")), Code::Unauthenticated, "");
    }
    assert_eq!(folder.calls().len(), 1);
}

#[test]
fn a_call_leaves_a_silent_helper_at_once_and_ends_it() {
    let server = basic("alice", "s3cret");
    let host = &server.host;
    let folder = Folder::new(&json!({"credHelpers": {host: "slow"}}));
    folder.helper("slow", "echo $$ >\"$dir/pid\"; exec sleep 30");
    let reference = Reference::parse(&format!("{host}/a/b:t"), None).unwrap();
    for by_deadline in [false, true] {
        let client =
            Client::new(changed(folder.client_options(), |options| options.credentials.helper_timeout_ms = 20_000))
                .unwrap();
        let (context, call) = with_context(&client);
        let pid = PathBuf::from(format!("{}/pid", folder.path()));
        let _ = std::fs::remove_file(&pid);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| {
                let outcome = client.get_manifest(&call, &reference, &GetOptions::default());
                (outcome.err().unwrap().code(), Instant::now())
            });
            while std::fs::read_to_string(&pid).unwrap_or_default().is_empty() {
                std::thread::sleep(Duration::from_millis(5));
            }
            let left = Instant::now();
            match by_deadline {
                true => context.set_deadline(Some(Duration::from_millis(1))),
                false => context.cancel(),
            }
            let (code, ended) = waiting.join().unwrap();
            assert_eq!(code, if by_deadline { Code::Timeout } else { Code::Cancelled });
            assert!(ended.duration_since(left) < Duration::from_millis(200), "{:?}", ended.duration_since(left));
        });
        let pid = std::fs::read_to_string(&pid).unwrap();
        assert!(!Path::new(&format!("/proc/{}", pid.trim())).exists(), "the helper still runs");
    }
}

#[test]
fn a_helper_starts_with_no_signal_blocked_and_no_file_of_ours() {
    let server = basic("alice", "s3cret");
    let host = &server.host;
    let folder = Folder::new(&json!({"credHelpers": {host: "look"}}));
    folder.helper(
        "look",
        &format!(
            // With the shell's own means: it blocks its signals while it starts another program.
            "while read -r key value; do echo \"$key $value\"; done </proc/$$/status >\"$dir/signals\"
             ls -l /proc/$$/fd >\"$dir/files\"\n{ANSWER}"
        ),
    );
    let client = folder.client();
    let blocked = nix::sys::signal::SigSet::from(nix::sys::signal::Signal::SIGPIPE);
    blocked.thread_block().unwrap();
    get(&client, &format!("{host}/a/b:t")).unwrap();
    blocked.thread_unblock().unwrap();
    let signals = std::fs::read_to_string(format!("{}/signals", folder.path())).unwrap();
    let bits = |name: &str| {
        let line = signals.lines().find(|line| line.starts_with(name)).unwrap();
        u64::from_str_radix(line.split_whitespace().last().unwrap(), 16).unwrap()
    };
    assert_eq!(bits("SigBlk"), 0);
    assert_eq!(bits("SigIgn") & (1 << 12), 0, "SIGPIPE");
    let files = std::fs::read_to_string(format!("{}/files", folder.path())).unwrap();
    assert!(!files.contains("socket"), "{files}");
}

fn identity(token: &str) -> Value {
    json!({ "identitytoken": token })
}

/// A registry with a token server that accepts the refresh tokens r1, r2, … once each, in turn.
fn rotating() -> Server {
    let next = std::sync::atomic::AtomicUsize::new(1);
    Server::start(move |seen| {
        let host = seen.header("host").unwrap();
        if seen.path() == "/token" {
            if seen.body.is_empty() {
                return reply(400);
            }
            let number = next.load(std::sync::atomic::Ordering::SeqCst);
            let form: std::collections::HashMap<_, _> = url::form_urlencoded::parse(&seen.body).into_owned().collect();
            if form["refresh_token"] != format!("r{number}") {
                return reply(400).json(r#"{"error":"invalid_grant","error_description":"refresh token expired"}"#);
            }
            next.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            return reply(200)
                .json(&format!(r#"{{"access_token":"good","refresh_token":"r{}","expires_in":300}}"#, number + 1));
        }
        match seen.header("authorization") {
            Some("Bearer good") => manifest(),
            _ => reply(401)
                .header("WWW-Authenticate", format!(r#"Bearer realm="http://{host}/token",service="the service""#)),
        }
    })
}

#[test]
fn an_identity_token_is_posted_and_its_successor_used() {
    let server = rotating();
    let host = &server.host;
    let folder = Folder::new(&json!({"auths": {host: identity("r1")}}));
    let client = folder.client();
    std::thread::scope(|scope| {
        for name in ["a", "b", "c"] {
            let client = &client;
            scope.spawn(move || get(client, &format!("{host}/{name}/x:t")).unwrap());
        }
    });
    get(&client, &format!("{host}/d/x:t")).unwrap();
    let posts: Vec<Seen> = server.seen().into_iter().filter(|seen| seen.path() == "/token").collect();
    assert_eq!(posts.len(), 4);
    for post in &posts {
        assert_eq!((post.method.as_str(), post.header("authorization")), ("POST", None));
        assert_eq!(post.header("content-type"), Some("application/x-www-form-urlencoded"));
        assert_eq!(post.target, "/token");
        let form: std::collections::HashMap<_, _> = url::form_urlencoded::parse(&post.body).into_owned().collect();
        assert_eq!((form["grant_type"].as_str(), form["service"].as_str()), ("refresh_token", "the service"));
        assert_eq!(form["client_id"], "ocireg");
        assert!(form["scope"].starts_with("repository:") && form["scope"].ends_with("/x:pull"), "{}", form["scope"]);
    }
    // The file still has the first one, which has been used.
    fails(get(&folder.client(), &format!("{host}/a/x:t")), Code::Unauthenticated, "refresh token expired");
    assert_eq!(folder.read()["auths"][host], identity("r1"));
}

#[test]
fn a_token_server_without_that_form_is_asked_by_get() {
    for (status, entry, user) in [
        (404, identity("i"), "<token>"),
        (
            405,
            json!({"auth": encoded("00000000-0000-0000-0000-000000000000", ""), "identitytoken": "i"}),
            "00000000-0000-0000-0000-000000000000",
        ),
    ] {
        let server = Server::start(move |seen| match (seen.method.as_str(), seen.path()) {
            ("POST", "/token") => reply(status),
            (_, "/token") if seen.header("authorization") == Some(&format!("Basic {}", encoded(user, "i"))) => {
                reply(200).json(r#"{"token":"good"}"#)
            }
            (_, "/token") => reply(401),
            _ if seen.header("authorization") == Some("Bearer good") => manifest(),
            _ => reply(401)
                .header("WWW-Authenticate", format!(r#"Bearer realm="http://{}/token""#, seen.header("host").unwrap())),
        });
        let folder = Folder::new(&json!({"auths": {&server.host: entry}}));
        get(&folder.client(), &format!("{}/a/b:t", server.host)).unwrap();
        assert_eq!((server.count("POST", "/token"), server.count("GET", "/token")), (1, 1));
    }
}

#[test]
fn a_helpers_token_user_is_an_identity_token() {
    let server = rotating();
    let folder = Folder::new(&json!({"credsStore": "acr"}));
    folder.helper("acr", r#"echo '{"ServerURL":"x","Username":"<token>","Secret":"r1"}'"#);
    get(&folder.client(), &format!("{}/a/b:t", server.host)).unwrap();
    assert_eq!(server.count("POST", "/token"), 1);
}

#[test]
fn an_identity_token_of_the_host_options_works_alike() {
    let server = rotating();
    let client = client();
    client.set_host(&server.host, host_options(json!({"identity_token": "r1"}))).unwrap();
    get(&client, &format!("{}/a/b:t", server.host)).unwrap();
    get(&client, &format!("{}/c/d:t", server.host)).unwrap();
    assert_eq!(server.count("POST", "/token"), 2);
}

/// It is for a token server alone: a registry that asks for a name and a password does not get it.
#[test]
fn an_identity_token_is_no_password() {
    let server = Server::start(|_| reply(401).header("WWW-Authenticate", r#"Basic realm="r""#));
    let client = client();
    client.set_host(&server.host, host_options(json!({"identity_token": "SECRET"}))).unwrap();
    fails(get(&client, &format!("{}/a/b:t", server.host)), Code::Unauthenticated, "");
    // Nor is it kept as one that a login has checked.
    let asked = AtomicUsize::new(0);
    let server_of_anyone = Server::start(move |_| match asked.fetch_add(1, Ordering::SeqCst) {
        0 => reply(401).header("WWW-Authenticate", r#"Basic realm="r""#),
        _ => reply(200),
    });
    let options = LoginOptions { store: false, ..LoginOptions::default() };
    client.set_host(&server_of_anyone.host, host_options(json!({"identity_token": "SECRET"}))).unwrap();
    let login = client.login(&call(&client), &server_of_anyone.host, &options);
    fails(login, Code::Unauthenticated, "asks for a user name and a password");
    for server in [server, server_of_anyone] {
        assert!(server.seen().iter().all(|seen| seen.header("authorization").is_none()));
    }
}

#[test]
fn a_registry_token_is_used_as_it_is() {
    let server = rotating();
    let folder = Folder::new(&json!({"auths": {&server.host: {"registrytoken": "good", "auth": encoded("u", "p")}}}));
    get(&folder.client(), &format!("{}/a/b:t", server.host)).unwrap();
    assert_eq!(server.count("POST", "/token") + server.count("GET", "/token"), 0);
}

#[test]
fn an_empty_user_and_password_are_not_sent() {
    let server = basic("alice", "s3cret");
    let host = &server.host;
    let folder = Folder::new(&json!({"auths": {host: {"auth": "Og=="}}}));
    fails(get(&folder.client(), &format!("{host}/a/b:t")), Code::Unauthenticated, "");
    assert_eq!(server.seen().len(), 1);
}

#[test]
fn no_log_and_no_error_holds_a_stored_secret() {
    let server = basic("alice", "another");
    let host = &server.host;
    let folder = Folder::new(&json!({"credHelpers": {host: "one"}}));
    folder.helper("one", ANSWER);
    let client = folder.client();
    let (context, call) = with_context(&client);
    let log = log_of(&context);
    let reference = Reference::parse(&format!("{host}/a/b:t"), None).unwrap();
    let error = client.get_manifest(&call, &reference, &GetOptions::default()).err().unwrap();
    let said = format!("{} {}", log.lock().unwrap(), error.to_json());
    assert!(said.contains("Basic <redacted>"), "{said}");
    for secret in ["s3cret", &encoded("alice", "s3cret")] {
        assert!(!said.contains(secret), "{said}");
    }
}
