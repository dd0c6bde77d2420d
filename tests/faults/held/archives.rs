//! Archives take single blobs and manifests, and give names away, each time as a whole new file in the place of the old one.

mod damaged;
mod damaged_images;
mod damaged_sizes;
mod kept;
mod referrers;
mod refused_images;
mod weak_referrers;

use std::fs;
use std::process::Command;

use super::*;

/// An archive in a folder of its own.
struct Kept {
    held: Held,
    kind: &'static str,
}

impl Kept {
    fn new(kind: &'static str) -> Kept {
        Kept { held: Held::new(), kind }
    }

    fn place(&self, rest: &str) -> Place {
        Place::parse(&format!("{}:{}{rest}", self.kind, self.held.path("a.tar"))).unwrap()
    }

    fn bytes(&self) -> Vec<u8> {
        fs::read(self.held.path("a.tar")).unwrap()
    }

    fn is_alone(&self) -> bool {
        fs::read_dir(self.held.folder.path()).unwrap().all(|entry| entry.unwrap().file_name() == "a.tar")
    }

    fn put_blob(&self, bytes: &[u8]) -> bool {
        let (client, call) = (&self.held.client, call(&self.held.client));
        let put = place::put_blob(client, &call, &self.place(""), bytes, &Default::default()).unwrap();
        assert_eq!((put.digest, put.size), (digest(bytes), bytes.len() as u64));
        put.uploaded
    }

    fn has_blob(&self, digest: &Digest) -> bool {
        let name = BlobName::named(&self.held.client, &format!("{}:{}@{digest}", self.kind, self.held.path("a.tar")));
        place::head_blob(&self.held.client, &call(&self.held.client), &name.unwrap()).unwrap().exists
    }

    fn put(&self, rest: &str, manifest: &str, options: Value) -> Result<Vec<String>, Error> {
        let options: PutOptions = serde_json::from_value(options).unwrap();
        let (client, place) = (&self.held.client, self.place(rest));
        place::put_manifest(client, &call(client), &place, manifest.as_bytes(), &options).map(|put| put.tags)
    }

    fn untag(&self, rest: &str) -> Result<DeletedTag, Error> {
        let options = DeleteTagOptions { list_others: true, ..DeleteTagOptions::default() };
        place::delete_tag(&self.held.client, &call(&self.held.client), &self.place(rest), &options)
    }

    fn delete(&self, rest: &str) -> Result<(), Error> {
        let (client, place) = (&self.held.client, self.place(rest));
        place::delete_manifest(client, &call(client), &place, &DeleteOptions::default()).map(drop)
    }

    fn digest(&self, rest: &str) -> Result<Digest, Error> {
        let (client, place) = (&self.held.client, self.place(rest));
        place::manifest_digest(client, &call(client), &place, &GetOptions::default())
    }

    fn names(&self) -> Vec<String> {
        let (client, place) = (&self.held.client, self.place(""));
        place::tags(client, &call(client), &place, &TagsOptions::default()).unwrap().tags.to_vec()
    }

    fn json(&self, name: &str) -> Value {
        let done = Command::new("tar").args(["-xOf", &self.held.path("a.tar"), name]).output().unwrap();
        assert!(done.status.success(), "{done:?}");
        serde_json::from_slice(&done.stdout).unwrap()
    }
}

const KINDS: [(&str, [&str; 3]); 2] = [
    ("oci-archive", ["v1", "v2", "v3"]),
    ("docker-archive", ["docker.io/a/b:1", "docker.io/a/b:2", "docker.io/a/b:3"]),
];

#[test]
fn an_archive_takes_blobs_and_manifests_one_by_one() {
    let (config, image) = small_image();
    for (kind, [first, second, third]) in KINDS {
        let kept = Kept::new(kind);
        let name = |name: &str| format!(":{name}");
        fails(kept.put(&name(first), &image, json!({})), Code::MissingBlob, digest(config).as_str());
        assert!(
            fs::read_dir(kept.held.folder.path()).unwrap().next().is_none(),
            "nothing is made for what cannot be put"
        );
        assert!(kept.put_blob(config), "{kind}");
        let before = kept.bytes();
        assert!(!kept.put_blob(config), "it is there");
        assert_eq!(kept.bytes(), before);
        // Nothing names it yet, and it stays for what will.
        assert!(kept.put_blob(b"for later") && kept.has_blob(&digest(config)), "{kind}");
        assert_eq!(kept.put(&name(first), &image, json!({"tags": [second]})).unwrap(), [first, second]);
        let other = image.replace("\"layers\":[]", "\"layers\":[],\"annotations\":{\"a\":\"b\"}");
        assert_eq!(kept.put(&name(third), &other, json!({"if_exists": "fail"})).unwrap(), [third]);
        fails(kept.put(&name(third), &image, json!({"if_exists": "fail"})), Code::DigestMismatch, "refers to");
        let mut names = kept.names();
        names.dedup();
        assert_eq!(names, [first, second, third]);
        for (name_of, manifest) in [(first, &image), (second, &image), (third, &other)] {
            let found = place::get_manifest(
                &kept.held.client,
                &call(&kept.held.client),
                &kept.place(&name(name_of)),
                &GetOptions::default(),
            );
            // What docker-archive: reads is the image that has the files, whichever manifest that is.
            let found = found.unwrap();
            assert_eq!(found.document.config().unwrap().digest, digest(config));
            assert!(kind == "docker-archive" || found.bytes == manifest.as_bytes(), "{kind} {name_of}");
        }
        assert!(kept.has_blob(&digest(b"for later")) && kept.is_alone());
    }
}

