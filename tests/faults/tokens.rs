//! Tokens that are valid for one request or a few, that expire or are revoked midway, and registries that refuse
//! requests with any token they issue.

use std::collections::HashMap;
use std::sync::Mutex;

use ocireg::error::{Code, Error};
use ocireg::reference::Reference;
use ocireg::registry::manifest::{DeleteOptions, GetOptions, HeadOptions};
use ocireg::registry::referrers::ReferrersOptions;
use ocireg::registry::tags::TagsOptions;
use ocireg::registry::upload::{BlobPutOptions, ChunkOptions, MountOptions, Source, StartOptions, UploadOptions};
use ocireg::registry::{CatalogOptions, Client, RegistryStore};
use ocireg::transfer::copy::{copy, CopyOptions};
use serde_json::{json, Value};

use crate::common::*;
use crate::registries::{bearer, errors, get, manifest, scopes, token, tokens};
use crate::server::*;

/// How the tokens misbehave.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    /// Each is valid for that many requests.
    GoodFor(usize),
    /// Those issued before the first request with this method are invalid from then on.
    RevokedBefore(&'static str),
    /// Each is valid for one request, which is answered by a server error, three times.
    LostTo503,
}

/// When a request with a body is refused.
#[derive(Clone, Copy, Debug, PartialEq)]
enum When {
    Early,
    Late,
}

/// The tokens that a registry issued, and their remaining uses.
struct Gate {
    fault: Fault,
    given: usize,
    left: HashMap<String, usize>,
    revoked: bool,
    errors: usize,
}

impl Gate {
    fn give(&mut self) -> Reply {
        self.given += 1;
        let name = format!("t{}", self.given);
        let uses = match self.fault {
            Fault::GoodFor(uses) => uses,
            Fault::LostTo503 => 1,
            Fault::RevokedBefore(_) => usize::MAX,
        };
        self.left.insert(name.clone(), uses);
        token(&name)
    }

    /// The response to a request that is refused.
    fn refuses(&mut self, seen: &Seen) -> Option<Reply> {
        if self.fault == Fault::RevokedBefore(seen.method.as_str().to_owned().leak()) && !self.revoked {
            self.revoked = true;
            self.left.clear();
        }
        let name = seen.header("authorization").and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
        match self.left.get_mut(name) {
            Some(uses) if *uses > 0 => *uses -= 1,
            _ => return Some(bearer(seen, "")),
        }
        let lost = self.fault == Fault::LostTo503 && self.errors < 3;
        self.errors += usize::from(lost);
        lost.then(|| reply(503))
    }
}

