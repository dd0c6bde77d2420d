//! Blobs, manifests and files one by one.

use std::collections::BTreeMap;
use std::path::Path;

use ocireg::image::cat::cat;
use ocireg::image::extract::extract;
use ocireg::place::{get_blob, get_manifest, put_blob, put_manifest, BlobName};
use serde_json::json;

use super::cell::{expect, Cell, Checked, Fault};
use super::spot::Kind;
use super::tools::Tool;
use crate::export::tree;
use crate::sha256;

const NO_BLOBS: &str = "skopeo knows no single blobs";
const PUTS_NOTHING: &str = "crane and skopeo put no single blobs and manifests";
const MADE_ANEW: &str = "of what is in a docker-archive: every other program makes a manifest of its own";
const TEXT: &[u8] = b"a blob by itself";

/// A blob that this library puts there.
pub fn blob_read_by(cell: &Cell) -> Checked {
    match cell.tool {
        Tool::Skopeo => return Err(Fault::Cannot(NO_BLOBS)),
        _ => cell.known()?,
    }
    cell.bring(cell.spot.holds(), "v1")?;
    let call = cell.client.call(None)?;
    let put = put_blob(&cell.client, &call, &cell.place(&cell.spot.whole())?, TEXT, &Default::default())?;
    let pinned = cell.theirs_pinned(&put.digest);
    let read = match cell.tool {
        Tool::Oras => cell.oras(&["blob", "fetch", "--output", "-", &pinned]),
        Tool::Crane => cell.run(&["blob", &pinned]),
        _ => cell.run(&["blob", "get", &cell.their_holder(), put.digest.as_str()]),
    }?;
    expect(read.as_bytes() == TEXT, || format!("they read {read:?}"))
}

/// The program puts something there from a file.
fn put_by(cell: &Cell, bytes: &[u8], oras: &[&str], regctl: &[&str]) -> Checked {
    let file = cell.spot.beside("file");
    std::fs::write(&file, bytes).map_err(|error| Fault::Wrong(error.to_string()))?;
    match cell.tool {
        Tool::Oras => cell.oras(&[oras, &[&file]].concat()),
        _ => cell.run_in(cell.spot.folder.path(), regctl, Some(&file)),
    }?;
    Ok(())
}

/// Where the program puts parts of an image.
fn takes_pieces(cell: &Cell) -> Checked {
    match cell.tool {
        Tool::Crane | Tool::Skopeo => Err(Fault::Cannot(PUTS_NOTHING)),
        _ => cell.changed(),
    }
}

/// A blob that the program puts there.
pub fn blob_put_by(cell: &Cell) -> Checked {
    takes_pieces(cell)?;
    cell.bring(cell.spot.holds(), "v1")?;
    let holder = cell.their_holder();
    put_by(cell, TEXT, &["blob", "push", &holder], &["blob", "put", &holder])?;
    let name = BlobName::named(&cell.client, &format!("{}@{}", cell.spot.whole(), sha256(TEXT)))?;
    let (_, read) = get_blob(&cell.client, &cell.client.call(None)?, &name, &Default::default())?;
    expect(read == TEXT, || format!("we read {read:?}"))
}

/// An image's manifest with something added: of the same blobs.
fn changed_manifest(cell: &Cell) -> Checked<Vec<u8>> {
    let call = cell.client.call(None)?;
    let found = get_manifest(&cell.client, &call, &cell.place(&cell.home.named("image"))?, &Default::default())?;
    let mut value = found.document.value;
    value["annotations"] = json!({"put": "by itself"});
    Ok(value.to_string().into_bytes())
}

/// A manifest that this library puts there.
pub fn manifest_read_by(cell: &Cell) -> Checked {
    if cell.spot.kind == Kind::DockerArchive {
        return Err(Fault::Cannot(MADE_ANEW));
    }
    cell.known()?;
    cell.bring("image", "v1")?;
    let bytes = changed_manifest(cell)?;
    let to = cell.place(&cell.spot.ours("v1"))?;
    put_manifest(&cell.client, &cell.client.call(None)?, &to, &bytes, &Default::default())?;
    let theirs = cell.reads("v1")?;
    expect(theirs == sha256(&bytes), || format!("it is {theirs} for them, not {}", sha256(&bytes)))
}

/// A manifest that the program puts there.
pub fn manifest_put_by(cell: &Cell) -> Checked {
    takes_pieces(cell)?;
    cell.bring("image", "v1")?;
    let (bytes, to) = (changed_manifest(cell)?, cell.theirs("v1"));
    let kind = ["--content-type", "application/vnd.oci.image.manifest.v1+json"];
    put_by(cell, &bytes, &["manifest", "push", &to], &["manifest", "put", kind[0], kind[1], &to])?;
    let call = cell.client.call(None)?;
    let found = get_manifest(&cell.client, &call, &cell.place(&cell.spot.ours("v1"))?, &Default::default())?;
    expect(found.bytes == bytes, || format!("we read {}", String::from_utf8_lossy(&found.bytes)))
}

/// All files of what the program brought, as crane flattens them at home; some of them, and one.
pub fn extracted(cell: &Cell) -> Checked {
    let there = cell.copied_in("image")?;
    let store = cell.place(&there)?.source(&cell.client)?;
    let call = cell.client.call(None)?;
    let out = |name: &str, options: serde_json::Value| -> Checked<BTreeMap<_, _>> {
        let folder = cell.spot.beside(name);
        let options = serde_json::from_value(options).unwrap();
        extract(&call, store.as_ref(), Path::new(&folder), &options)?;
        Ok(tree(Path::new(&folder)))
    };
    let all = out("all", json!({"owner": true, "setuid": true}))?;
    expect(all == cell.home.tree, || format!("we have {all:?}, and crane {:?}", cell.home.tree))?;
    let some = out("some", json!({"owner": true, "setuid": true, "paths": ["/etc/p*", "opt/new"]}))?;
    let names: Vec<String> = some.keys().map(|path| path.display().to_string()).collect();
    expect(names == ["etc", "etc/passwd", "opt", "opt/new"], || format!("we have {names:?}"))?;
    expect(some.iter().all(|(path, facts)| all.get(path) == Some(facts)), || format!("{some:?} is not of {all:?}"))?;
    let mut bytes = Vec::new();
    cat(&call, store.as_ref(), "/etc/passwd", &mut bytes, &Default::default())?;
    expect(bytes == b"new", || format!("we read {bytes:?}"))
}