#[test]
fn names_are_taken_from_an_archive_and_what_only_they_had_goes() {
    let (config, image) = small_image();
    for (kind, [first, second, third]) in KINDS {
        let kept = Kept::new(kind);
        let name = |name: &str| format!(":{name}");
        kept.put_blob(config);
        kept.put_blob(b"for later");
        kept.put(&name(first), &image, json!({"tags": [second, third]})).unwrap();
        let before = kept.bytes();
        let pinned = format!("{}@{}", name(first), digest(b"other"));
        fails(kept.untag(&pinned), Code::DigestMismatch, "refers to");
        fails(kept.untag(&name("no/such:1")), Code::NotFound, "no/such");
        fails(kept.untag(""), Code::InvalidReference, "does not name a tag");
        assert!(kept.bytes() == before && kept.is_alone(), "{kind}");
        let gone = kept.untag(&format!("{}@{}", name(first), digest(image.as_bytes()))).unwrap();
        assert_eq!((gone.digest.as_str(), gone.manifest), (digest(image.as_bytes()).as_str(), ManifestFate::Kept));
        let mut others = gone.other_tags.unwrap();
        others.dedup();
        assert_eq!(others, [second, third]);
        fails(kept.digest(&name(first)), Code::NotFound, "");
        kept.delete(&name(second)).unwrap();
        assert_eq!(kept.digest(&name(third)).unwrap(), digest(image.as_bytes()), "{kind}");
        if kind == "docker-archive" {
            assert_eq!(kept.json("manifest.json")[0]["RepoTags"], json!([third]));
        }
        assert_eq!(kept.untag(&name(third)).unwrap().manifest, ManifestFate::Unnamed);
        assert_eq!(kept.json("index.json")["manifests"], json!([]));
        assert!(kind == "oci-archive" || kept.json("manifest.json") == json!([]));
        assert!(!kept.has_blob(&digest(config)) && !kept.has_blob(&digest(image.as_bytes())), "{kind}");
        assert!(kept.has_blob(&digest(b"for later")) && kept.is_alone(), "what nothing named before stays");
    }
}

#[test]
fn manifests_are_put_and_deleted_by_their_digests() {
    let (config, image) = small_image();
    let kept = Kept::new("oci-archive");
    kept.put_blob(config);
    let by_digest = |manifest: &str| format!("@{}", digest(manifest.as_bytes()));
    assert!(kept.put(&by_digest(&image), &image, json!({})).unwrap().is_empty());
    fails(kept.put(&by_digest("other"), &image, json!({})), Code::DigestMismatch, "");
    let entry = json!({"mediaType": MANIFEST_TYPE, "digest": digest(image.as_bytes()), "size": image.len()});
    let index = json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [entry]}).to_string();
    let count = || kept.json("index.json")["manifests"].as_array().unwrap().len();
    assert_eq!(count(), 1);
    assert_eq!(kept.put(":all", &index, json!({})).unwrap(), ["all"]);
    assert_eq!(count(), 1, "the image is found by the index");
    assert_eq!(kept.digest(&by_digest(&image)).unwrap(), digest(image.as_bytes()));
    let error = fails(kept.delete(&by_digest(&image)), Code::Unsupported, "does not list");
    assert!(error.to_json()["hint"].as_str().unwrap().contains("delete the index"), "{error}");
    fails(kept.delete(&by_digest("other")), Code::NotFound, "has no manifest");
    kept.delete(&by_digest(&index)).unwrap();
    assert!(count() == 0 && !kept.has_blob(&digest(config)), "all of it goes");
    // An index whose image is elsewhere is taken when that is allowed; an image without its config never.
    fails(kept.put(":all", &index, json!({})), Code::MissingBlob, digest(image.as_bytes()).as_str());
    kept.put(":all", &index, json!({"allow_missing": true})).unwrap();
    let before = kept.bytes();
    fails(kept.put(":v1", &image, json!({"allow_missing": true})), Code::MissingBlob, digest(config).as_str());
    assert!(kept.bytes() == before && kept.is_alone());
}

