//! What an artifact is made of: files, folders, bytes in memory, and bytes that came from a callback.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use serde_json::{json, Map, Value};

use super::folder_tar::FolderTar;
use super::{file_title, TAR_DIGEST, UNPACK};
use crate::annotations::pairs;
use crate::call::Call;
use crate::digest::{Algorithm, Digest, Hasher};
use crate::error::{Code, Error, Result};
use crate::manifest::build;
use crate::media_type as types;
use crate::options::options;
use crate::os::input;
use crate::os::special_file::{is_stream, name_of};
use crate::stream::local_bytes::LocalBytes;
use crate::stream::pack::{Compression, CompressionSettings};
use crate::stream::replay::{hash, InMemory, OpenedFile, Replay};
use crate::stream::source::{Source, PIECE};
use crate::stream::spool::{CallSpool, SpoolItem, SpoolWriter, TemporaryOptions};
use crate::text::shorten;

options! {
    /// What a part of an artifact is called.
    #[derive(Debug, Clone)]
    pub struct PartOptions {
        /// the name under which it is pulled (org.opencontainers.image.title)
        ///
        /// a title is relative, without "..", and different from those of the other parts. The default for a file or folder is its
        /// path, or the last part of a path that is absolute or leads upwards
        pub title: Option<String>,
        /// its media type
        ///
        /// the default is what oras gives too: application/vnd.oci.image.layer.v1.tar for a file,
        /// application/vnd.oci.image.layer.v1.tar+gzip for a folder, and application/vnd.unknown.config.v1+json for a config
        pub media_type: Option<String>,
        /// KEY=VALUE each, of its descriptor
        pub annotations: Vec<String>,
        /// it is the artifact's config, of which there is one at most, and has no title
        pub config: bool,
    }
}

options! {
    /// What bytes from a callback are called, and where they wait.
    #[derive(Debug, Clone)]
    pub struct StreamPartOptions {
    } and {
        /// The part
        pub part: PartOptions,
        /// Where the bytes wait
        pub temporary: TemporaryOptions,
    }
}

/// An artifact that is to be pushed: its parts, in their order.
#[derive(Debug, Clone, Default)]
pub struct Artifact {
    pub(super) config: Option<Part>,
    pub(super) layers: Vec<Part>,
}

/// A part as it was given.
#[derive(Debug, Clone)]
pub(super) struct Part {
    content: PartContent,
    title: Option<String>,
    media_type: Option<String>,
    annotations: Map<String, Value>,
}

#[derive(Debug, Clone)]
enum PartContent {
    /// A file, a folder, or something that is read to its end, once.
    Path(PathBuf, ReadOnce),
    Memory(Bytes),
    Waiting(SpoolItem),
}

/// What can be read once only, for all pushes of an artifact: what the first one has read waits for the others.
#[derive(Debug, Clone, Default)]
struct ReadOnce(Arc<Mutex<ReadSoFar>>);

#[derive(Debug, Default)]
enum ReadSoFar {
    #[default]
    Nothing,
    /// And not all of it: that is gone.
    Something,
    All(SpoolItem),
}

/// A part whose digest is known, and its descriptor.
#[derive(Debug, Clone)]
pub(super) struct ReadyPart {
    pub(super) descriptor: Value,
    pub(super) digest: Digest,
    pub(super) bytes: LocalBytes,
}

impl Artifact {
    /// Adds a file or a folder. It is read when the artifact is pushed.
    pub fn add_path(&mut self, path: &str, options: PartOptions) -> Result<()> {
        if path.is_empty() {
            return Err(argument("the path of a file is empty"));
        }
        if input::is_standard(Path::new(path)) && options.title.is_none() && !options.config {
            return Err(argument("standard input needs the option title"));
        }
        if input::is_standard(Path::new(path)) && self.parts().any(Part::is_standard_input) {
            return Err(argument("standard input can be read only once"));
        }
        let usual = || file_title::usual(Path::new(path)).map(Some);
        self.add(PartContent::Path(path.into(), ReadOnce::default()), options, usual)
    }

    /// Adds bytes as a file of the artifact.
    pub fn add_bytes(&mut self, bytes: Bytes, options: PartOptions) -> Result<()> {
        self.add(PartContent::Memory(bytes), options, || Ok(None))
    }

    /// Adds what waits already.
    pub(crate) fn add_waiting(&mut self, item: SpoolItem, options: PartOptions) -> Result<()> {
        self.add(PartContent::Waiting(item), options, || Ok(None))
    }

