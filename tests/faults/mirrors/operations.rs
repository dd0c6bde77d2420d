//! Operations on a repository that may have mirrors: each says which host served it.

use ocireg::artifact::pull::{pull, ArtifactPullOptions};
use ocireg::error::{Code, Error};
use ocireg::layout::oci::OciLayout;
use ocireg::registry::blob::{ReadOptions, SaveOptions};
use ocireg::registry::manifest::{GetOptions, HeadOptions};
use ocireg::registry::referrers::ReferrersOptions;
use ocireg::registry::tags::TagsOptions;
use ocireg::registry::{Client, RegistryStore};
use ocireg::transfer::copy::{copy, CopyOptions};

use super::house::*;
use crate::common::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    ByTag,
    ByDigest,
    Head,
    Memory,
    File,
    Reader,
    Range,
    BlobHead,
    Tags,
    Referrers,
    Copy,
    Artifact,
    Push,
}

pub const OPERATIONS: [Operation; 13] = [
    Operation::ByTag,
    Operation::ByDigest,
    Operation::Head,
    Operation::Memory,
    Operation::File,
    Operation::Reader,
    Operation::Range,
    Operation::BlobHead,
    Operation::Tags,
    Operation::Referrers,
    Operation::Copy,
    Operation::Artifact,
    Operation::Push,
];

/// Does it, and looks at what has come of it; which host served it. What is pushed is served by none.
pub fn operate(house: &House, client: &Client, operation: Operation) -> Result<Vec<String>, Error> {
    match operation {
        Operation::ByTag | Operation::ByDigest | Operation::Head => of_manifest(house, client, operation),
        Operation::Memory | Operation::File | Operation::Reader | Operation::Range | Operation::BlobHead => {
            of_blob(house, client, operation)
        }
        Operation::Tags | Operation::Referrers => of_list(house, client, operation),
        Operation::Copy | Operation::Artifact => of_image(house, client, operation),
        Operation::Push => {
            client.put_blob(&house.call(client), &house.repository(), b"x", &Default::default()).map(|_| Vec::new())
        }
    }
}

fn of_manifest(house: &House, client: &Client, operation: Operation) -> Result<Vec<String>, Error> {
    let (call, content) = (house.call(client), manifest());
    if operation == Operation::Head {
        let head = client.head_manifest(&call, &house.tagged(), &HeadOptions::default())?;
        return Ok(head.served_by.into_iter().collect());
    }
    let by_digest = operation == Operation::ByDigest;
    let reference = if by_digest { house.at(&digest(content.as_bytes())) } else { house.tagged() };
    let found = client.get_manifest(&call, &reference, &GetOptions::default())?;
    assert_eq!(found.bytes, content.as_bytes());
    Ok(found.served_by.into_iter().collect())
}

fn of_blob(house: &House, client: &Client, operation: Operation) -> Result<Vec<String>, Error> {
    let (call, layer) = (house.call(client), layer());
    let blob = house.at(&digest(&layer));
    let served_by = match operation {
        Operation::Memory => {
            let (delivered, bytes) = client.get_blob(&call, &blob, &ReadOptions::default())?;
            assert_eq!(bytes, layer);
            delivered.served_by
        }
        Operation::Range => {
            let part = ReadOptions { offset: 1000, length: Some(500), ..ReadOptions::default() };
            let (delivered, bytes) = client.get_blob(&call, &blob, &part)?;
            assert_eq!(bytes.len(), 500);
            delivered.served_by
        }
        Operation::File => {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("blob");
            let delivered = client.get_blob_file(&call, &blob, &path, &SaveOptions::default())?;
            assert_eq!(std::fs::read(&path).unwrap(), layer);
            delivered.served_by
        }
        Operation::Reader => {
            let mut reader = client.open_blob(&call, &blob, &ReadOptions::default())?;
            let mut bytes = Vec::new();
            while let Some(piece) = reader.piece()? {
                bytes.extend_from_slice(&piece);
            }
            assert_eq!(bytes, layer);
            Some(reader.info().served_by)
        }
        _ => {
            let head = client.head_blob(&call, &blob)?;
            if !head.exists {
                return Err(Error::new(Code::NotFound, "no such blob"));
            }
            head.served_by
        }
    };
    Ok(served_by.into_iter().collect())
}

fn of_list(house: &House, client: &Client, operation: Operation) -> Result<Vec<String>, Error> {
    let call = house.call(client);
    if operation == Operation::Tags {
        let tags = client.tags(&call, &house.repository().full_name(), &TagsOptions::default())?;
        assert_eq!(tags.tags.iter().collect::<Vec<_>>(), ["t"]);
        return Ok(tags.served_by.into_iter().collect());
    }
    let subject = house.at(&digest(manifest().as_bytes()));
    let found = client.referrers(&call, &subject, &ReferrersOptions::default())?;
    if found.referrers.is_empty() {
        return Err(Error::new(Code::NotFound, "no referrers"));
    }
    Ok(found.served_by.into_iter().collect())
}

/// One transfer at a time, so that the order of hosts is known.
fn of_image(house: &House, client: &Client, operation: Operation) -> Result<Vec<String>, Error> {
    // In memory, if the system has such a folder: what is flushed to a disk takes most of the time.
    let (call, memory) = (house.call(client), std::path::Path::new("/dev/shm"));
    let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
    let from = RegistryStore::new(client, house.tagged());
    if operation == Operation::Artifact {
        let options = ArtifactPullOptions { concurrency: 1, ..ArtifactPullOptions::default() };
        let pulled = pull(&call, &from, folder.path(), &options)?;
        assert_eq!(std::fs::read(folder.path().join("f")).unwrap(), layer());
        return Ok(pulled.served_by);
    }
    let to = OciLayout::create(folder.path(), Some("t")).unwrap();
    copy(&call, &from, &to, &CopyOptions { concurrency: 1, ..CopyOptions::default() }).map(|copied| copied.served_by)
}
