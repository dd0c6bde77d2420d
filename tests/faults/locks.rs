//! Locks that others hold on what is written to: whoever may read a layout can lock it, so nobody waits for long without a word.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ocireg::call::Call;
use ocireg::error::Code;
use ocireg::image::tag::TagOptions;
use ocireg::inside::Lock;
use ocireg::layout::check::{check, clean, CleanOptions};
use ocireg::layout::oci::OciLayout;
use ocireg::place::{self, Place};
use ocireg::registry::manifest::PutOptions;
use ocireg::registry::Client;
use serde_json::Value;

use crate::common::*;

/// A folder with a layout of one image.
struct Locked {
    folder: tempfile::TempDir,
    client: Client,
}

impl Locked {
    fn new() -> Locked {
        let locked = Locked { folder: tempfile::tempdir().unwrap(), client: client() };
        let (call, layout) = (call(&locked.client), locked.place("oci:l"));
        place::put_blob(&locked.client, &call, &layout, &b"{}"[..], &Default::default()).unwrap();
        let (place, options) = (locked.place("oci:l:v1"), PutOptions::default());
        place::put_manifest(&locked.client, &call, &place, MANIFEST.as_bytes(), &options).unwrap();
        locked
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn place(&self, name: &str) -> Place {
        Place::parse(&name.replacen("oci:", &format!("oci:{}/", self.folder.path().display()), 1)).unwrap()
    }

    fn layout(&self) -> OciLayout {
        OciLayout::open(&self.path("l"), None).unwrap()
    }

    /// Works while another process has a lock, until something is told of that, or for so long. Gives what it was told, and after how long.
    fn work(&self, lock: &str, longest: Duration, work: impl FnOnce(&Call)) -> Vec<(String, Duration)> {
        let lock = Lock::exclusive(&call(&self.client), &self.path(lock)).unwrap();
        let (context, call) = with_context(&self.client);
        let (told, begun) = (Arc::<Mutex<Vec<(String, Duration)>>>::default(), Instant::now());
        let events = told.clone();
        context.set_log(Some(Arc::new(move |event: &Value| {
            events.lock().unwrap().push((format!("{}: {}", event["host"], event["text"]), begun.elapsed()));
            Ok(())
        })));
        std::thread::scope(|threads| {
            let told = &told;
            threads.spawn(move || {
                while told.lock().unwrap().is_empty() && begun.elapsed() < longest {
                    std::thread::sleep(Duration::from_millis(10));
                }
                drop(lock);
            });
            work(&call);
        });
        let told = told.lock().unwrap().clone();
        assert_eq!(context.warnings().len(), told.len());
        told
    }
}

fn warning(path: &Path) -> String {
    format!("\"{}\": \"waiting for the lock that another process holds on it\"", path.display())
}

#[test]
fn a_long_wait_for_a_lock_is_told_while_it_lasts() {
    type Work = fn(&Locked, &Call);
    let works: [(&str, Work); 4] = [
        ("l", |locked, call| {
            let (from, options) = (locked.place("oci:l:v1"), TagOptions::default());
            place::tag(&locked.client, call, &from, "v2", &options).unwrap();
        }),
        ("l/oci-layout", |locked, call| {
            place::put_blob(&locked.client, call, &locked.place("oci:l"), &b"x"[..], &Default::default()).unwrap();
        }),
        ("l/oci-layout", |locked, call| {
            let (place, options) = (locked.place("oci:l:v1"), PutOptions::default());
            place::put_manifest(&locked.client, call, &place, MANIFEST.as_bytes(), &options).unwrap();
        }),
        ("l/oci-layout", |locked, call| {
            clean(call, &locked.layout(), &CleanOptions::default()).unwrap();
        }),
    ];
    std::thread::scope(|threads| {
        for (lock, work) in works {
            threads.spawn(move || {
                let locked = Locked::new();
                let told = locked.work(lock, Duration::from_secs(30), |call| work(&locked, call));
                let [(text, after)] = &told[..] else { panic!("{told:?}") };
                assert_eq!(*text, warning(&locked.path(lock)));
                assert!((Duration::from_secs(2)..Duration::from_secs(20)).contains(after), "{after:?}");
                let told = locked.work(lock, Duration::from_millis(300), |call| work(&locked, call));
                assert!(told.is_empty(), "{told:?}");
            });
        }
    });
}

#[test]
fn a_check_waits_for_nobody() {
    let locked = Locked::new();
    let begun = Instant::now();
    let held = Lock::exclusive(&call(&locked.client), &locked.path("l/oci-layout")).unwrap();
    let (context, call) = with_context(&locked.client);
    assert!(check(&call, &locked.layout()).unwrap().ok);
    assert!(begun.elapsed() < Duration::from_secs(2));
    assert!(context.warnings()[0].text.contains("another process has locked it"), "{:?}", context.warnings());
    drop(held);
    let (context, call) = with_context(&locked.client);
    assert!(check(&call, &locked.layout()).unwrap().ok && context.warnings().is_empty());
    // A clean-up waits for checks, as for copies.
    let _held = Lock::shared(&call, &locked.path("l/oci-layout")).unwrap();
    context.set_deadline(Some(Duration::from_millis(200)));
    let cleaned = clean(&call, &locked.layout(), &CleanOptions::default());
    let error = fails(cleaned, Code::Timeout, "oci-layout, which another process holds");
    assert!(error.message().starts_with("the lock on "), "{error}");
}