fn body_length(seen: &Seen) -> usize {
    seen.header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// A registry behind a token gate.
fn gated(fault: Fault, when: When, inside: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Server {
    let gate = Mutex::new(Gate { fault, given: 0, left: HashMap::new(), revoked: false, errors: 0 });
    Server::start(move |seen| {
        let mut gate = gate.lock().unwrap();
        let whole = seen.body.len() == body_length(seen);
        match (seen.path(), when) {
            ("/token", _) => gate.give(),
            // It passed before its body arrived.
            (_, When::Early) if whole && !seen.body.is_empty() => inside(seen),
            (_, When::Early) if !whole => match gate.refuses(seen) {
                Some(refusal) => refusal.early().header("Connection", "close").then(Then::Close),
                None => reply(500),
            },
            (_, When::Late) if !whole => reply(500),
            _ => gate.refuses(seen).unwrap_or_else(|| inside(seen)),
        }
    })
}

/// Whatever is put is stored, and every list has three pages.
#[derive(Default)]
struct Depot {
    blobs: HashMap<String, Vec<u8>>,
    sessions: HashMap<String, Vec<u8>>,
    manifests: HashMap<String, Vec<u8>>,
}

impl Depot {
    fn answer(&mut self, seen: &Seen) -> Reply {
        let (path, name) = (seen.path(), seen.path().rsplit('/').next().unwrap_or_default());
        match path {
            "/v2/_catalog" => page(seen, "repositories"),
            _ if path.ends_with("/tags/list") => page(seen, "tags"),
            _ if path.contains("/referrers/") => page(seen, "manifests"),
            _ if path.contains("/manifests/") => self.manifest(seen, name),
            _ if path.contains("/uploads/") => self.upload(seen, name),
            _ => match (seen.method.as_str(), self.blobs.get(name)) {
                (_, None) => reply(404),
                ("DELETE", _) => reply(202),
                (_, Some(blob)) => serve(blob, seen),
            },
        }
    }

    fn manifest(&mut self, seen: &Seen, name: &str) -> Reply {
        match seen.method.as_str() {
            "PUT" => {
                self.manifests.insert(name.to_owned(), seen.body.clone());
                reply(201)
            }
            "DELETE" => reply(202),
            _ => match self.manifests.get(name) {
                Some(bytes) => reply(200).header("Content-Type", MANIFEST_TYPE).body(bytes),
                None => reply(404),
            },
        }
    }

    fn upload(&mut self, seen: &Seen, name: &str) -> Reply {
        let query = seen.target.split_once("digest=").map(|(_, digest)| digest.replace("%3A", ":"));
        let at = |name: &str, size: usize| {
            reply(202)
                .header("Location", format!("/v2/a/b/blobs/uploads/{name}"))
                .header("Range", format!("0-{}", size.max(1) - 1))
        };
        match (seen.method.as_str(), query) {
            ("POST", None) if seen.target.contains("mount=") => reply(201),
            ("POST", None) => {
                let name = format!("u{}", self.sessions.len());
                self.sessions.insert(name.clone(), vec![]);
                at(&name, 0)
            }
            ("PATCH", _) => {
                let kept = self.sessions.get_mut(name).unwrap();
                kept.extend_from_slice(&seen.body);
                at(name, kept.len())
            }
            ("POST" | "PUT", Some(name_of_blob)) => {
                let mut blob = self.sessions.get(name).cloned().unwrap_or_default();
                blob.extend_from_slice(&seen.body);
                assert_eq!(digest(&blob).to_string(), name_of_blob);
                self.blobs.insert(name_of_blob, blob);
                reply(201)
            }
            ("GET", _) => at(name, self.sessions[name].len()),
            _ => reply(204),
        }
    }
}

/// One of three pages.
fn page(seen: &Seen, key: &str) -> Reply {
    let number = ["?p=1", "?p=2"].iter().position(|query| seen.target.ends_with(query)).map_or(0, |at| at + 1);
    let entry = match key {
        "manifests" => json!({"mediaType": MANIFEST_TYPE, "digest": digest(&[number as u8]), "size": 1}),
        _ => json!(format!("n{number}")),
    };
    let answer = reply(200).header("Content-Type", INDEX_TYPE);
    let link = format!("<{}?p={}>; rel=\"next\"", seen.path(), number + 1);
    let answer = if number < 2 { answer.header("Link", link) } else { answer };
    answer.body(json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, key: [entry]}).to_string())
}

/// Bytes that can be read only once.
struct Pipe<'a>(&'a [u8]);

impl Source for Pipe<'_> {
    fn piece(&mut self, most: usize) -> Result<bytes::Bytes, Error> {
        self.0.piece(most)
    }
}

type Work = fn(&Client, &str) -> Result<(), Error>;

const BLOB: usize = 300_000;

fn stored() -> Vec<u8> {
    noise(BLOB)
}

fn other() -> Vec<u8> {
    noise(BLOB + 1)
}

fn read(client: &Client, host: &str) -> Result<(), Error> {
    let call = call(client);
    let blob = at(host, &digest(&stored()));
    for _ in 0..2 {
        client.get_manifest(&call, &tag(host), &GetOptions::default())?;
        client.head_manifest(&call, &tag(host), &HeadOptions::default())?;
        assert!(client.head_blob(&call, &blob)?.exists);
        let mut reader = client.open_blob(&call, &blob, &Default::default())?;
        let mut bytes = vec![];
        while let Some(piece) = reader.piece()? {
            bytes.extend_from_slice(&piece);
        }
        assert!(bytes == stored());
    }
    Ok(())
}

