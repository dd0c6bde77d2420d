//! Whole repositories, brought to another place.

use std::ffi::c_char;

use super::argument::{optional_text, string, text};
use super::call::call;
use super::call_arguments::CallArguments;
use super::client::ocireg_client;
use super::context::ocireg_context;
use super::error::ocireg_error;
use super::options::{self, ocireg_options};
use super::out::Json;
use super::status::ocireg_status;
use crate::place::{self, SyncDestination, SyncList, SyncListOptions, SyncSource};

impl CallArguments for SyncSource {
    fn hosts(&self) -> Vec<String> {
        self.index().map(|index| index.name.clone()).into_iter().collect()
    }
}

impl CallArguments for SyncDestination {
    fn hosts(&self) -> Vec<String> {
        self.host().into_iter().collect()
    }
}

impl CallArguments for SyncList {
    fn hosts(&self) -> Vec<String> {
        SyncList::hosts(self)
    }
}

/// Brings the tags of a repository to another place, several images at once, each as ocireg_copy does it: what its manifest needs
/// first, its tag last. What fails is reported, and the rest goes on; a call that was ended or killed is made again, and moves only
/// what is missing. `source` and `destination` are each one of
///   docker://REPO or REPO         a repository, [HOST[:PORT]/]REPOSITORY; as a source also with a tag or a digest, for that alone
///   oci:DIR                       an OCI image layout; as a source also oci:DIR:NAME, for that alone
///   oci-archive:FILE              a tar of such a layout, likewise; it is written once, when all images are there
///   docker-archive:FILE           what `docker save` writes, likewise; as a destination also docker-archive:FILE:REPOSITORY
/// In a layout or an archive the images of a repository are called by their tags, as oras has it. What is called HOST/REPOSITORY:TAG
/// there (ocireg_sync_list does so) goes below the destination, as the repository of the same last word, or with scoped of the same
/// registry and path. In a docker-archive every image is called REPOSITORY:TAG, by the repository at its source if none is given; what
/// has tags alone at its source needs one. It holds images and nothing else: of an index the one for the host's platform comes, or for
/// the one of the option platform, and anything else is a failure. Images without a name, as some tools write all of them, are left
/// out, which is a warning (ocireg_context_warnings), and so is a selection without any tag. Blocks.
///
/// Options: {SyncOptions}
///
/// Each kind of filter narrows the selection: a tag must match one of tags, one of tags_regex, and one of semver.
/// Tags that are made of a digest (sha256-HEX, sha256-HEX.sig) are never selected by themselves: with referrers they come with
/// what they refer to. The source's list of tags is one request for each page, and so is the destination's; of a tag that the
/// destination has, each side is asked once for the digest, and where both are the same, nothing more. With referrers or platform
/// the manifests of each image are read.
///
/// A list that is broken or refused is an error of the call, and nothing is pruned then. Nor is anything pruned if an image failed,
/// or at a destination for which one source has no tag that is selected, which is a warning. To prune, the source's list is taken
/// from the registry itself, never from a mirror, and of each tag that it lacks the registry is asked once more: what it still has
/// stays, and is a failure. In a layout or an archive blobs that nothing needs any more stay until ocireg_layout_clean, or
/// until the archive is written, and what has a subject stays among the subject's referrers, as long as that. Registries that delete
/// no tag (distribution 2) refuse to prune: each such tag is a failure. So is the first where a registry deletes the manifest with its
/// tag: then nothing more is pruned there, and tags of the source that went with it are brought again. With max_prune, nothing is
/// removed if the list lacks more tags than that.
///
/// The destination's tags become those of the source whatever they refer to, unless no_clobber is set. A tag at a registry is
/// looked up again right before it is set, also one that is new: if another client has changed it since, it stays, and is a failure.
/// With no_clobber it stays, and is skipped. No condition is
/// sent with the request (RFC 9110 If-Match): few registries look at one, and to find out which do costs requests for each tag.
///
/// In a layout or an archive an image whose blobs are not all there, or do not have their size, is copied again, even if its name is
/// unchanged. Blobs of the right size are not read, unless an archive is written anyway: ocireg_validate finds wrong bytes in them, and
/// ocireg_copy replaces them.
/// index.json is written for many names at once, the last of them at the end, also when the call fails. Archives are locked against
/// other writers from the beginning on, in one order, and are written only if there is something new.
///
/// After ten images in a row of one source failed for the same reason (credentials, a rate limit, no connection, a full disk) the others of
/// it fail without being tried.
///
/// Result, `json` may be NULL: {"source": string or null (of a list), "destination": string or null, "dry_run": boolean, "tags":
/// {"selected": number (of the source), "copied": number, "skipped": number (there already, or left as they are), "pruned": number,
/// "failed": number}, "blobs": as in ocireg_copy, of all images together (with dry_run a blob that several images need counts
/// once in bytes_copied for each repository, layout or archive; what a registry would mount counts too, and the part of a
/// blob that a killed call has left, which will not be moved again), "images":
/// [{"source": string or null (of a tag that was pruned), "destination": string, "state": "copied",
/// "pruned" or "failed", "digest": string or null, "bytes": number, "bytes_copied": number, "error": as in ocireg_error_json, or
/// null}] (none that were skipped; at most 10,000, and 1,000 that failed), "images_left_out": number (more than these), "error": the
/// first failure, or null, "served_by": [HOST[:PORT]] (the endpoints that sent manifests, blobs and lists of tags of the sources, or said what
/// a tag refers to: registries, their mirrors, or several of them)}. With dry_run it says what would be done. Free with
/// ocireg_string_free. OCIREG_OK does not say that every image is there: "failed" does.
///
/// Progress: bytes of all blobs, of a total that is not known; "blobs" counts those of the images that are done. The log has an
/// event for each image, {"event": "image"} and the members above, those that are skipped too.
///
/// Errors: the common ones; OCIREG_UNSUPPORTED for dir, which holds one image without a name (ocireg_copy takes it), and docker-v1;
/// OCIREG_INVALID_ARGUMENT for a choice that cannot be
/// read, OCIREG_LIMIT_EXCEEDED (5,000,000 tags, or 512 MiB of their names), OCIREG_NOT_FOUND without the repository,
/// OCIREG_INVALID_MANIFEST, OCIREG_IO.
/// Source: distribution-spec "Listing Tags"; skopeo-sync(1).
#[no_mangle]
pub unsafe extern "C" fn ocireg_sync(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    source: *const c_char,
    destination: *const c_char,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        call(
            (error, Json::optional(json), client, context, options),
            |client| {
                let source = SyncSource::named(client, text(&source, "source")?)?;
                let destination = SyncDestination::named(client, text(&destination, "destination")?)?;
                Ok((source, destination))
            },
            |client, call, (source, destination), options| place::sync(client, call, &source, &destination, &options),
        )
    }
}

