//! A password that ends, of which a credential helper knows the next one: who is asked again after a refusal, and for what.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ocireg::call::context::Context;
use ocireg::call::Call;
use ocireg::credentials::Credentials;
use ocireg::error::{Code, Error};
use ocireg::reference::Reference;
use ocireg::registry::locate::LocateOptions;
use ocireg::registry::manifest::{GetOptions, HeadOptions};
use ocireg::registry::upload::BlobPutOptions;
use ocireg::registry::{Client, Secrets};
use serde_json::json;

use crate::common::*;
use crate::server::*;
use crate::stored::{encoded, Folder};

/// A registry whose user's password changes, and a helper whose answer changes.
struct Changing {
    valid: Arc<Mutex<String>>,
    server: Server,
    folder: Folder,
    client: Client,
}

impl Changing {
    /// The password is "one", as the helper says. No upload is accepted.
    fn new() -> Changing {
        let valid = Arc::new(Mutex::new("one".to_owned()));
        let inside = valid.clone();
        let server = Server::start(move |seen| match (seen.header("authorization"), &*seen.method) {
            (Some(value), "GET") if value == format!("Basic {}", encoded("u", &inside.lock().unwrap())) => {
                reply(200).header("Content-Type", MANIFEST_TYPE).body(MANIFEST)
            }
            _ => reply(401).header("WWW-Authenticate", "Basic realm=\"r\""),
        });
        let folder = Folder::new(&json!({"credHelpers": {&server.host: "turn"}}));
        let changing = Changing { valid, client: folder.client(), server, folder };
        changing.helper_says("one");
        changing
    }

