//! Copies between any two places, and the care of layouts.

use std::ffi::c_char;
use std::fs::File;
use std::path::Path;

use super::argument::{copied, string, text};
use super::call::call;
use super::client::ocireg_client;
use super::context::ocireg_context;
use super::entry::enter;
use super::error::ocireg_error;
use super::options::{self, ocireg_options, NoOptions};
use super::out::Json;
use super::status::ocireg_status;
use crate::error::Result;
use crate::layout::check;
use crate::layout::oci::OciLayout;
use crate::place::{self, Descriptors, Place};
use crate::transfer::copy::CopyOptions;

/// Takes the name of a place to copy from or to apart. Any thread. A place is one of
///   docker://REF or REF           a repository's tag or digest, [HOST[:PORT]/]REPOSITORY[:TAG][@DIGEST]
///   docker-v1://REF               a tag at a registry that speaks protocol v1, [HOST[:PORT]/]REPOSITORY[:TAG]; only to copy or
///                                 read from
///   oci:DIR[:NAME]                an OCI image layout, and a name in it; to read from also oci:DIR@DIGEST, by the digest
///   oci-archive:FILE[:NAME]       a tar of such a layout; to read from also oci-archive:FILE@DIGEST; to copy to `-` is standard output
///   docker-archive:FILE[:REF]     what `docker save` writes and `docker load` reads, likewise; without a tag REF is REF:latest
///   dir:DIR                       a directory with a file for each blob, named by the hex of its digest, manifest.json
///                                 and version, as skopeo has it
/// A bare REF whose first part is the name of a transport of another program (tarball:x, docker-daemon:a:t), or of one of these in
/// other letters (OCI:x), is refused; docker://REF is a reference whatever it is.
///
/// To read from, NAME is the name of an entry (org.opencontainers.image.ref.name), the name of an image as containerd and Docker
/// write it (io.containerd.image.name). It may also be @DIGEST, of an entry or of a manifest that an index there names, or @INDEX,
/// the entry of that number from 0 on. REF is one of an image's names, or @INDEX. Without a name the place must hold one image,
/// with as many names as it likes: with several, the error lists what can be given. Where several images have one name, a platform
/// that is asked for decides between them. FILE is then a file, `-` (standard input), a named pipe or /dev/fd/N, packed by gzip,
/// zstd, xz, bzip2 or not at all. What cannot be read in place is unpacked into a temporary file first (temporary_dir and
/// max_temporary_bytes of ocireg_client_new).
///
/// Which functions take which place, beside those that say so themselves (ocireg_copy, ocireg_image_*, ocireg_artifact_*):
///   ocireg_manifest_get, _head, _digest, ocireg_referrers,   any: docker-v1: and a docker-archive: give the manifest that is made of them
///   ocireg_repository_tags                                   any but docker-v1:; the repository, or the place without a name
///   ocireg_blob_head, _get_*, _open                          any, named PLACE@DIGEST
///   ocireg_manifest_put, ocireg_blob_put_*                   any but docker-v1:; archives are written anew, each time
///   ocireg_blob_copy                                         from any, named PLACE@DIGEST, to any but docker-v1:
///   ocireg_image_tag                                         a registry, oci:, and archives, which are written anew
///   ocireg_manifest_delete, ocireg_tag_delete                a registry, oci:, and archives, which are written anew
///   ocireg_layout_check, _clean                              a path, DIR alone
///   ocireg_blob_delete, _mount, _locate, ocireg_upload_*, ocireg_manifest_locate, ocireg_repository_remove, ocireg_registry_*,
///   ocireg_explain, ocireg_token, ocireg_login, _logout      registries only, since they are about requests and credentials; what
///                                                            nothing in a layout names is removed by ocireg_layout_clean
/// Whatever else is asked of a place is OCIREG_UNSUPPORTED.
///
/// Result: {"transport": "docker", "docker-v1", "oci", "oci-archive", "docker-archive" or "dir", "registry": string (the host,
/// or http://HOST, for ocireg_client_set_host) or null, "reference": string or null, "repository": string or null (HOST/REPOSITORY), "path":
/// string or null, "name": string or null}. Free with ocireg_string_free.
///
/// Errors: OCIREG_INVALID_ARGUMENT, OCIREG_INVALID_REFERENCE. Source: containers-transports(5).
#[no_mangle]
pub unsafe extern "C" fn ocireg_endpoint_parse(
    name: *const c_char,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe { enter(error, Json::required(json), || Ok(Place::parse(text(&name, "name")?)?.to_json())) }
}