    fn add(
        &mut self,
        content: PartContent,
        options: PartOptions,
        usual: impl FnOnce() -> Result<Option<String>>,
    ) -> Result<()> {
        let annotations = pairs(&options.annotations)?;
        if annotations.contains_key(file_title::TITLE) {
            return Err(argument(format!("use the option title for the annotation {}", file_title::TITLE)));
        }
        let title = match options.title {
            Some(_) if options.config => return Err(argument("a config has no title")),
            None if options.config => None,
            Some(title) => Some(checked(title)?),
            None => usual()?,
        };
        let part = Part { content, title, media_type: options.media_type, annotations };
        match options.config {
            true if self.config.is_some() => return Err(argument("the artifact has a config already")),
            true => self.config = Some(part),
            false => self.layers.push(part),
        }
        Ok(())
    }

    fn parts(&self) -> impl Iterator<Item = &Part> {
        self.config.iter().chain(&self.layers)
    }

    /// Whether nothing was added to it.
    pub(crate) fn is_empty(&self) -> bool {
        self.parts().next().is_none()
    }

    /// Refuses titles that could not be pulled together, and what is not a media type.
    pub(super) fn check(&self) -> Result<()> {
        for (part, kind) in self.parts().filter_map(|part| Some((part, part.media_type.as_deref()?))) {
            check_media_type(kind, &format!("the media type of {}", part.shown()))?;
        }
        let titles: Vec<String> =
            self.layers.iter().filter_map(|part| file_title::path_of(part.title.as_ref()?).ok()).collect();
        match file_title::clash(titles.iter().map(String::as_str)) {
            Some(why) => Err(argument(why)),
            None => Ok(()),
        }
    }
}

/// Everything that a source has, in a temporary file.
pub(crate) fn waiting(source: &mut dyn Source, options: &TemporaryOptions) -> Result<SpoolItem> {
    options.check()?;
    let mut writer = options.space().spool()?.writer();
    loop {
        match source.piece(PIECE)? {
            piece if piece.is_empty() => return Ok(writer.finish()),
            piece => writer.write(&piece)?,
        }
    }
}

/// A title of the caller's, clean.
fn checked(given: String) -> Result<String> {
    match file_title::path_of(&given) {
        Ok(path) if path.is_empty() => Ok(".".to_owned()),
        Ok(path) => Ok(path),
        Err(why) => Err(argument(format!("the title '{}' {why}", shorten(&given)))),
    }
}

pub(super) fn check_media_type(name: &str, what: &str) -> Result<()> {
    build::check_media_type(name, what).map_err(|error| argument(error.message()))
}

pub(super) fn argument(message: impl Into<String>) -> Error {
    Error::new(Code::InvalidArgument, message)
}

pub(super) fn in_memory(bytes: Bytes) -> LocalBytes {
    LocalBytes::Memory(bytes, "the artifact")
}

fn in_file(item: SpoolItem) -> LocalBytes {
    LocalBytes::Spooled(item, "a temporary file")
}

impl Part {
    /// Reads it to its end, for its digest; what cannot be read again, and what is packed, waits in a temporary file.
    pub(super) fn ready(&self, call: &Call, usual: &str, times: bool, spool: &CallSpool) -> Result<ReadyPart> {
        match &self.content {
            PartContent::Memory(bytes) => {
                let digest = hash(call, &mut InMemory(bytes, bytes), Algorithm::Sha256)?;
                Ok(self.described(usual, digest, bytes.len() as u64, in_memory(bytes.clone()), &[]))
            }
            PartContent::Waiting(item) => self.waiting(call, usual, item.clone()),
            PartContent::Path(path, read) => {
                if input::is_standard(path) {
                    return self.waiting(call, usual, read.to_its_end(call, path, spool)?);
                }
                self.of_path(call, (path, read), usual, times, spool)
            }
        }
    }

    /// What messages call it.
    fn shown(&self) -> String {
        match (&self.title, &self.content) {
            (Some(title), _) => format!("'{}'", shorten(title)),
            (None, PartContent::Path(path, _)) => path.display().to_string(),
            _ => "a part".to_owned(),
        }
    }

    fn is_standard_input(&self) -> bool {
        matches!(&self.content, PartContent::Path(path, _) if input::is_standard(path))
    }