#[test]
fn what_cannot_be_changed_stays_as_it_is() {
    let (config, image) = small_image();
    for (kind, [first, ..]) in KINDS {
        let kept = Kept::new(kind);
        let name = format!(":{first}");
        fails(kept.untag(&name), Code::NotFound, "a.tar");
        fails(kept.delete(&name), Code::NotFound, "a.tar");
        assert!(fs::read_dir(kept.held.folder.path()).unwrap().next().is_none());
        kept.put_blob(config);
        kept.put(&name, &image, json!({})).unwrap();
        let done = Command::new("gzip").arg(kept.held.path("a.tar")).status().unwrap();
        assert!(done.success());
        fs::rename(kept.held.path("a.tar.gz"), kept.held.path("a.tar")).unwrap();
        let before = kept.bytes();
        let client = &kept.held.client;
        let put = place::put_blob(client, &call(client), &kept.place(""), b"x", &Default::default());
        for error in [kept.untag(&name).err(), kept.delete(&name).err(), put.err()] {
            let error = error.unwrap();
            assert!(error.code() == Code::Unsupported && error.message().contains("gzip"), "{error}");
        }
        assert!(kept.bytes() == before && kept.is_alone(), "{kind}");
        let pipe = Place::parse(&format!("{kind}:-")).unwrap();
        let put = place::put_blob(client, &call(client), &pipe, b"x", &Default::default());
        fails(put, Code::Unsupported, "cannot be changed");
    }
    let kept = Kept::new("docker-archive");
    let index = json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": []}).to_string();
    fails(kept.put(":a/b:1", &index, json!({})), Code::InvalidManifest, "a docker-archive holds images");
    assert!(fs::read_dir(kept.held.folder.path()).unwrap().next().is_none());
}

/// Writers of one archive wait for each other: nothing of any is lost.
#[test]
fn several_change_one_archive_at_once() {
    let (config, image) = small_image();
    let kept = Kept::new("oci-archive");
    kept.put_blob(config);
    kept.put(":v0", &image, json!({})).unwrap();
    std::thread::scope(|threads| {
        for worker in 0..4 {
            let (kept, image) = (&kept, &image);
            threads.spawn(move || {
                for round in 0..5 {
                    let name = format!(":w{worker}-{round}");
                    assert!(kept.put_blob(name.as_bytes()));
                    kept.put(&name, image, json!({"if_exists": "fail"})).unwrap();
                    if round % 2 == 0 {
                        kept.untag(&name).unwrap();
                    }
                }
            });
        }
    });
    let mut wanted: Vec<String> = (0..4).flat_map(|worker| [1, 3].map(|round| format!("w{worker}-{round}"))).collect();
    wanted.insert(0, "v0".to_owned());
    assert_eq!(kept.names(), wanted);
    let all = (0..4).flat_map(|worker| (0..5).map(move |round| format!(":w{worker}-{round}")));
    assert!(all.into_iter().all(|name| kept.has_blob(&digest(name.as_bytes()))) && kept.is_alone());
}

/// From a registry into an archive, without the rest of the image; and again, without a request for it.
#[test]
fn one_blob_is_copied_into_an_archive() {
    let layer = noise(300_000);
    let sent = layer.clone();
    let server = Server::start(move |_| reply(200).body(&sent));
    let kept = Kept::new("oci-archive");
    let from = kept.held.blob(&format!("{}/a/b", server.host), &digest(&layer));
    let (client, options) = (&kept.held.client, place::BlobCopyOptions { size: Some(300_000) });
    let copied = place::copy_blob(client, &call(client), &from, &kept.place(""), &options).unwrap();
    assert!(copied.uploaded && kept.has_blob(&digest(&layer)) && kept.is_alone());
    let before = (kept.bytes(), server.seen().len());
    let copied = place::copy_blob(client, &call(client), &from, &kept.place(""), &options).unwrap();
    assert!(!copied.uploaded && (kept.bytes(), server.seen().len()) == before);
    let wrong = kept.held.blob(&format!("{}/a/b", server.host), &digest(b"other"));
    let error = place::copy_blob(client, &call(client), &wrong, &kept.place(""), &options);
    fails(error, Code::DigestMismatch, "");
    assert!(kept.bytes() == before.0 && kept.is_alone());
}