/// Copies what one place names to another: an image, an index with everything in it, or an artifact. Places are named as for
/// ocireg_endpoint_parse. Manifests arrive after everything that they refer to, by their digests. The tag comes last and only the
/// root gets it, so that whatever is refused or interrupted, the tag refers to what it referred to before. For a destination with a
/// tag and a digest, the tag is put and the root must have that digest. What refers to others gets onto the lists of referrers, at
/// a registry without the referrers API by one write for each list, before the tag too. What is there already is not moved. Bytes
/// are moved unchanged and verified: those of a file that go to a registry by the registry, which is told their digest. When it
/// finds them wrong, they are checked here, and the error says which side is wrong. A blob of 64 MiB or more is hashed here as it
/// is sent, and its last bytes are not sent when it is wrong. What an ended copy (an error, a cancel, a kill) has moved, the next
/// one does not move again. Several processes can copy to one layout at once; copies to one archive wait for each other. Blocks.
///
/// Options: {CopyOptions}
///
/// An archive is a file that appears whole. One that is there keeps its other images and names; a name that it has already moves to
/// the new image, and an image that has no name left is removed. What refers to another manifest (a signature, an SBOM: whatever has a
/// subject) stays without a name, there and in a layout, as long as its subject: it is removed with that (from an archive when that is written, from
/// a layout when that is cleaned, ocireg_layout_clean), or when it is deleted by its digest (ocireg_manifest_delete). If its subject is
/// not there, it stays; what has a name keeps its subject too. Blobs that nothing named before stay, as those of ocireg_blob_put_file. Files go
/// that are neither a layout's nor manifest.json: `repositories` and the layers' folders for older versions of Docker, and what
/// other programs put there. What cannot be added to (compressed, of another writer) is refused with
/// OCIREG_UNSUPPORTED or OCIREG_INVALID_MANIFEST before anything is written. Links are followed. A named pipe, a character device, `-` and
/// the names of the process's own descriptors, such as /dev/stdout, are written to directly, in one pass and when all of the image
/// is here (until then it is in temporary_dir of ocireg_client_new). A failure before that writes nothing. Cancel and deadline end
/// such a write.
///
/// With if_exists or if_digest the destination's name is looked at before anything is read or moved, and again when it is set, as
/// ocireg_manifest_put does; in a layout that is done while no other process can change it. When it is not allowed, the "conflict"
/// of the error says what the name refers to. A place without a name is OCIREG_INVALID_ARGUMENT then; dir:DIR is its own.
///
/// Where layers are packed on the way, manifests and their digests differ from the source's, the config (with its diff_ids) does
/// not, and the same image gives the same digests. Layers that are packed already stay as they are. Packed layers wait in a
/// temporary file (temporary_dir and max_temporary_bytes of ocireg_client_new), also for dry_run. Signatures of the image as it was
/// are not copied with it, nor are attestations of an index.
///
/// An image of version 1 (docker-v1://, and schema 1 with convert_schema1) names no diff_ids, and by protocol v1 no digests either: its
/// layers are read into a temporary file first (temporary_dir of ocireg_client_new), also for dry_run. What is made of it is an OCI
/// image: the old images become its config and history. Throwaway images, and layers without a file in them, become entries of the
/// history without a layer. Layers stay as they are, with the media type that their bytes show. The same images give the same
/// digest. By protocol v1 a layer is verified only where the registry gives a checksum for it that can be checked.
///
/// What is read from a docker-archive is what its manifest.json says. Every layer has the diff_id that the config names for it, or
/// nothing is copied. Where the archive is a layout too, its manifest is taken when it is about the same files in the same order.
/// Otherwise a manifest is made of the files, and ocireg_context_warnings says so when the layout has another one, or another image
/// of that name. An oci-archive whose manifest says something else than its manifest.json, or which has another image under a name,
/// is OCIREG_INVALID_MANIFEST.
///
/// An archive takes no image whose config, layers or manifests have another size there than it says (OCIREG_SIZE_MISMATCH). A docker-
/// archive, or an oci-archive with a manifest.json, takes none whose config and layers contradict each other (OCIREG_INVALID_MANIFEST),
/// as far as that can be told without unpacking: by their number, unless the config names none, and by the digests of layers that are
/// not compressed. What a copy to an archive that failed or was killed has moved stays beside it, hidden as .NAME.partial.d, for the
/// next one, which removes it; so may a user.
///
/// In a folder that all users may write to, links of other users than its owner are not followed to a place that is written to or
/// cleaned. Within a layout no link of another user than root is followed.
///
/// Result, `json` may be NULL: {"source": string, "destination": string, "digest": string (of what was copied), "mediaType":
/// string, "manifests": {"total": number, "copied": number, "skipped": number (there already), "referrers": number},
/// "blobs": {"total": number, "copied": number, "mounted": number, "skipped": number (there already), "bytes": number (of
/// all), "bytes_copied": number (moved by this call), "bytes_resumed": number (moved by earlier ones that did not finish)},
/// "served_by": [HOST[:PORT]] (the endpoints that sent manifests, blobs and lists of referrers of it: the source's registry, its
/// mirrors, or several of them), "skipped": [string] (the name, when it was left as it is by if_exists "skip"; then digest and
/// mediaType are those of what it refers to, and the counts are 0, unless another client removed it while the copy was running),
/// "condition": "registry", "locked" (in a layout), "looked" (no guarantee), or null without a condition [, "plan": {"manifests":
/// [descriptor], "blobs": [descriptor]}, with dry_run: what the destination lacks]}. Free with ocireg_string_free.
///
/// Progress: bytes of all blobs; ocireg_context_progress has "blobs" with the members above too, and "active", the blobs on
/// their way; ocireg_context_set_blob_progress tells of each. Callbacks come on the calling thread.
///
/// Errors: the common ones, with "side" "source" or "destination"; OCIREG_DIGEST_MISMATCH also when the name refers to what if_exists or
/// if_digest do not allow; OCIREG_MISSING_BLOB, OCIREG_INVALID_MANIFEST, OCIREG_IO.
/// Source: distribution-spec "Pulling manifests", "Pushing manifests"; image-spec image-layout.md.
#[no_mangle]
pub unsafe extern "C" fn ocireg_copy(
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
                let source = Place::named(client, text(&source, "source")?)?;
                let destination = Place::named(client, text(&destination, "destination")?)?;
                // Those of the options, now: a job's caller may close them before a thread looks at them.
                let descriptors = descriptors(&options::read(options)?)?;
                Ok((source, destination, descriptors))
            },
            |client, call, (source, destination, descriptors), options| {
                place::copy_through(client, call, &source, &destination, descriptors, &options)
            },
        )
    }
}