    fn of_path(
        &self,
        call: &Call,
        (path, read): (&Path, &ReadOnce),
        usual: &str,
        times: bool,
        spool: &CallSpool,
    ) -> Result<ReadyPart> {
        let what = |error: std::io::Error| Error::io(format!("cannot read {}", path.display()), &error);
        let kind = std::fs::metadata(path).map_err(what)?.file_type();
        match kind {
            kind if kind.is_file() => {
                let mut file = OpenedFile::open(path)?;
                let digest = hash(call, &mut file, Algorithm::Sha256).map_err(|error| error.within(path.display()))?;
                Ok(self.described(
                    usual,
                    digest,
                    file.size(),
                    LocalBytes::File(path.to_owned(), Some(file.stamp())),
                    &[],
                ))
            }
            kind if kind.is_dir() => self.folder(call, path, times, spool),
            kind if is_stream(kind) => self.waiting(call, usual, read.to_its_end(call, path, spool)?),
            kind => Err(argument(format!("{} is {}, not a file, folder or pipe", path.display(), name_of(kind)))),
        }
    }

    fn folder(&self, call: &Call, path: &Path, times: bool, spool: &CallSpool) -> Result<ReadyPart> {
        let Some(title) = &self.title else {
            return Err(argument(format!("the config {} is a folder", path.display())));
        };
        let mut tar = FolderTar::open(call, path, title, times)?;
        let gzip = CompressionSettings::of(Some(Compression::Gzip), None, Compression::Gzip)?;
        let gzip = gzip.ok_or_else(|| Error::new(Code::Internal, "gzip has no settings"))?;
        let packed = gzip.pack(call, &mut tar, spool.writer()?)?;
        let unpacked = tar.digest();
        let notes = [(UNPACK, "true"), (TAR_DIGEST, unpacked.as_str())];
        let size = packed.item.size();
        Ok(self.described(types::OCI_LAYER_GZIP, packed.digest, size, in_file(packed.item), &notes))
    }

    fn waiting(&self, call: &Call, usual: &str, item: SpoolItem) -> Result<ReadyPart> {
        let mut hasher = Hasher::new(Algorithm::Sha256);
        let (mut reader, mut buffer) = (item.read_from(0), vec![0; PIECE]);
        loop {
            call.check()?;
            let count = reader.read(&mut buffer).map_err(|error| Error::io("cannot read a temporary file", &error))?;
            if count == 0 {
                break;
            }
            hasher.update(&buffer[..count]);
        }
        Ok(self.described(usual, hasher.finish(), item.size(), in_file(item), &[]))
    }

    fn described(
        &self,
        usual: &str,
        digest: Digest,
        size: u64,
        bytes: LocalBytes,
        notes: &[(&str, &str)],
    ) -> ReadyPart {
        let media_type = self.media_type.as_deref().unwrap_or(usual);
        let mut descriptor = json!({"mediaType": media_type, "digest": digest, "size": size});
        let mut annotations = self.annotations.clone();
        let title = self.title.as_deref().map(|text| (file_title::TITLE, text));
        for (name, text) in notes.iter().copied().chain(title) {
            annotations.insert(name.to_owned(), text.into());
        }
        if !annotations.is_empty() {
            descriptor["annotations"] = annotations.into();
        }
        ReadyPart { descriptor, digest, bytes }
    }
}

impl ReadOnce {
    /// All of standard input, a pipe or a character device.
    fn to_its_end(&self, call: &Call, path: &Path, spool: &CallSpool) -> Result<SpoolItem> {
        let gone = |why: &str| Error::new(Code::Io, format!("cannot read {}: {why}", path.display()));
        let Ok(mut so_far) = self.0.try_lock() else { return Err(gone("another push is reading it")) };
        match &*so_far {
            ReadSoFar::All(item) => return Ok(item.clone()),
            ReadSoFar::Something => return Err(gone("a push that failed has read a part of it")),
            ReadSoFar::Nothing => *so_far = ReadSoFar::Something,
        }
        let item = spooled(call, path, spool)?;
        *so_far = ReadSoFar::All(item.clone());
        Ok(item)
    }
}

fn spooled(call: &Call, path: &Path, spool: &CallSpool) -> Result<SpoolItem> {
    let what = |error: std::io::Error| match error.downcast::<Error>() {
        Ok(ended) => ended,
        Err(error) => Error::io(format!("cannot read {}", path.display()), &error),
    };
    let file = input::open(path).map_err(what)?;
    let (mut writer, mut buffer): (SpoolWriter, _) = (spool.lasting_writer()?, vec![0; PIECE]);
    loop {
        let count = input::read(&file, &mut buffer, || call.check()).map_err(what)?;
        if count == 0 {
            return Ok(writer.finish());
        }
        writer.write(&buffer[..count])?;
    }
}
