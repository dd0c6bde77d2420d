//! Connections to real registries that break in the middle of a blob: the copy still completes.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering::SeqCst};
use std::sync::Arc;

use ocireg::registry::Client;
use ocireg::registry::ClientOptions;

use super::copy::{check, done, push_large, scratch};
use super::TestRegistry;

const SIZE: usize = 24 << 20;

/// A relay to a registry that cuts the connection after every `cut` bytes, `times` times.
fn relay(to: &str, cut: i64, times: usize) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let (to, cuts) = (to.to_owned(), Arc::new(AtomicUsize::new(0)));
    let (counted, left) = (cuts.clone(), Arc::new(AtomicI64::new(cut)));
    std::thread::spawn(move || {
        for near in listener.incoming() {
            let (near, far) = (near.unwrap(), TcpStream::connect(&to).unwrap());
            for (from, into) in [(&near, &far), (&far, &near)] {
                let (from, into) = (from.try_clone().unwrap(), into.try_clone().unwrap());
                let (counted, left) = (counted.clone(), left.clone());
                std::thread::spawn(move || pass(from, into, &left, cut, &counted, times));
            }
        }
    });
    (host, cuts)
}

fn pass(mut from: TcpStream, mut into: TcpStream, left: &AtomicI64, cut: i64, cuts: &AtomicUsize, times: usize) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        if into.write_all(&buffer[..count]).is_err() {
            break;
        }
        if left.fetch_sub(count as i64, SeqCst) <= count as i64 && cuts.load(SeqCst) < times {
            cuts.fetch_add(1, SeqCst);
            left.store(cut, SeqCst);
            let _ = from.shutdown(Shutdown::Both);
            break;
        }
    }
    let _ = into.shutdown(Shutdown::Both);
}

#[test]
fn a_push_and_a_pull_through_breaks() {
    let origin = TestRegistry::new("OCIREG_TEST_TOKEN");
    for name in ["V2", "V3", "GGCR", "REFERRERS"] {
        let place = TestRegistry::new(&format!("OCIREG_TEST_{name}"));
        let client = Client::new(ClientOptions::default()).unwrap();
        let folder = scratch();
        let layout = |name: &str| format!("oci:{}:1", folder.path().join(name).display());
        let source = push_large(&origin, &origin.client(), "broken/source", 1, SIZE);
        done(&origin.client(), &source, &layout("source"));
        let (host, cuts) = relay(&place.host, 10 << 20, 2);
        let pushed = done(&client, &layout("source"), &format!("docker://{host}/broken/target:1"));
        assert_eq!(cuts.load(SeqCst), 2, "{name}");
        assert_eq!(place.crane(&["digest", &format!("{}/broken/target:1", place.host)]).trim(), pushed.digest.as_str());

        let (host, cuts) = relay(&place.host, 10 << 20, 2);
        let pulled = done(&client, &format!("docker://{host}/broken/target:1"), &layout("back"));
        assert_eq!((cuts.load(SeqCst), &pulled.digest), (2, &pushed.digest), "{name}");
        assert!(check(&client, &folder.path().join("back")).ok);
    }
}