unsafe fn descriptors(options: &CopyOptions) -> Result<Descriptors> {
    let given = |fd: Option<i32>| fd.map(|fd| unsafe { copied(fd) }.map(File::from)).transpose();
    Ok(Descriptors { source: given(options.source_fd)?, destination: given(options.destination_fd)? })
}

/// Reads everything that the images of an OCI layout need and compares it with its digests. A manifest that an index in the layout
/// names and that is missing (a sparse copy leaves such) is not a problem, but the layout is not ok: it is listed as sparse. So is
/// what a JSON document of an unknown kind names by a descriptor. Clean-ups wait until it is done; it waits for no lock: that another
/// process has one is a warning. Blocks.
///
/// Options: none.
///
/// Result: {"ok": boolean, "images": number (entries of index.json), "blobs": number (manifests, configs and layers read),
/// "bytes": number, "problems": [{"digest": string, "problem": string}], "sparse": [string] (digests)}. Free with
/// ocireg_string_free.
///
/// Errors: the common ones; OCIREG_IO, OCIREG_NOT_FOUND when it is not a layout. Source: image-spec image-layout.md.
#[no_mangle]
pub unsafe extern "C" fn ocireg_layout_check(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    path: *const c_char,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        call(
            (error, Json::required(json), client, context, options),
            |_| string(path, "path"),
            |_, call, path, NoOptions {}| {
                let path = Path::new(&path);
                let layout = OciLayout::open(path, None)?;
                check::check(call, &layout)
            },
        )
    }
}

/// Removes the blobs of an OCI layout that no image in it needs, hidden files of this library that killed processes left (known by their
/// names, those beside index.json that may be a caller's output only after a day), and what the next copy could go on with when
/// that is more than a day old. What another user has left in a folder with the sticky bit stays, which is a warning. What refers
/// to another manifest and has no name (a signature, an SBOM) goes with its subject, out of index.json too: it stays while a
/// name, an index, or an image without a name that refers to nothing keeps that, or if its subject is not in the layout. It waits
/// until no copy by this library is at work there; but an output file (of an export, say) that a caller has put into blobs/ itself
/// may be taken from its writer. While a manifest is missing that an index in the layout names, no blob is
/// removed: any may be one of its. An entry of a media type that is not known needs what its JSON names; one that is not JSON
/// either is OCIREG_UNSUPPORTED. Blocks.
///
/// Options: {CleanOptions}
///
/// Result, `json` may be NULL: {"removed": [string] (digests), "bytes": number (of hidden files too), "sparse": [string] (digests of the missing
/// manifests)}. Free with ocireg_string_free.
///
/// Errors: the common ones; OCIREG_IO, OCIREG_NOT_FOUND when it is not a layout, OCIREG_MISSING_BLOB when a manifest is missing,
/// and nothing is removed then. Source: image-spec image-layout.md.
#[no_mangle]
pub unsafe extern "C" fn ocireg_layout_clean(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    path: *const c_char,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        call(
            (error, Json::optional(json), client, context, options),
            |_| string(path, "path"),
            |_, call, path, options| {
                let path = Path::new(&path);
                let layout = OciLayout::open(path, None)?;
                check::clean(call, &layout, &options)
            },
        )
    }
}
