//! A registry in front of another one (lscr.io before ghcr.io): it redirects every request, and the other has its own
//! token server, which receives no credentials and issues a token for that registry only.

use ocireg::digest::Digest;
use ocireg::error::{Code, Error};
use ocireg::place::{self, Place};
use ocireg::registry::blob::ReadOptions;
use ocireg::registry::tags::TagsOptions;
use ocireg::registry::Client;
use ocireg::transfer::copy::CopyOptions;
use serde_json::json;

use crate::common::*;
use crate::registries::{bearer, errors, get, manifest, scopes, token, tokens};
use crate::server::*;

/// How the registry in front behaves before it redirects a request.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Front {
    /// It redirects all requests.
    SendsAll,
    /// It redirects all but the ping, which it answers itself.
    AnswersPing,
    /// It redirects only requests with a token of the other's token server.
    ShowsTheOthersChallenge,
    /// It redirects only requests with a password.
    WantsPassword,
    /// It redirects only requests with a token of its own token server.
    HasTokens,
}

const CONFIG: &[u8] = b"{}";

/// The other registry: `challenge` is what follows the realm in its challenge.
fn other(challenge: &'static str) -> Server {
    Server::start(move |seen| match (seen.path(), seen.header("authorization")) {
        ("/token", None) if !seen.target.contains("account") => token("anybody"),
        ("/token", _) => errors(500, "LEAK", "credentials of somebody else"),
        (path, Some("Bearer anybody")) => match path.rsplit('/').next() {
            Some("list") if seen.target.ends_with('?') => reply(200).json(r#"{"tags":["2"]}"#),
            Some("list") => reply(200).header("Link", format!("<{path}?>; rel=\"next\"")).json(r#"{"tags":["1"]}"#),
            Some(name) if name == digest(CONFIG).to_string() => serve(CONFIG, seen),
            _ => manifest(),
        },
        (_, None) => bearer(seen, challenge),
        _ => errors(500, "LEAK", "a token of somebody else"),
    })
}

/// The registry in front.
fn front(kind: Front, other: &Server) -> Server {
    let (base, realm) = (other.url(""), other.url("/token"));
    Server::start(move |seen| {
        let shown = seen.header("authorization").unwrap_or_default();
        match kind {
            Front::AnswersPing if seen.path() == "/v2/" => return reply(200).json("{}"),
            Front::ShowsTheOthersChallenge if !shown.starts_with("Bearer") => {
                let challenge = format!(r#"Bearer realm="{realm}",service="other",scope="repository:a/b:pull""#);
                return reply(401).header("WWW-Authenticate", challenge);
            }
            Front::WantsPassword if !shown.starts_with("Basic") => {
                return reply(401).header("WWW-Authenticate", "Basic realm=\"r\"");
            }
            Front::HasTokens if seen.path() == "/token" => return token("front"),
            Front::HasTokens if shown != "Bearer front" => return bearer(seen, ""),
            _ => {}
        }
        reply(307).header("Location", format!("{base}{}", seen.target))
    })
}

fn blob(client: &Client, host: &str, name: &Digest) -> Result<Vec<u8>, Error> {
    client.get_blob(&call(client), &at(host, name), &ReadOptions::default()).map(|(_, bytes)| bytes)
}

fn reads(client: &Client, host: &str) {
    get(client, host).unwrap();
    let head = client.head_blob(&call(client), &at(host, &digest(CONFIG))).unwrap();
    assert_eq!((head.size, head.redirects.len()), (Some(2), 1));
    assert_eq!(blob(client, host, &digest(CONFIG)).unwrap(), CONFIG);
    let tags = client.tags(&call(client), &format!("{host}/a/b"), &TagsOptions::default()).unwrap();
    assert_eq!(tags.tags, ["1", "2"]);
    let folder = tempfile::tempdir().unwrap();
    let from = Place::parse(&format!("docker://{host}/a/b:t")).unwrap();
    let to = Place::parse(&format!("oci:{}", folder.path().join("layout").display())).unwrap();
    place::copy(client, &call(client), &from, &to, &CopyOptions::default()).unwrap();
}

#[test]
fn who_is_behind_gives_a_token_to_nobody_in_particular() {
    for kind in
        [Front::SendsAll, Front::AnswersPing, Front::ShowsTheOthersChallenge, Front::WantsPassword, Front::HasTokens]
    {
        let other = other(r#",service="other",scope="repository:a/b:pull""#);
        let front = front(kind, &other);
        // If the registry in front names the realm itself, the password may go there: that is what a realm is for.
        let known = kind != Front::ShowsTheOthersChallenge;
        let nobody = kind != Front::WantsPassword;
        if nobody {
            reads(&client(), &front.host);
        }
        if known {
            let client = client();
            let options =
                json!({"username": "alice", "password": "s3cret", "plain_http": true, "headers": {"X-Key": "s3cret"}});
            client.set_host(&front.host, host_options(options)).unwrap();
            reads(&client, &front.host);
        }
        for seen in other.seen() {
            let shown = seen.header("authorization").unwrap_or("Bearer anybody");
            assert!(shown == "Bearer anybody" && seen.header("x-key").is_none(), "{kind:?} {seen:?}");
        }
        for seen in front.seen().iter().filter(|_| kind != Front::ShowsTheOthersChallenge) {
            assert_ne!(seen.header("authorization"), Some("Bearer anybody"), "{kind:?} {seen:?}");
        }
        for asked in tokens(&other) {
            assert_eq!(scopes(&asked), ["repository:a/b:pull"], "{kind:?}");
        }
    }
}

/// Its repositories may have other names, and its challenge may ask for more than a read needs.
#[test]
fn the_others_scopes_are_its_own() {
    let other = Server::start(|seen| match (seen.path(), seen.header("authorization")) {
        ("/token", _) if scopes(seen) == ["repository:org/b:pull"] => token("anybody"),
        ("/token", _) => errors(403, "DENIED", "not that"),
        (_, Some("Bearer anybody")) => manifest(),
        _ => bearer(seen, r#",scope="repository:org/b:pull,push""#),
    });
    let front = front(Front::SendsAll, &other);
    let client = client();
    for _ in 0..2 {
        get(&client, &front.host).unwrap();
    }
    assert_eq!(scopes(&tokens(&other)[0]), ["repository:org/b:pull,push"]);
    assert!(tokens(&other).len() <= 4);
}

/// Also when it is contacted first: the next page of a list is on the other registry.
#[test]
fn the_others_scopes_are_its_own_on_the_next_page_too() {
    let other = Server::start(|seen| match (seen.path(), seen.header("authorization")) {
        ("/token", _) if scopes(seen) == ["repository:org/b:pull"] => token("anybody"),
        ("/token", _) => errors(403, "DENIED", "not that"),
        (_, None) => bearer(seen, r#",scope="repository:org/b:pull,push""#),
        (path, _) if seen.target == path => {
            reply(200).header("Link", format!("<{path}?p=1>; rel=\"next\"")).json(r#"{"tags":["1"]}"#)
        }
        _ => reply(200).json(r#"{"tags":["2"]}"#),
    });
    let front = front(Front::SendsAll, &other);
    let client = client();
    let tags = client.tags(&call(&client), &format!("{}/a/b", front.host), &TagsOptions::default()).unwrap();
    assert_eq!(tags.tags, ["1", "2"]);
}

#[test]
fn a_chain_of_registries_ends_somewhere() {
    let last = other("");
    let middle = front(Front::HasTokens, &last);
    let first = front(Front::SendsAll, &middle);
    get(&client(), &first.host).unwrap();
    // Two that redirect everything to each other, each with its own tokens.
    let there = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
    let base = there.clone();
    let here = Server::start(move |seen| match (seen.path(), seen.header("authorization")) {
        ("/token", _) => token("here"),
        (_, None) => bearer(seen, ""),
        _ => reply(307).header("Location", format!("{}{}", base.lock().unwrap(), seen.target)),
    });
    let back = front(Front::HasTokens, &here);
    *there.lock().unwrap() = back.url("");
    fails(get(&client(), &here.host), Code::Redirect, "");
    assert!(here.seen().len() + back.seen().len() < 60);
}

#[test]
fn who_gives_nothing_to_strangers_is_named() {
    type Inside = fn(&Seen) -> Reply;
    let cases: [(Inside, &str); 4] = [
        (|_| reply(401).header("WWW-Authenticate", "Basic realm=\"r\""), "401"),
        (
            |seen| if seen.path() == "/token" { errors(401, "UNAUTHORIZED", "log in") } else { bearer(seen, "") },
            "log in",
        ),
        (|_| reply(401), "401"),
        // Not a registry's.
        (|_| reply(401).header("WWW-Authenticate", "Bearer authorization_uri=\"https://login.example/\""), "401"),
    ];
    for (inside, part) in cases {
        let other = Server::start(inside);
        let front = front(Front::WantsPassword, &other);
        let error = fails(get(&client_for(&front.host), &front.host), Code::Unauthenticated, part);
        let hint = error.to_json()["hint"].as_str().unwrap_or_default().to_owned();
        assert!(hint.contains("use that registry's own name"), "{hint}");
        assert!(other.seen().len() <= 4, "{:?}", other.seen());
        assert!(other.seen().iter().all(|seen| seen.header("authorization").is_none()));
    }
    // Its response to a refused token is not a reason to continue.
    let stubborn = Server::start(|seen| if seen.path() == "/token" { token("t") } else { bearer(seen, "") });
    let front = front(Front::SendsAll, &stubborn);
    fails(get(&client(), &front.host), Code::Unauthenticated, "authentication required");
    assert!(stubborn.seen().len() <= 4, "{:?}", stubborn.seen());
}

/// The other registry names its token server, and may be as hostile as any server.
#[test]
fn its_realm_may_not_lead_astray() {
    let inner = Server::start(|_| token("t"));
    for realm in ["http://169.254.169.254/token", "http://[fe80::1]/token", "file:///etc/passwd", ""] {
        let challenge = format!("Bearer realm=\"{realm}\"");
        let other = Server::start(move |_| reply(401).header("WWW-Authenticate", &challenge));
        let front = front(Front::SendsAll, &other);
        let error = get(&client_for(&front.host), &front.host).err().unwrap();
        assert!(matches!(error.code(), Code::Redirect | Code::Protocol | Code::Unauthenticated), "{realm}: {error}");
        assert_eq!(other.seen().len(), 1, "{realm}");
    }
    let target = inner.url("/token");
    let other = Server::start(move |seen| match seen.path() {
        "/token" => reply(302).header("Location", &target),
        _ => bearer(seen, ""),
    });
    let front = front(Front::SendsAll, &other);
    fails(get(&client(), &front.host), Code::Redirect, "redirects");
    assert_eq!(inner.seen().len(), 0);
}