fn lists(client: &Client, host: &str) -> Result<(), Error> {
    let call = call(client);
    assert_eq!(client.tags(&call, &format!("{host}/a/b"), &TagsOptions::default())?.tags, ["n0", "n1", "n2"]);
    assert_eq!(client.catalog(&call, host, &CatalogOptions::default())?.repositories.len(), 3);
    let subject = at(host, &digest(MANIFEST.as_bytes()));
    assert_eq!(client.referrers(&call, &subject, &ReferrersOptions::default())?.referrers.len(), 3);
    Ok(())
}

fn whole(client: &Client, host: &str) -> Result<(), Error> {
    client.put_blob(&call(client), &repository(host), &other(), &BlobPutOptions::default()).map(drop)
}

fn one_post(client: &Client, host: &str) -> Result<(), Error> {
    let options = BlobPutOptions { single_post: true, ..BlobPutOptions::default() };
    client.put_blob(&call(client), &repository(host), &other(), &options).map(drop)
}

fn chunks(client: &Client, host: &str) -> Result<(), Error> {
    let options = BlobPutOptions { chunk_size: Some(70_000), ..BlobPutOptions::default() };
    client.put_blob(&call(client), &repository(host), &other(), &options).map(drop)
}

fn pipe(client: &Client, host: &str) -> Result<(), Error> {
    piped(client, host, 1 << 20)
}

/// More bytes than are buffered from a source that can be read only once.
fn long_pipe(client: &Client, host: &str) -> Result<(), Error> {
    piped(client, host, 5 << 20)
}

fn piped(client: &Client, host: &str, size: usize) -> Result<(), Error> {
    let blob = noise(size);
    for single_post in [false, true] {
        let options = BlobPutOptions {
            digest: Some(digest(&blob)),
            size: Some(blob.len() as u64),
            single_post,
            ..BlobPutOptions::default()
        };
        client.put_blob_stream(&call(client), &repository(host), &mut Pipe(&blob), &options)?;
    }
    Ok(())
}

fn fed(client: &Client, host: &str) -> Result<(), Error> {
    let options = UploadOptions { chunk_size: 70_000 };
    let mut upload = client.start_upload(&call(client), &repository(host), &options)?;
    other().chunks(50_000).try_for_each(|piece| upload.write(piece))?;
    upload.finish(None).map(drop)
}

fn steps(client: &Client, host: &str) -> Result<(), Error> {
    let call = call(client);
    let (first, last) = (&other()[..100_000], &other()[100_000..]);
    let started = client.session_start(&call, &repository(host), &StartOptions::default())?;
    let behind = client.session_chunk(&call, &started, first, &ChunkOptions::default())?;
    let found = client.session_status(&call, &behind)?;
    client.session_finish(&call, &found, &digest(&other()), last)?;
    let unused = client.session_start(&call, &repository(host), &StartOptions::default())?;
    client.session_cancel(&call, &unused)
}

fn mounts(client: &Client, host: &str) -> Result<(), Error> {
    let from = ocireg::reference::Repository::parse(&format!("{host}/c/d"), None)?;
    let options = MountOptions::default();
    let blob = at(host, &digest(&stored()));
    for _ in 0..3 {
        assert!(client.mount_blob(&call(client), &blob, Some(&from), &options)?.mounted);
    }
    Ok(())
}

fn manifests(client: &Client, host: &str) -> Result<(), Error> {
    let call = call(client);
    for name in ["x", "y", "z"] {
        let reference = Reference::parse(&format!("{host}/a/b:{name}"), None)?;
        client.put_manifest(&call, &reference, MANIFEST.as_bytes(), &Default::default())?;
    }
    let by_digest = at(host, &digest(MANIFEST.as_bytes()));
    client.delete_manifest(&call, &by_digest, &DeleteOptions { referrers_tag: false })?;
    client.delete_blob(&call, &at(host, &digest(&stored()))).map(drop)
}