    fn helper_says(&self, password: &str) {
        self.folder.helper("turn", &format!(r#"echo '{{"Username":"u","Secret":"{password}"}}'"#));
    }

    fn password_is(&self, password: &str) {
        password.clone_into(&mut self.valid.lock().unwrap());
    }

    fn get(&self, call: &Call) -> Option<Code> {
        let reference = Reference::parse(&format!("{}/a/b:t", self.server.host), None).unwrap();
        self.client.get_manifest(call, &reference, &GetOptions::default()).err().map(|error| error.code())
    }

    /// How often the helper has been run, and how many requests were sent.
    fn counted(&self) -> (usize, usize) {
        (self.folder.calls().len(), self.server.seen().len())
    }
}

/// The answers of a credentials hook, one after the other: a password, or none. Returns how often it was asked.
fn hook(context: &Context, answers: &'static [Option<&str>]) -> Arc<AtomicUsize> {
    let asked = Arc::new(AtomicUsize::new(0));
    let number = asked.clone();
    context.set_credentials(Some(Arc::new(move |_, _| {
        let number = number.fetch_add(1, Ordering::SeqCst).min(answers.len() - 1);
        let Some(password) = answers[number] else { return Ok(Credentials::Anonymous) };
        serde_json::from_value::<Secrets>(json!({"username": "u", "password": password})).unwrap().credentials()
    })));
    asked
}

/// A password that changes costs no call: the helper is asked once more, and if it says the same, nothing is sent once more.
#[test]
fn a_password_of_a_helper_that_changes_fails_no_request() {
    let changing = Changing::new();
    let call = call(&changing.client);
    assert_eq!(changing.get(&call), None);
    let before = changing.counted();
    changing.helper_says("two");
    changing.password_is("two");
    assert_eq!(changing.get(&call), None);
    assert_eq!(changing.counted(), (before.0 + 1, before.1 + 2));
    // Refused, and not changed.
    changing.password_is("three");
    assert_eq!(changing.get(&call), Some(Code::Unauthenticated));
    assert_eq!(changing.counted(), (before.0 + 2, before.1 + 3));
}

/// A hook that has nothing leaves it to the helper, and is not asked again because the helper's answer was refused.
#[test]
fn a_hook_is_not_asked_again_for_a_helpers_password() {
    let changing = Changing::new();
    let (context, call) = with_context(&changing.client);
    let asked = hook(&context, &[None]);
    assert_eq!(changing.get(&call), None);
    changing.helper_says("two");
    changing.password_is("two");
    assert_eq!(changing.get(&call), None);
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

/// What the hook said was refused: no helper is run, and the hook is asked by the next request.
#[test]
fn a_helper_is_not_asked_for_what_a_hook_said() {
    let changing = Changing::new();
    assert_eq!(changing.get(&call(&changing.client)), None);
    changing.helper_says("two");
    let (context, call) = with_context(&changing.client);
    let asked = hook(&context, &[Some("one"), Some("other"), Some("two")]);
    assert_eq!(changing.get(&call), None);
    changing.password_is("two");
    let before = changing.counted();
    assert_eq!(changing.get(&call), Some(Code::Unauthenticated));
    assert_eq!((changing.counted(), asked.load(Ordering::SeqCst)), ((before.0, before.1 + 1), 1));
    assert_eq!(changing.get(&call), Some(Code::Unauthenticated));
    assert_eq!(changing.get(&call), None);
    assert_eq!((changing.counted().0, asked.load(Ordering::SeqCst)), (before.0, 3));
}

/// A call that asks by HEAD what a tag or a blob is.
type Look = fn(&Client, &Call, &Reference) -> Result<(), Error>;

const LOOKS: [Look; 4] = [
    |client, call, of| client.head_manifest(call, of, &HeadOptions::default()).map(drop),
    |client, call, of| client.manifest_digest(call, of, &GetOptions::default()).map(drop),
    |client, call, of| client.locate_manifest(call, of, &LocateOptions::default()).map(drop),
    |client, call, of| client.head_blob(call, of).map(drop),
];

/// A password that HEAD was refused with is not sent by a GET as well, nor is anybody asked for another one: an account may be locked after a few.
#[test]
fn a_refused_password_is_sent_by_no_get_after_a_head() {
    for look in LOOKS {
        for answers in [&[Some("bad"), Some("one")], &[None, None]] {
            let changing = Changing::new();
            changing.password_is("two");
            let (context, call) = with_context(&changing.client);
            let asked = hook(&context, answers);
            fails(look(&changing.client, &call, &at(&changing.server.host, &digest(b"x"))), Code::Unauthenticated, "");
            let methods: Vec<String> = changing.server.seen().into_iter().map(|seen| seen.method).collect();
            assert_eq!((methods, asked.load(Ordering::SeqCst)), (vec!["HEAD".to_owned(); 2], 1));
            assert_eq!(changing.counted().0, usize::from(answers[0].is_none()), "runs of the helper");
        }
    }
}

/// A refused body that is gone: the helper is not even asked.
#[test]
fn a_helper_is_not_asked_for_what_cannot_be_sent_again() {
    let changing = Changing::new();
    let call = call(&changing.client);
    assert_eq!(changing.get(&call), None);
    changing.helper_says("two");
    let blob = noise(5 << 20);
    let options = BlobPutOptions {
        digest: Some(digest(&blob)),
        size: Some(blob.len() as u64),
        single_post: true,
        ..BlobPutOptions::default()
    };
    let to = repository(&changing.server.host);
    let put = changing.client.put_blob_stream(&call, &to, &mut &blob[..], &options);
    assert_eq!(put.err().map(|error| error.code()), Some(Code::Unauthenticated));
    let methods: Vec<String> = changing.server.seen().into_iter().map(|seen| seen.method).collect();
    assert_eq!(methods, ["GET", "GET", "POST"]);
    assert_eq!(changing.counted().0, 1);
}

/// The caller ends the call while the helper is asked again: that is said, not the refusal of before.
#[test]
fn a_call_that_ends_while_a_helper_is_asked_again_says_so() {
    for (by_deadline, code) in [(true, Code::Timeout), (false, Code::Cancelled)] {
        let changing = Changing::new();
        assert_eq!(changing.get(&call(&changing.client)), None);
        changing.password_is("two");
        changing.folder.helper("turn", "exec sleep 30");
        let (context, call) = with_context(&changing.client);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| changing.get(&call));
            while changing.counted().0 == 1 {
                std::thread::sleep(Duration::from_millis(5));
            }
            match by_deadline {
                true => context.set_deadline(Some(Duration::from_millis(1))),
                false => context.cancel(),
            }
            assert_eq!(waiting.join().unwrap(), Some(code));
        });
    }
}