/// The same for many repositories, which a list names. In the usual form a line is SOURCE or SOURCE DESTINATION, as in ocireg_sync, and
/// what follows a # is a comment. In skopeo's form it is the YAML of skopeo sync, with these keys for each registry: `images`
/// (repositories with tags and digests, none for all), `images-by-tag-regex`, `images-by-semver`, `credentials`, `tls-verify` and
/// `cert-dir`. A version with a suffix is in a range only if that names one, as skopeo has it; without a suffix ranges are as in
/// ocireg_sync. The last three count only for what this call reads from that registry: tls-verify overrides the option insecure,
/// and cert-dir replaces all certificates of the host's options. So the author of a list can have files of cert-dir read and shown
/// to its registry. Where skopeo leaves out what it cannot read, and unknown keys, this is an error; and with tls-verify false
/// certificates are not verified, but plain http is spoken only to hosts of which an option says so. The options tags, tags_regex,
/// semver, exclude and newest narrow each repository of which no tag or digest is named.
///
/// `destination` is where everything goes that has none of its own: HOST[:PORT][/PATH], below which a repository has the last word
/// of its source's name, or with scoped its registry and path. It may also be a layout or an archive, in which images are called
/// HOST/REPOSITORY:TAG. Neither holds a registry whose host is an IPv6 address, nor does a path of scoped. It may be NULL when
/// each line has its own, which is as in ocireg_sync. Two repositories with one last word
/// are refused then, before anything is asked. Of two sources that a list itself brings to one place, and that have a tag in
/// common, the first has it, and the other's is a failure. Blocks.
///
/// Options: {SyncListOptions}
///
/// Result, `json` may be NULL: as in ocireg_sync. Free with ocireg_string_free. A repository whose tags cannot be listed is one
/// failure, with the repositories as source and destination, and so is a layout or an archive that cannot be read.
///
/// Errors: those of ocireg_sync; OCIREG_INVALID_ARGUMENT also for what a list cannot contain, with the line,
/// OCIREG_LIMIT_EXCEEDED (more than 4 MiB or 100,000 lines). Source: skopeo-sync(1).
#[no_mangle]
pub unsafe extern "C" fn ocireg_sync_list(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    list: *const c_char,
    destination: *const c_char,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        call(
            (error, Json::optional(json), client, context, options),
            |client| {
                let (list, destination) = (string(list, "list")?, optional_text(&destination, "destination")?);
                let options: SyncListOptions = options::read(options)?;
                SyncList::read_by(client, &list, destination, &options)
            },
            |client, call, list, options| place::sync_list(client, call, &list, &options),
        )
    }
}
