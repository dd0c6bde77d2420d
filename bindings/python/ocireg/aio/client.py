"""Clients for asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ..images import opened
from ..registries import PAGE_SIZE
from ._calls import Calls, V1Calls, settled
from .session import AsyncUploadSession
from .v1 import AsyncV1

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self, Unpack

    from ..manifest import Manifest
    from ..options import (
        AppendOptions,
        ArtifactAttachOptions,
        ArtifactPullOptions,
        ArtifactPushOptions,
        BlobCopyOptions,
        BlobOptions,
        BlobPutOptions,
        BlobSaveOptions,
        CallOptions,
        CatalogOptions,
        CatOptions,
        CleanOptions,
        ClientOptions,
        CopyOptions,
        ExportOptions,
        ExtractOptions,
        FilesOptions,
        HostOptions,
        ImageTagOptions,
        IndexAppendOptions,
        IndexCreateOptions,
        IndexRemoveOptions,
        LocateOptions,
        LoginOptions,
        LogoutOptions,
        ManifestDeleteOptions,
        ManifestHeadOptions,
        ManifestOptions,
        ManifestPutOptions,
        MountOptions,
        PingOptions,
        PlaceReferrersOptions,
        PlatformOptions,
        ReferrersOptions,
        RemoveOptions,
        SessionOptions,
        SizeOptions,
        SyncListOptions,
        SyncOptions,
        TagDeleteOptions,
        TagsOptions,
        TokenOptions,
        UploadOptions,
        ValidateOptions,
    )
    from ..results import (
        AllImagesSize,
        BlobCopy,
        BlobDelete,
        BlobGet,
        BlobHead,
        BlobMount,
        BlobPut,
        CopyResult,
        Descriptor,
        Explanation,
        FileEntry,
        ImageAppend,
        ImageConfig,
        ImageExport,
        ImageExtract,
        ImageFile,
        ImageFiles,
        ImageSize,
        ImageTag,
        LayoutCheck,
        LayoutClean,
        Located,
        Login,
        Logout,
        ManifestDelete,
        ManifestHead,
        ManifestPut,
        Ping,
        PlaceList,
        PlaceManifest,
        PlaceReferrers,
        PulledArtifact,
        PushedArtifact,
        ReferrerList,
        RepositoryList,
        RepositoryRemove,
        Session,
        SyncResult,
        TagDelete,
        TagList,
        Token,
        Validation,
        WrittenIndex,
    )
    from ..types import ArtifactFile, Buffer, CredentialsCallback, LogCallback, Name, Path, Sink, Source
    from .reader import AsyncBlobReader
    from .upload import AsyncUpload


async def pages(fetch: Callable[..., Any], options: Any) -> AsyncIterator[Any]:
    """All pages of a list; `fetch` gets one."""
    while True:
        page = await fetch(**options)
        yield page
        if page["next"] is None:
            return
        options = {**options, "next": page["next"]}


class AsyncClient:
    """A `Client` for asyncio: the same methods, options, results and errors, awaited. No thread of the program's waits: the library's own,
    at most `job_threads`, make the calls, and one descriptor tells the event loop. Cancelling a task cancels its call.

        async with AsyncClient() as client:
            async for tag in client.iter_tags("quay.io/prometheus/busybox"):
                print(tag)

    It is used in one event loop at a time. Callbacks of a `Context` run in the loop, so they must not block; the one for credentials may
    be a coroutine. A sink's `write` and a source's `read` may be coroutines; a source that blocks is read on another thread.
    """

    def __init__(
        self,
        *,
        hosts: Mapping[str, HostOptions] | None = None,
        timeout: float | None = None,
        log: LogCallback | None = None,
        credentials: CredentialsCallback | None = None,
        **options: Unpack[ClientOptions],
    ) -> None:
        """As of `Client`."""
        # Its methods give futures of what they give in Client.
        self._calls: Any = Calls(hosts=hosts, timeout=timeout, log=log, credentials=credentials, **options)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    def set_host(self, host: Name, **settings: Unpack[HostOptions]) -> None:
        """Replaces the settings of one registry host, HOST[:PORT]: `ocireg_client_set_host`."""
        self._calls.set_host(host, **settings)

    async def close(self) -> None:
        """Ends the calls in progress with Closed, and every later one; returns when they have ended: `ocireg_client_close`."""
        self._calls.close()
        guards = list(self._calls._hub.guards)
        for guard in guards:
            guard.close()
        await self._calls._hub.wait()
        # A sink or source that closes its own client does not wait for itself.
        tasks = [guard.task for guard in guards if guard.task is not None and guard.task is not asyncio.current_task()]
        if tasks:
            await asyncio.wait(tasks)

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return bool(self._calls.closed)

    def quiesce(self) -> None:
        """Ends the library's threads of a client that has no call, reader or upload at the moment: `ocireg_client_quiesce`."""
        self._calls.quiesce()

    @property
    def v1(self) -> AsyncV1:
        """The calls of protocol v1."""
        return AsyncV1(V1Calls(self._calls._handle, self._calls._defaults, self._calls._hub))

    def __repr__(self) -> str:
        return f"<AsyncClient{' closed' if self.closed else ''}>"

    async def iter_repositories(self, registry: Name, **options: Unpack[CatalogOptions]) -> AsyncIterator[str]:
        """The repositories of a registry, requested page by page, `n` at a time."""
        options.setdefault("n", PAGE_SIZE)
        async for page in pages(lambda **more: self.repositories(registry, **more), options):
            for name in page["repositories"]:
                yield name

    async def iter_tags(self, repository: Name, **options: Unpack[TagsOptions]) -> AsyncIterator[str]:
        """The tags of a repository, requested page by page, `n` at a time."""
        options.setdefault("n", PAGE_SIZE)
        async for page in pages(lambda **more: self.tags(repository, **more), options):
            for tag in page["tags"]:
                yield tag

    async def iter_referrers(self, reference: Name, **options: Unpack[ReferrersOptions]) -> AsyncIterator[Descriptor]:
        """The descriptors of what refers to a manifest, `max` at a time."""
        options.setdefault("max", PAGE_SIZE)
        async for page in pages(lambda **more: self.referrers(reference, **more), options):
            for descriptor in page["referrers"]:
                yield descriptor

    async def iter_files(self, image: Name, **options: Unpack[FilesOptions]) -> AsyncIterator[FileEntry]:
        """The files of an image: `ocireg_image_files`."""
        for entry in (await self.image_files(image, **options))["files"]:
            yield entry

    async def ping(self, registry: Name, **options: Unpack[PingOptions]) -> Ping:
        """Asks a registry whether and how it speaks the protocol: `ocireg_registry_ping`."""
        result: Ping = await self._calls.ping(registry, **options)
        return result

    async def detect(self, registry: Name, **options: Unpack[CallOptions]) -> int:
        """Which protocol a registry speaks, 2 or 1: `ocireg_registry_detect`."""
        result: int = await self._calls.detect(registry, **options)
        return result

    async def repositories(self, registry: Name, **options: Unpack[CatalogOptions]) -> RepositoryList:
        """Lists the repositories of a registry; with `n` one page: `ocireg_registry_catalog`."""
        result: RepositoryList = await self._calls.repositories(registry, **options)
        return result

    async def tags(self, repository: Name, **options: Unpack[TagsOptions]) -> TagList:
        """Lists the tags of a repository; with `n` one page: `ocireg_repository_tags`."""
        result: TagList = await self._calls.tags(repository, **options)
        return result

    async def remove_repository(self, repository: Name, **options: Unpack[RemoveOptions]) -> RepositoryRemove:
        """Deletes everything in a repository: `ocireg_repository_remove`."""
        result: RepositoryRemove = await self._calls.remove_repository(repository, **options)
        return result

    async def delete_tag(self, reference: Name, **options: Unpack[TagDeleteOptions]) -> TagDelete:
        """Deletes one tag, REPOSITORY:TAG, and leaves its manifest: `ocireg_tag_delete`."""
        result: TagDelete = await self._calls.delete_tag(reference, **options)
        return result

    async def manifest(self, reference: Name, **options: Unpack[ManifestOptions]) -> Manifest:
        """Gets a manifest: `ocireg_manifest_get`."""
        result: Manifest = await self._calls.manifest(reference, **options)
        return result

    async def manifest_head(self, reference: Name, **options: Unpack[ManifestHeadOptions]) -> ManifestHead:
        """What a registry says of a manifest, without its bytes: `ocireg_manifest_head`."""
        result: ManifestHead = await self._calls.manifest_head(reference, **options)
        return result

    async def manifest_locate(self, reference: Name, **options: Unpack[LocateOptions]) -> Located:
        """Says where a manifest can be had by a downloader of the program's own, a secret: `ocireg_manifest_locate`."""
        result: Located = await self._calls.manifest_locate(reference, **options)
        return result

    async def manifest_digest(self, reference: Name, **options: Unpack[ManifestOptions]) -> str:
        """The digest of a manifest: `ocireg_manifest_digest`."""
        result: str = await self._calls.manifest_digest(reference, **options)
        return result

    async def put_manifest(
        self, reference: Name, manifest: Manifest | Mapping[str, Any] | Buffer, **options: Unpack[ManifestPutOptions]
    ) -> ManifestPut:
        """Puts a manifest, its bytes unchanged; a dict is put as JSON: `ocireg_manifest_put`."""
        result: ManifestPut = await self._calls.put_manifest(reference, manifest, **options)
        return result

    async def delete_manifest(self, reference: Name, **options: Unpack[ManifestDeleteOptions]) -> ManifestDelete:
        """Deletes a manifest by its digest, with all its tags: `ocireg_manifest_delete`."""
        result: ManifestDelete = await self._calls.delete_manifest(reference, **options)
        return result

    async def referrers(self, reference: Name, **options: Unpack[ReferrersOptions]) -> ReferrerList:
        """Lists what refers to a manifest, such as signatures and SBOMs: `ocireg_referrers`."""
        result: ReferrerList = await self._calls.referrers(reference, **options)
        return result

    async def blob_head(self, reference: Name, **options: Unpack[CallOptions]) -> BlobHead:
        """What a registry says of a blob; a missing one is not an error: `ocireg_blob_head`."""
        result: BlobHead = await self._calls.blob_head(reference, **options)
        return result

    async def blob_locate(self, reference: Name, **options: Unpack[LocateOptions]) -> Located:
        """Says where a blob can be had by a downloader of the program's own, a secret: `ocireg_blob_locate`."""
        result: Located = await self._calls.blob_locate(reference, **options)
        return result

    async def has_blob(self, reference: Name, **options: Unpack[CallOptions]) -> bool:
        """Whether a registry has a blob: `ocireg_blob_head`."""
        result: bool = await self._calls.has_blob(reference, **options)
        return result

    async def blob(self, reference: Name, **options: Unpack[BlobOptions]) -> bytes:
        """Gets a blob into memory, verified: `ocireg_blob_get_memory`."""
        result: bytes = await self._calls.blob(reference, **options)
        return result

    async def blob_to_file(self, reference: Name, sink: Sink, **options: Unpack[BlobSaveOptions]) -> BlobGet:
        """Gets a blob into a file. By a path, it appears only whole and verified: `ocireg_blob_get_file`. An open file, a descriptor, or
        anything with `write` gets the bytes as they come, and must not trust them after an error: `ocireg_blob_get_fd`."""
        result: BlobGet = await self._calls.blob_to_file(reference, sink, **options)
        return result

    async def open_blob(self, reference: Name, **options: Unpack[BlobOptions]) -> AsyncBlobReader:
        """Opens a blob for reading; context and timeout are for the reads too: `ocireg_blob_open`."""
        result: AsyncBlobReader = await self._calls.open_blob(reference, **options)
        return result

    async def put_blob(self, repository: Name, source: Source, **options: Unpack[BlobPutOptions]) -> BlobPut:
        """Puts a blob, unless the registry has it already. source: bytes, or whatever else is memory: `ocireg_blob_put_memory`; the path of
        a file: `ocireg_blob_put_file`; an open file, or an iterable of bytes: `ocireg_blob_put_stream`."""
        result: BlobPut = await self._calls.put_blob(repository, source, **options)
        return result

    async def delete_blob(self, reference: Name, **options: Unpack[CallOptions]) -> BlobDelete:
        """Deletes a blob: `ocireg_blob_delete`."""
        result: BlobDelete = await self._calls.delete_blob(reference, **options)
        return result

    async def copy_blob(self, source: Name, destination: Name, **options: Unpack[BlobCopyOptions]) -> BlobCopy:
        """Copies one blob, and nothing else, from any place, PLACE@DIGEST, into a repository, a layout, an archive or "dir:DIR":
        `ocireg_blob_copy`."""
        result: BlobCopy = await self._calls.copy_blob(source, destination, **options)
        return result

    async def mount_blob(self, reference: Name, source: Name | None = None, **options: Unpack[MountOptions]) -> BlobMount:
        """Makes a blob out of the same one in another repository of the registry, without moving its bytes. source: that repository, with
        its host; None lets the registry find it: `ocireg_blob_mount`."""
        result: BlobMount = await self._calls.mount_blob(reference, source, **options)
        return result

    async def upload(self, repository: Name, **options: Unpack[UploadOptions]) -> AsyncUpload:
        """Starts an upload of unknown length; context and timeout are for the writes too: `ocireg_upload_start`."""
        result: AsyncUpload = await self._calls.upload(repository, **options)
        return result

    async def upload_session(self, repository: Name, **options: Unpack[SessionOptions]) -> AsyncUploadSession:
        """Opens an upload session, to be continued by this process or another: `ocireg_upload_session_start`."""
        return AsyncUploadSession(await self._calls.upload_session(repository, **options))

    async def resume_upload(self, session: Session | str, **options: Unpack[CallOptions]) -> AsyncUploadSession:
        """Continues an upload session. session: what `UploadSession.to_dict` or `Upload.save` gave, its JSON, or the session's URL:
        `ocireg_upload_session_status`."""
        return AsyncUploadSession(await self._calls.resume_upload(session, **options))

    async def copy(self, source: Name, destination: Name, **options: Unpack[CopyOptions]) -> CopyResult:
        """Copies an image, an index with everything in it, or an artifact from one place to another: `ocireg_copy`."""
        result: CopyResult = await self._calls.copy(source, destination, **options)
        return result

    async def sync(self, source: Name, destination: Name, **options: Unpack[SyncOptions]) -> SyncResult:
        """Brings the tags of a repository, a layout or an archive to another, several images at once; what fails is reported, and the
        rest goes on: `ocireg_sync`."""
        result: SyncResult = await self._calls.sync(source, destination, **options)
        return result

    async def sync_list(self, list: str, destination: Name | None = None, **options: Unpack[SyncListOptions]) -> SyncResult:
        """The same for what a list says, SOURCE or SOURCE DESTINATION a line; destination: where everything goes that has none of its
        own: `ocireg_sync_list`."""
        result: SyncResult = await self._calls.sync_list(list, destination, **options)
        return result

    async def image_config(self, image: Name, **options: Unpack[PlatformOptions]) -> ImageConfig:
        """The config of an image: `ocireg_image_config`."""
        result: ImageConfig = await self._calls.image_config(image, **options)
        return result

    async def image_config_bytes(self, image: Name, **options: Unpack[PlatformOptions]) -> bytes:
        """The exact bytes of an image's config: `ocireg_image_config`."""
        result: bytes = await self._calls.image_config_bytes(image, **options)
        return result

    async def image_size(self, image: Name, **options: Unpack[SizeOptions]) -> ImageSize | AllImagesSize:
        """The bytes of an image, as its manifest says; with all, of every image of an index: `ocireg_image_size`."""
        result: ImageSize | AllImagesSize = await self._calls.image_size(image, **options)
        return result

    async def validate_image(self, place: Name, **options: Unpack[ValidateOptions]) -> Validation:
        """Whether everything that an image, an index or an artifact leads to is there and is what it says it is:
        `ocireg_image_validate`."""
        result: Validation = await self._calls.validate_image(place, **options)
        return result

    async def tag_image(self, reference: Name, tag: Name, **options: Unpack[ImageTagOptions]) -> ImageTag:
        """Gives an image another tag, in its repository or another one of the registry: `ocireg_image_tag`."""
        result: ImageTag = await self._calls.tag_image(reference, tag, **options)
        return result

    async def append_image(self, image: Name, layers: Path | Iterable[Path], **options: Unpack[AppendOptions]) -> ImageAppend:
        """Puts layers, tar files, the oldest first, on top of an image: `ocireg_image_append`."""
        result: ImageAppend = await self._calls.append_image(image, layers, **options)
        return result

    async def push_artifact(
        self, place: Name, files: Iterable[Path | ArtifactFile], **options: Unpack[ArtifactPushOptions]
    ) -> PushedArtifact:
        """Makes an artifact of files, folders and bytes, as oras does, and puts it at a place; the same files give the same artifact:
        `ocireg_artifact_push`. files: paths, or dicts with one of `path`, `data` and `stream`, and what it is called. A stream waits in a
        temporary file first."""

        async def work() -> Any:
            async with settled(files) as ready:
                return await self._calls.push_artifact(place, ready, **options)

        result: PushedArtifact = await self._calls._guarded(options, work())
        return result

    async def attach_artifact(
        self, place: Name, files: Iterable[Path | ArtifactFile], **options: Unpack[ArtifactAttachOptions]
    ) -> PushedArtifact:
        """Makes an artifact that is about what a place names, and puts it beside that: `ocireg_artifact_attach`. files: as for
        `push_artifact`."""

        async def work() -> Any:
            async with settled(files) as ready:
                return await self._calls.attach_artifact(place, ready, **options)

        result: PushedArtifact = await self._calls._guarded(options, work())
        return result

    async def pull_artifact(self, place: Name, folder: Path, **options: Unpack[ArtifactPullOptions]) -> PulledArtifact:
        """Pulls the files of an artifact into a folder, under their titles. A file appears only when all of them are there, whole and
        verified, and nothing is written outside of the folder: `ocireg_artifact_pull`."""
        result: PulledArtifact = await self._calls.pull_artifact(place, folder, **options)
        return result

    async def create_index(self, place: Name, references: Iterable[str], **options: Unpack[IndexCreateOptions]) -> WrittenIndex:
        """Makes an index of what references name, wherever that is, and puts it at a place, with everything that it needs:
        `ocireg_index_create`. references: places, or digests of manifests in the same repository or layout."""
        result: WrittenIndex = await self._calls.create_index(place, references, **options)
        return result

    async def append_to_index(self, place: Name, references: Iterable[str], **options: Unpack[IndexAppendOptions]) -> WrittenIndex:
        """Puts what references name into an index, behind what is in it, even if others do that at once: `ocireg_index_append`.
        references: as for `create_index`."""
        result: WrittenIndex = await self._calls.append_to_index(place, references, **options)
        return result

    async def remove_from_index(self, place: Name, digests: Iterable[str] = (), **options: Unpack[IndexRemoveOptions]) -> WrittenIndex:
        """Takes entries out of an index, by their digests or by platform, with their attestations; the manifests stay:
        `ocireg_index_remove`."""
        result: WrittenIndex = await self._calls.remove_from_index(place, digests, **options)
        return result

    async def extract_image(self, image: Name, folder: Path, **options: Unpack[ExtractOptions]) -> ImageExtract:
        """Extracts the files of an image, or only those of `paths`, into a folder: `ocireg_image_extract`."""
        result: ImageExtract = await self._calls.extract_image(image, folder, **options)
        return result

    async def export_image(self, image: Name, sink: Sink, **options: Unpack[ExportOptions]) -> ImageExport:
        """Writes the file system of an image as one tar archive: to a new file by its path, which appears only whole and verified
        (`ocireg_image_export_file`), or to an open file, a descriptor or anything with `write`, which must not trust the bytes after
        an error (`ocireg_image_export_fd`)."""
        result: ImageExport = await self._calls.export_image(image, sink, **options)
        return result

    async def image_files(self, image: Name, **options: Unpack[FilesOptions]) -> ImageFiles:
        """Lists the files of an image as `extract_image` would leave them: `ocireg_image_files`."""
        result: ImageFiles = await self._calls.image_files(image, **options)
        return result

    async def image_file(self, image: Name, path: Path, sink: Sink, **options: Unpack[CatOptions]) -> ImageFile:
        """Writes one file of an image to an open file, a descriptor, a new file by its path, or anything with `write`, which must not trust
        the bytes after an error: `ocireg_image_cat`."""
        with opened(sink) as target:
            result: ImageFile = await self._calls.image_file(image, path, target, **options)
        return result

    async def place_manifest(self, place: Name, **options: Unpack[PlatformOptions]) -> PlaceManifest:
        """The manifest that any place names: `ocireg_endpoint_manifest`."""
        result: PlaceManifest = await self._calls.place_manifest(place, **options)
        return result

    async def place_manifest_bytes(self, place: Name, **options: Unpack[PlatformOptions]) -> bytes:
        """The exact bytes of the manifest that any place names: `ocireg_endpoint_manifest`."""
        result: bytes = await self._calls.place_manifest_bytes(place, **options)
        return result

    async def list_place(self, place: Name, **options: Unpack[CallOptions]) -> PlaceList:
        """Everything that a layout, an archive or a directory holds: `ocireg_endpoint_list`."""
        result: PlaceList = await self._calls.list_place(place, **options)
        return result

    async def place_referrers(self, place: Name, **options: Unpack[PlaceReferrersOptions]) -> PlaceReferrers:
        """What refers to the manifest that any place names: `ocireg_endpoint_referrers`."""
        result: PlaceReferrers = await self._calls.place_referrers(place, **options)
        return result

    async def check_layout(self, path: Path, **options: Unpack[CallOptions]) -> LayoutCheck:
        """Reads everything in an OCI layout and compares it with its digests: `ocireg_layout_check`."""
        result: LayoutCheck = await self._calls.check_layout(path, **options)
        return result

    async def clean_layout(self, path: Path, **options: Unpack[CleanOptions]) -> LayoutClean:
        """Removes the blobs of an OCI layout that no image in it needs: `ocireg_layout_clean`."""
        result: LayoutClean = await self._calls.clean_layout(path, **options)
        return result

    async def login(self, registry: Name, **options: Unpack[LoginOptions]) -> Login:
        """Tries credentials out at a registry, and keeps them where Docker's tools do: `ocireg_login`."""
        result: Login = await self._calls.login(registry, **options)
        return result

    async def logout(self, registry: Name, **options: Unpack[LogoutOptions]) -> Logout:
        """Removes what is kept for a registry: `ocireg_logout`."""
        result: Logout = await self._calls.logout(registry, **options)
        return result

    async def explain(self, reference: Name, **options: Unpack[CallOptions]) -> Explanation:
        """Says what a call for a reference would use, and where that was set: `ocireg_explain`."""
        result: Explanation = await self._calls.explain(reference, **options)
        return result

    async def token(self, repository: Name, **options: Unpack[TokenOptions]) -> Token:
        """Gets the authorization of a repository for the program's own requests, a secret: `ocireg_token`."""
        result: Token = await self._calls.token(repository, **options)
        return result