/// Copies an image with eight layers to another repository of the registry, four at once.
fn copies(client: &Client, host: &str) -> Result<(), Error> {
    let from = RegistryStore::new(client, Reference::parse(&format!("{host}/a/b:many"), None)?);
    let to = RegistryStore::new(client, Reference::parse(&format!("{host}/e/f:many"), None)?);
    copy(&call(client), &from, &to, &CopyOptions::default()).map(drop)
}

const WORK: [(&str, Work); 11] = [
    ("reads", read),
    ("lists", lists),
    ("a blob in one PUT", whole),
    ("a blob in one POST", one_post),
    ("a blob in chunks", chunks),
    ("a blob from a pipe", pipe),
    ("a blob that is fed", fed),
    ("a blob step by step", steps),
    ("mounts", mounts),
    ("manifests and deletes", manifests),
    ("a copy", copies),
];

fn depot() -> Depot {
    let mut depot = Depot::default();
    let mut keep = |bytes: Vec<u8>| {
        let entry = json!({"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest(&bytes), "size": bytes.len()});
        depot.blobs.insert(digest(&bytes).to_string(), bytes);
        entry
    };
    keep(stored());
    let layers: Vec<Value> = (1..=8).map(|number| keep(noise(10_000 + number))).collect();
    let mut config = keep(b"{}".to_vec());
    config["mediaType"] = json!("application/vnd.oci.image.config.v1+json");
    let many = json!({"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": config, "layers": layers}).to_string();
    for (name, bytes) in [("t", MANIFEST.to_owned()), ("many", many)] {
        depot.manifests.insert(digest(bytes.as_bytes()).to_string(), bytes.clone().into_bytes());
        depot.manifests.insert(name.to_owned(), bytes.into_bytes());
    }
    depot
}

fn hasty() -> Client {
    Client::new(changed(options(), |options| options.http.retries = 1)).unwrap()
}

/// Does the work at a registry with this fault: it never succeeds where every request is refused early, otherwise it
/// does.
fn does(fault: Fault, when: When, name: &str, work: Work) {
    let depot = Mutex::new(depot());
    let server = gated(fault, when, move |seen| depot.lock().unwrap().answer(seen));
    let client = if when == When::Early { client() } else { client_for(&server.host) };
    work(&client, &server.host)
        .unwrap_or_else(|error| panic!("{name}, {fault:?}, {when:?}: {error} {:#?}", shown(&server)));
}

fn shown(server: &Server) -> Vec<String> {
    let line = |seen: Seen| format!("{} {} {:?}", seen.method, seen.target, seen.header("authorization"));
    server.seen().into_iter().map(line).collect()
}

#[test]
fn work_goes_on_with_the_next_token() {
    let revoked = ["HEAD", "GET", "POST", "PATCH", "PUT", "DELETE"].map(Fault::RevokedBefore);
    std::thread::scope(|scope| {
        for fault in [1, 2, 3].map(Fault::GoodFor).into_iter().chain(revoked) {
            scope.spawn(move || {
                for when in [When::Early, When::Late] {
                    WORK.into_iter().for_each(|(name, work)| does(fault, when, name, work));
                }
            });
        }
    });
}

/// A registry that takes so long to answer an upload that a used-up token looks expired.
#[test]
fn a_slow_answer_does_not_hide_that_tokens_are_used_up() {
    for uses in [1, 2] {
        let depot = Mutex::new(depot());
        let server = gated(Fault::GoodFor(uses), When::Late, move |seen| {
            if seen.method == "POST" {
                std::thread::sleep(std::time::Duration::from_millis(1100));
            }
            depot.lock().unwrap().answer(seen)
        });
        let client = Client::new(changed(options(), |options| {
            options.http.retries = 2;
            options.http.idle_timeout_ms = 10_000;
        }))
        .unwrap();
        for number in 0..2 {
            let blob = noise(BLOB + 10 + number);
            client
                .put_blob(&call(&client), &repository(&server.host), &blob, &BlobPutOptions::default())
                .unwrap_or_else(|error| panic!("{uses} {number}: {error} {:#?}", shown(&server)));
        }
        let puts = server.seen().iter().filter(|seen| seen.method == "PUT").count();
        // No blob is sent more than twice.
        assert!(puts <= 4, "{puts}: {:#?}", shown(&server));
    }
}

/// A body from a stream cannot be sent again after a refusal, so it gets a token that is used for nothing else.
#[test]
fn what_can_be_sent_once_is_not_refused() {
    for uses in 1..=4 {
        does(Fault::GoodFor(uses), When::Late, "a long pipe", long_pipe);
    }
}

/// Each token is used up by a response that says nothing.
#[test]
fn a_token_may_be_lost_to_an_error_of_the_server() {
    does(Fault::LostTo503, When::Late, "reads", read);
    does(Fault::LostTo503, When::Late, "manifests", manifests);
}

/// The token server is asked no more often than necessary.
#[test]
fn a_registry_that_refuses_whatever_it_gave_a_token_for() {
    for (name, work) in WORK {
        let server = Server::start(|seen| if seen.path() == "/token" { token("t") } else { bearer(seen, "") });
        fails(work(&client(), &server.host), Code::Unauthenticated, "");
        assert!(server.seen().len() <= 4, "{name}: {:#?}", shown(&server));
        fails(work(&client_for(&server.host), &server.host), Code::Forbidden, "");
    }
    // The same after each token was accepted once, and with many requests at once.
    let server = Server::start(|seen| match seen.path() {
        "/token" => token(&format!("t{}", seen.number)),
        path if path.ends_with("/manifests/t") && seen.header("authorization").is_some() => manifest(),
        _ => bearer(seen, ""),
    });
    let client = client();
    get(&client, &server.host).unwrap();
    let before = server.seen().len();
    std::thread::scope(|scope| {
        for number in 0..8 {
            let (client, host) = (&client, &server.host);
            let other = Reference::parse(&format!("{host}/a/b:{number}"), None).unwrap();
            scope.spawn(move || {
                get(client, host).unwrap();
                let outcome = client.get_manifest(&call(client), &other, &GetOptions::default());
                fails(outcome.map(drop), Code::Unauthenticated, "authentication required");
            });
        }
    });
    let after = server.seen().len() - before;
    assert!(after < 8 * 14, "{after} requests: {:#?}", shown(&server));
}

/// Neither errors nor refusals are retried for ever.
#[test]
fn errors_and_refusals_in_turn_end() {
    let turn = Mutex::new(0usize);
    let server = Server::start(move |seen| {
        let mut turn = turn.lock().unwrap();
        *turn += usize::from(seen.path() != "/token");
        match seen.path() {
            "/token" => token(&format!("t{}", seen.number)),
            _ if turn.is_multiple_of(2) => reply(503),
            _ => bearer(seen, ""),
        }
    });
    let client = hasty();
    assert!(get(&client, &server.host).is_err());
    assert!(server.seen().len() < 12, "{:#?}", shown(&server));
}

#[test]
fn a_redirect_at_home_may_use_a_token_up() {
    let gate = |uses, inside: fn(&Seen) -> Reply| gated(Fault::GoodFor(uses), When::Late, inside);
    for uses in [1, 2, 3] {
        let server = gate(uses, |seen| match seen.path() {
            "/there" => reply(200).body(stored()),
            "/moved" => reply(307).header("Location", "/there"),
            _ => reply(307).header("Location", "/moved"),
        });
        let client = client();
        for _ in 0..3 {
            let head = client.head_blob(&call(&client), &at(&server.host, &digest(&stored()))).unwrap();
            let way: Vec<&str> = head.redirects.iter().map(|hop| hop["url"].as_str().unwrap()).collect();
            assert_eq!(way, [server.url("/moved"), server.url("/there")]);
            assert!(head.first_headers.unwrap().get("location").unwrap().ends_with("/moved"));
        }
    }
    let round = gate(1, |seen| match seen.path() {
        "/there" => reply(307).header("Location", "/v2/a/b/manifests/t"),
        _ => reply(307).header("Location", "/there"),
    });
    fails(get(&client(), &round.host), Code::Redirect, "");
    assert!(round.seen().len() < 60, "{}", round.seen().len());
}

/// A registry whose challenges always ask for pull and push, and whose token server refuses push to anonymous users.
fn greedy(status: u16) -> Server {
    let depot = Mutex::new(depot());
    Server::start(move |seen| match (seen.path(), seen.header("authorization")) {
        ("/token", None) if scopes(seen).iter().any(|scope| scope.contains("push")) => {
            errors(status, "DENIED", "no push for anonymous")
        }
        ("/token", Some(_)) if scopes(seen).iter().any(|scope| scope.contains("push")) => {
            errors(status, "DENIED", "no push for alice")
        }
        ("/token", _) => token("pull"),
        (_, Some("Bearer pull")) => depot.lock().unwrap().answer(seen),
        ("/v2/", _) => bearer(seen, r#",service="s""#),
        _ => bearer(seen, r#",service="s",scope="repository:a/b:pull,push""#),
    })
}

#[test]
fn a_read_asks_for_no_more_than_it_needs_when_more_is_refused() {
    for status in [400, 401, 403] {
        let server = greedy(status);
        for client in [client(), client_for(&server.host)] {
            read(&client, &server.host).unwrap();
            client.tags(&call(&client), &format!("{}/a/b", server.host), &TagsOptions::default()).unwrap();
        }
        let asked: Vec<Vec<String>> = tokens(&server).iter().map(scopes).collect();
        let pair = [["repository:a/b:pull,push"], ["repository:a/b:pull"]];
        assert_eq!(asked, [pair, pair].concat(), "{status}");
        // A write gets the error.
        let put = fails(
            whole(&client(), &server.host),
            if status == 400 { Code::Forbidden } else { Code::Unauthenticated },
            "no push for anonymous",
        );
        assert_eq!(put.http_status(), Some(status));
    }
    // Wrong credentials are sent once, whatever was requested.
    let server = Server::start(|seen| match seen.path() {
        "/token" => errors(401, "UNAUTHORIZED", "incorrect username or password"),
        _ => bearer(seen, r#",scope="repository:a/b:pull,push""#),
    });
    fails(get(&client_for(&server.host), &server.host), Code::Unauthenticated, "incorrect username or password");
    assert_eq!(tokens(&server).len(), 1);
}

/// Harbor answers like this for its referrers API (harbor#18305): without a challenge that could be answered, and
/// without naming permissions.
#[test]
fn a_bare_401_is_not_about_rights() {
    let server = Server::start(|seen| match (seen.path(), seen.header("authorization")) {
        ("/token", _) => token("t"),
        (path, _) if path.contains("/referrers/") => errors(401, "UNAUTHORIZED", "unauthorized"),
        (_, Some("Bearer t")) => manifest(),
        _ => bearer(seen, ""),
    });
    let basic = Server::start(|seen| match (seen.path(), seen.header("authorization")) {
        (path, _) if path.contains("/referrers/") => errors(401, "UNAUTHORIZED", "unauthorized"),
        (_, Some(_)) => manifest(),
        _ => reply(401).header("WWW-Authenticate", "Basic realm=\"r\""),
    });
    for (server, client) in
        [(&server, client_for(&server.host)), (&server, client()), (&basic, client_for(&basic.host))]
    {
        let list = || {
            let subject = at(&server.host, &digest(MANIFEST.as_bytes()));
            client.referrers(&call(&client), &subject, &ReferrersOptions::default())
        };
        for _ in 0..2 {
            assert_eq!(fails(list(), Code::Unauthenticated, "unauthorized").http_status(), Some(401));
            get(&client, &server.host).unwrap();
        }
    }
    let hint = |client: Client| {
        let subject = at(&server.host, &digest(MANIFEST.as_bytes()));
        let error = client.referrers(&call(&client), &subject, &ReferrersOptions::default()).err().unwrap();
        error.to_json()["hint"].as_str().unwrap().to_owned()
    };
    assert!(hint(client_for(&server.host)).contains("has no WWW-Authenticate"));
    assert!(hint(client()).contains("log in to"));
}
