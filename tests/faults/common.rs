//! What every case needs.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use ocireg::call::context::Context;
use ocireg::call::Call;
use ocireg::digest::{Algorithm, Digest};
use ocireg::error::{Code, Error};
use ocireg::reference::{Reference, Repository};
use ocireg::registry::{Client, ClientOptions, HostOptions};
use serde_json::json;

pub const MANIFEST: &str = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},"layers":[]}"#;
pub const INDEX_TYPE: &str = "application/vnd.oci.image.index.v1+json";
pub const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";

/// Short limits, because the cases wait for them.
pub fn options() -> ClientOptions {
    changed(ClientOptions::default(), |options| {
        options.http.plain_http = true;
        options.http.idle_timeout_ms = 1000;
        options.http.answer_timeout_ms = 2000;
    })
}

/// Options, and what is different about them.
pub fn changed(mut options: ClientOptions, change: impl FnOnce(&mut ClientOptions)) -> ClientOptions {
    change(&mut options);
    options
}

pub fn client() -> Client {
    Client::new(options()).unwrap()
}

pub fn host_options(options: serde_json::Value) -> HostOptions {
    serde_json::from_value(options).unwrap()
}

/// A client with a user and a password for a host.
pub fn client_for(host: &str) -> Client {
    let client = client();
    client
        .set_host(host, host_options(json!({"username": "alice", "password": "s3cret", "plain_http": true})))
        .unwrap();
    client
}

pub fn call(client: &Client) -> Call {
    use_lanes_if_asked();
    client.call(None).unwrap()
}

/// With OCIREG_TEST_LANES all small requests are driven by the threads that make them, and not only those to hosts that get many.
fn use_lanes_if_asked() {
    if std::env::var_os("OCIREG_TEST_LANES").is_some() {
        ocireg::inside::lanes_from_the_first_on();
        ocireg::inside::stack_begins_here(1 << 20);
    }
}

pub fn with_context(client: &Client) -> (Arc<Context>, Call) {
    use_lanes_if_asked();
    let context = Arc::new(Context::new());
    (context.clone(), client.call(Some(context)).unwrap())
}

/// What calls with a context log from now on.
pub fn log_of(context: &Context) -> Arc<Mutex<String>> {
    let log = Arc::new(Mutex::new(String::new()));
    let written = log.clone();
    context.set_log(Some(Arc::new(move |event| {
        written.lock().unwrap().push_str(&event.to_string());
        Ok(())
    })));
    log
}

pub fn digest(bytes: &[u8]) -> Digest {
    Algorithm::Sha256.digest(bytes)
}

/// A manifest with a subject; `number` makes it unique.
pub fn referrer(subject: &Digest, number: usize) -> String {
    let config = json!({"mediaType": "application/vnd.oci.empty.v1+json", "digest": digest(b"{}"), "size": 2});
    json!({"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "artifactType": "application/x.signature", "config": config,
           "layers": [config], "annotations": {"number": number.to_string()},
           "subject": {"mediaType": MANIFEST_TYPE, "digest": subject, "size": MANIFEST.len()}})
    .to_string()
}

pub fn tag(host: &str) -> Reference {
    Reference::parse(&format!("{host}/a/b:t"), None).unwrap()
}

pub fn at(host: &str, digest: &Digest) -> Reference {
    Reference::parse(&format!("{host}/a/b@{digest}"), None).unwrap()
}

pub fn repository(host: &str) -> Repository {
    Repository::parse(&format!("{host}/a/b"), None).unwrap()
}

/// Bytes without repetitions.
pub fn noise(size: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1du64;
    (0..size)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        })
        .collect()
}

/// The error of an outcome, which must have this code and contain this text.
#[track_caller]
pub fn fails<T>(outcome: Result<T, Error>, code: Code, part: &str) -> Error {
    let error = outcome.err().expect("this must fail");
    assert_eq!(error.code(), code, "{error}");
    assert!(error.message().contains(part), "{:?} lacks {part:?}", error.message());
    error
}

/// The peak memory of this process, in bytes.
pub fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
}

pub fn within(limit: Duration, work: impl FnOnce()) -> Duration {
    let begun = std::time::Instant::now();
    work();
    let taken = begun.elapsed();
    assert!(taken < limit, "took {taken:?}, the limit is {limit:?}");
    taken
}
