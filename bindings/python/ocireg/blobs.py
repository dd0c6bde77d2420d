"""Blobs: download and upload."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ._caller import Caller, last, text
from ._memory import Bytes, Json, ReaderHandle, lent
from .reader import BlobReader

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .options import BlobCopyOptions, BlobOptions, BlobPutOptions, BlobSaveOptions, CallOptions, LocateOptions, MountOptions
    from .results import BlobCopy, BlobDelete, BlobGet, BlobHead, BlobMount, BlobPut, Located
    from .types import Name, Sink, Source


def is_path(value: Any) -> bool:
    """Whether it is the name of a file, and not what can be read or written."""
    return isinstance(value, (str, os.PathLike))


def is_memory(value: Any) -> bool:
    """Whether it is bytes in memory. An mmap can be read too, and is taken for what it is."""
    try:
        memoryview(value).release()
    except TypeError:
        return False
    return True


class Blobs(Caller):
    """Calls for blobs, [HOST[:PORT]/]REPOSITORY@DIGEST."""

    def blob_head(self, reference: Name, **options: Unpack[CallOptions]) -> BlobHead:
        """What a registry says of a blob; a missing one is not an error: `ocireg_blob_head`."""
        result: BlobHead = self._invoke("ocireg_blob_head", text("reference", reference), options=options)
        return result

    def blob_locate(self, reference: Name, **options: Unpack[LocateOptions]) -> Located:
        """Says where a blob can be had by a downloader of the program's own, a secret: `ocireg_blob_locate`."""
        result: Located = self._invoke("ocireg_blob_locate", text("reference", reference), options=options)
        return result

    def has_blob(self, reference: Name, **options: Unpack[CallOptions]) -> bool:
        """Whether a registry has a blob: `ocireg_blob_head`."""
        result: bool = self._invoke("ocireg_blob_head", text("reference", reference), options=options, then=lambda head: head["exists"])
        return result

    def blob(self, reference: Name, **options: Unpack[BlobOptions]) -> bytes:
        """Gets a blob into memory, verified: `ocireg_blob_get_memory`."""
        result: bytes = self._invoke("ocireg_blob_get_memory", text("reference", reference), options=options, outs=(Json, Bytes), then=last)
        return result

    def blob_to_file(self, reference: Name, sink: Sink, **options: Unpack[BlobSaveOptions]) -> BlobGet:
        """Gets a blob into a file. By a path, it appears only whole and verified: `ocireg_blob_get_file`. An open file, a descriptor, or
        anything with `write` gets the bytes as they come, and must not trust them after an error: `ocireg_blob_get_fd`."""
        name = text("reference", reference)
        result: BlobGet
        if is_path(sink):
            result = self._invoke("ocireg_blob_get_file", name, text("sink", sink), options=options)
        else:
            result = self._invoke("ocireg_blob_get_fd", name, options=options, sink=sink)
        return result

    def open_blob(self, reference: Name, **options: Unpack[BlobOptions]) -> BlobReader:
        """Opens a blob for reading; context and timeout are for the reads too: `ocireg_blob_open`."""
        reader: BlobReader = self._open(ReaderHandle, "ocireg_blob_open", text("reference", reference), options=options, then=BlobReader)
        return reader

    def put_blob(self, repository: Name, source: Source, **options: Unpack[BlobPutOptions]) -> BlobPut:
        """Puts a blob, unless the registry has it already. source: bytes, or whatever else is memory: `ocireg_blob_put_memory`; the path of
        a file: `ocireg_blob_put_file`; an open file, or an iterable of bytes: `ocireg_blob_put_stream`."""
        name = text("repository", repository)
        result: BlobPut
        if is_path(source):
            result = self._invoke("ocireg_blob_put_file", name, text("source", source), options=options)
        elif is_memory(source):
            result = self._invoke("ocireg_blob_put_memory", name, *lent("source", source), options=options)
        else:
            result = self._invoke("ocireg_blob_put_stream", name, options=options, source=source)
        return result

    def delete_blob(self, reference: Name, **options: Unpack[CallOptions]) -> BlobDelete:
        """Deletes a blob: `ocireg_blob_delete`."""
        result: BlobDelete = self._invoke("ocireg_blob_delete", text("reference", reference), options=options)
        return result

    def copy_blob(self, source: Name, destination: Name, **options: Unpack[BlobCopyOptions]) -> BlobCopy:
        """Copies one blob, and nothing else, from any place, PLACE@DIGEST, into a repository, a layout, an archive or "dir:DIR":
        `ocireg_blob_copy`."""
        places = text("source", source), text("destination", destination)
        result: BlobCopy = self._invoke("ocireg_blob_copy", *places, options=options)
        return result

    def mount_blob(self, reference: Name, source: Name | None = None, **options: Unpack[MountOptions]) -> BlobMount:
        """Makes a blob out of the same one in another repository of the registry, without moving its bytes. source: that repository, with
        its host; None lets the registry find it: `ocireg_blob_mount`."""
        where = None if source is None else text("source", source)
        result: BlobMount = self._invoke("ocireg_blob_mount", text("reference", reference), where, options=options)
        return result
