//! Archives to copy to.
//!
//! What is written is both: a layout, and `manifest.json` for Docker when that is asked for. It is collected in a
//! hidden layout beside the target, so that a broken copy goes on where it was; the tar appears only whole.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Form, Saved};
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::http::call::Call;
use crate::layout::lock::Lock;
use crate::layout::oci::{images, OciLayout};
use crate::layout::tarball::write::{self, Piece};
use crate::manifest::{Descriptor, Kind};
use crate::store::{Content, Moved, ReadStore, Role, WriteStore};

/// An archive to copy to.
#[derive(Debug)]
pub struct ArchiveWriter {
    target: PathBuf,
    staging: PathBuf,
    form: Form,
    name: Option<String>,
    layout: OciLayout,
    alone: std::sync::Mutex<Option<Lock>>,
}

impl ArchiveWriter {
    /// One that is begun, or gone on with where an earlier try collected something, only when a copy to it begins.
    pub fn create(path: &Path, form: Form, name: Option<&str>) -> Result<ArchiveWriter> {
        let file = path
            .file_name()
            .ok_or_else(|| Error::new(Code::InvalidArgument, format!("'{}' is no file name", path.display())))?;
        if path.is_dir() {
            return Err(Error::new(Code::Io, format!("{} is a directory", path.display())));
        }
        if let (Form::Docker, Some(name)) = (form, name) {
            crate::reference::Reference::parse(name, None)?;
        }
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(file);
        hidden.push(".partial.d");
        let staging = path.with_file_name(hidden);
        let layout = OciLayout::planned(&staging, name)?;
        Ok(ArchiveWriter {
            target: path.to_owned(),
            staging,
            form,
            name: name.map(str::to_owned),
            layout,
            alone: std::sync::Mutex::default(),
        })
    }

    /// Waits for another copy to the same archive, which takes the folder away when it is done.
    fn wait(&self, call: &Call) -> Result<Lock> {
        let blobs = self.staging.join("blobs");
        loop {
            self.layout.make()?;
            let lock = Lock::exclusive(call, &blobs)?;
            if lock.is_of(&blobs) {
                return Ok(lock);
            }
        }
    }

    /// The files of the archive, the small ones that a reader wants first at the front.
    fn files(&self) -> Result<Vec<(String, Piece)>> {
        let mut files = vec![
            ("oci-layout".to_owned(), Piece::File(self.staging.join("oci-layout"))),
            ("index.json".to_owned(), Piece::File(self.staging.join("index.json"))),
        ];
        if self.form == Form::Docker {
            files.push(("manifest.json".to_owned(), Piece::Bytes(self.docker_manifest()?)));
        }
        let needed = crate::layout::check::reachable(&self.layout)?;
        for digest in needed {
            let name = format!("blobs/{}/{}", digest.algorithm().name(), digest.hex());
            files.push((name, Piece::File(self.layout.blob_path(&digest))));
        }
        Ok(files)
    }

    fn docker_manifest(&self) -> Result<Vec<u8>> {
        let place = |digest: &Digest| format!("blobs/{}/{}", digest.algorithm().name(), digest.hex());
        let mut list = Vec::new();
        // What is about the image is for those who read the layout: Docker would take it for another image.
        for entry in images(self.layout.entries()?) {
            let content = crate::layout::check::content(&self.layout, &entry)?;
            let Some(config) = content.document.config() else { continue };
            list.push(Saved {
                config: place(&config.digest),
                repo_tags: self.name.iter().cloned().collect(),
                layers: content.document.layers().iter().map(|layer| place(&layer.digest)).collect(),
            });
        }
        serde_json::to_vec(&list).map_err(|error| Error::new(Code::Internal, error.to_string()))
    }
}

impl WriteStore for ArchiveWriter {
    fn place(&self) -> String {
        let suffix = self.name.as_ref().map(|name| format!(":{name}")).unwrap_or_default();
        format!("{}:{}{suffix}", self.form.transport(), self.target.display())
    }

    fn look(&self, _: &Call, root: &Content) -> Result<bool> {
        if self.form == Form::Docker && root.document.kind != Kind::Image {
            let message = format!("a docker-archive holds images, this is of the type {}", root.document.media_type);
            return Err(Error::new(Code::InvalidManifest, message));
        }
        Ok(false)
    }

    fn begin(&self, call: &Call) -> Result<()> {
        let mut alone = self.alone.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if alone.is_none() {
            *alone = Some(self.wait(call)?);
            // An archive is written anew: of an earlier try the blobs are of use, not what they were for.
            self.layout.change_index(call, Vec::clear)?;
        }
        Ok(())
    }

    fn has_manifest(&self, _: &Call, _: &Digest) -> Result<bool> {
        Ok(false)
    }

    fn has_blob(&self, call: &Call, wanted: &Descriptor) -> Result<bool> {
        self.layout.has_blob(call, wanted)
    }

    fn put_blob(&self, call: &Call, wanted: &Descriptor, from: &dyn ReadStore) -> Result<Moved> {
        self.layout.put_blob(call, wanted, from)
    }

    fn put_manifest(&self, call: &Call, content: &Content, role: &Role) -> Result<()> {
        self.layout.put_manifest(call, content, role)
    }

    fn finish(&self, call: &Call) -> Result<()> {
        self.layout.finish(call)?;
        write::archive(call, &self.target, &self.files()?)?;
        let gone = fs::remove_dir_all(&self.staging);
        gone.map_err(|error| Error::io(format!("cannot remove {}", self.staging.display()), &error))
    }

    fn one_platform(&self) -> bool {
        self.form == Form::Docker
    }
}
