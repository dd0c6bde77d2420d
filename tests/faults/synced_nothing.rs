//! A sync that brings nothing, or leaves images out, says so: a restore that restores nothing must not look like a success.

use std::sync::Arc;

use ocireg::call::context::Context;
use ocireg::place::{
    self, sync, sync_list, Place, SyncDestination, SyncList, SyncListOptions, SyncOptions, SyncSource,
};
use ocireg::registry::manifest::PutOptions;
use serde_json::{json, Value};

use crate::common::*;
use crate::synced::*;

/// What a sync warns of, and its counts.
fn warned(from: &str, to: &str, options: Value) -> (String, Vec<String>) {
    let client = client();
    let context = Arc::new(Context::new());
    let call = client.call(Some(context.clone())).unwrap();
    let (from, to) = (SyncSource::named(&client, from).unwrap(), SyncDestination::named(&client, to).unwrap());
    let options: SyncOptions = serde_json::from_value(options).unwrap();
    let result = serde_json::to_value(sync(&client, &call, &from, &to, &options).unwrap()).unwrap();
    (counts(&result), shown(&context))
}

fn shown(context: &Context) -> Vec<String> {
    context.warnings().into_iter().map(|warning| format!("{}: {}", warning.host, warning.text)).collect()
}

/// A place on this machine.
struct Local(String);

impl Local {
    fn put(&self, rest: &str, manifest: &str) {
        let (client, place) = (client(), Place::parse(&format!("{}{rest}", self.0)).unwrap());
        place::put_manifest(&client, &call(&client), &place, manifest.as_bytes(), &PutOptions::default()).unwrap();
    }

    /// Without a name.
    fn put_unnamed(&self, manifest: &str) {
        self.put(&format!("@{}", digest(manifest.as_bytes())), manifest);
    }
}

fn locals(folder: &std::path::Path) -> [Local; 2] {
    let client = client();
    ["oci:l", "oci-archive:x.tar"].map(|place| {
        let place = place.replace(':', &format!(":{}/", folder.display()));
        let to = Place::parse(&place).unwrap();
        place::put_blob(&client, &call(&client), &to, &b"{}"[..], &Default::default()).unwrap();
        Local(place)
    })
}

const NOTHING: &str = "no tag is selected, so nothing is brought";

#[test]
fn images_without_a_name_are_told_of() {
    let (folder, to) = (tempfile::tempdir().unwrap(), shelf_of(&[]));
    for local in locals(folder.path()) {
        local.put_unnamed(MANIFEST);
        let sync = |options: Value| warned(&local.0, &name(&to), options);
        let first = digest(MANIFEST.as_bytes());
        let one = format!("{}: 1 image without a name is left out, {first}: give it a name with tag", local.0);
        let nothing = format!("{}: {NOTHING}", local.0);
        assert_eq!(sync(json!({})), ("0 0 0 0 0".to_owned(), vec![one.clone(), nothing.clone()]));
        // What refers to it has no name either, and is not an image that is left out.
        local.put_unnamed(&referrer(&first, 1));
        let about = json!({"mediaType": MANIFEST_TYPE, "digest": first, "size": MANIFEST.len()});
        let index = json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [], "subject": about}).to_string();
        local.put_unnamed(&index);
        assert_eq!(sync(json!({"dry_run": true})).1, [one.clone(), nothing]);
        let other = MANIFEST.replace("\"layers\":[]", "\"layers\":[],\"annotations\":{\"a\":\"b\"}");
        local.put(":v1", &other);
        assert_eq!(sync(json!({})), ("1 1 0 0 0".to_owned(), vec![one]));
        let third = other.replace("\"b\"", "\"c\"");
        local.put_unnamed(&third);
        let two =
            format!("{}: 2 images without a name are left out, such as {first}: give them names with tag", local.0);
        assert_eq!(sync(json!({})).1, [two]);
        // Neither of them was meant.
        assert_eq!(warned(&format!("{}:v1", local.0), &name(&to), json!({})), ("1 0 1 0 0".to_owned(), vec![]));
        to.registry.manifests.lock().unwrap().tags.clear();
    }
}

#[test]
fn nothing_at_all_is_told_of() {
    let (from, to, empty) = (shelf_of(&["1"]), shelf_of(&[]), shelf_of(&[]));
    let source = |shelf| format!("docker://{}: {NOTHING}", name(shelf));
    assert_eq!(warned(&name(&empty), &name(&to), json!({})).1, [source(&empty)]);
    assert_eq!(warned(&name(&from), &name(&to), json!({"tags": ["v*"]})).1, [source(&from)]);
    for (list, wanted) in [
        (String::new(), Some("it names nothing")),
        ("# nothing\n".to_owned(), Some("it names nothing")),
        (format!("{}\n", name(&empty)), Some(NOTHING)),
        (format!("{}\n{}\n", name(&empty), name(&from)), None),
    ] {
        let (client, context) = (client(), Arc::new(Context::new()));
        let call = client.call(Some(context.clone())).unwrap();
        let below = format!("{}/m", to.host());
        let options: SyncListOptions = serde_json::from_value(json!({"scoped": true})).unwrap();
        let list = SyncList::read(&client, &list, Some(&below), None).unwrap();
        sync_list(&client, &call, &list, &options).unwrap();
        let wanted: Vec<String> = wanted.iter().map(|text| format!("the list: {text}")).collect();
        assert_eq!(shown(&context), wanted);
    }
    // What is there already was selected, and a failure says enough.
    synced(&from, &to, json!({})).unwrap();
    assert_eq!(warned(&name(&from), &name(&to), json!({})), ("1 0 1 0 0".to_owned(), vec![]));
}
