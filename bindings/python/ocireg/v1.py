"""Protocol v1, which registries spoke before 2015."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._caller import Caller, last, text
from ._memory import Bytes, Json, ReaderHandle, lent
from .blobs import is_path
from .reader import BlobReader

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ._memory import ClientHandle
    from .context import Context
    from .options import CallOptions, LayerOptions, LayerSaveOptions, PlatformOptions, SearchOptions, V1LoginOptions, V1PutLayerOptions
    from .results import (
        V1Image,
        V1Images,
        V1Layer,
        V1Login,
        V1Ping,
        V1Push,
        V1PutImage,
        V1PutLayer,
        V1Search,
        V1Status,
        V1Tags,
    )
    from .types import Buffer, Name, Path, Sink


class V1(Caller):
    """The calls of protocol v1: `Client.v1`. A repository is [HOST[:PORT]/]REPOSITORY, an id 64 hexadecimal digits."""

    def __init__(self, handle: ClientHandle, defaults: Context) -> None:
        self._handle = handle
        self._defaults = defaults

    def ping(self, registry: Name, **options: Unpack[CallOptions]) -> V1Ping:
        """Asks a registry whether it speaks protocol v1: `ocireg_v1_ping`."""
        result: V1Ping = self._invoke("ocireg_v1_ping", text("registry", registry), options=options)
        return result

    def search(self, registry: Name, term: str, **options: Unpack[SearchOptions]) -> V1Search:
        """Searches an index for repositories: `ocireg_v1_search`."""
        arguments = (text("registry", registry), text("term", term))
        result: V1Search = self._invoke("ocireg_v1_search", *arguments, options=options)
        return result

    def images(self, repository: Name, **options: Unpack[CallOptions]) -> V1Images:
        """Lists the images of a repository as the index knows them: `ocireg_v1_images`."""
        result: V1Images = self._invoke("ocireg_v1_images", text("repository", repository), options=options)
        return result

    def tags(self, repository: Name, **options: Unpack[CallOptions]) -> V1Tags:
        """Lists the tags of a repository and their images: `ocireg_v1_tags`."""
        result: V1Tags = self._invoke("ocireg_v1_tags", text("repository", repository), options=options)
        return result

    def tag(self, reference: Name, **options: Unpack[CallOptions]) -> str:
        """The id of a tag's image: `ocireg_v1_tag`."""
        result: str = self._invoke("ocireg_v1_tag", text("reference", reference), options=options, then=lambda found: found["id"])
        return result

    def ancestry(self, repository: Name, id: str, **options: Unpack[CallOptions]) -> list[str]:
        """The ids of an image and its ancestors: `ocireg_v1_ancestry`."""
        arguments = (text("repository", repository), text("id", id))
        result: list[str] = self._invoke("ocireg_v1_ancestry", *arguments, options=options, then=lambda found: found["ancestry"])
        return result

    def image(self, repository: Name, id: str, **options: Unpack[CallOptions]) -> V1Image:
        """An image's JSON: `ocireg_v1_image`."""
        arguments = (text("repository", repository), text("id", id))
        result: V1Image = self._invoke("ocireg_v1_image", *arguments, options=options, outs=(Json, Bytes))
        return result

    def image_bytes(self, repository: Name, id: str, **options: Unpack[CallOptions]) -> bytes:
        """The exact bytes of an image's JSON: `ocireg_v1_image`."""
        arguments = (text("repository", repository), text("id", id))
        result: bytes = self._invoke("ocireg_v1_image", *arguments, options=options, outs=(Json, Bytes), then=last)
        return result

    def layer(self, repository: Name, id: str, **options: Unpack[LayerOptions]) -> bytes:
        """Gets an image's layer into memory: `ocireg_v1_layer_memory`."""
        arguments = (text("repository", repository), text("id", id))
        result: bytes = self._invoke("ocireg_v1_layer_memory", *arguments, options=options, outs=(Json, Bytes), then=last)
        return result

    def layer_to_file(self, repository: Name, id: str, sink: Sink, **options: Unpack[LayerSaveOptions]) -> V1Layer:
        """Gets an image's layer into a file by its path: `ocireg_v1_layer_file`; or into an open file, a descriptor, or anything with
        `write`, as `Client.blob_to_file` does: `ocireg_v1_layer_fd`."""
        arguments = (text("repository", repository), text("id", id))
        result: V1Layer
        if is_path(sink):
            result = self._invoke("ocireg_v1_layer_file", *arguments, text("sink", sink), options=options)
        else:
            result = self._invoke("ocireg_v1_layer_fd", *arguments, options=options, sink=sink)
        return result

    def open_layer(self, repository: Name, id: str, **options: Unpack[LayerOptions]) -> BlobReader:
        """Opens an image's layer for reading: `ocireg_v1_layer_open`."""
        arguments = (text("repository", repository), text("id", id))
        reader: BlobReader = self._open(ReaderHandle, "ocireg_v1_layer_open", *arguments, options=options, then=BlobReader)
        return reader

    def login(self, registry: Name, **options: Unpack[V1LoginOptions]) -> V1Login:
        """Checks a user's password, or makes an account: `ocireg_v1_login`."""
        result: V1Login = self._invoke("ocireg_v1_login", text("registry", registry), options=options)
        return result

    def put_image(self, repository: Name, image: Buffer, **options: Unpack[CallOptions]) -> V1PutImage:
        """Puts an image's JSON, its bytes unchanged: `ocireg_v1_put_image`."""
        arguments = (text("repository", repository), *lent("image", image))
        result: V1PutImage = self._invoke("ocireg_v1_put_image", *arguments, options=options)
        return result

    def put_layer(self, repository: Name, image: Buffer, layer: Buffer | Path, **options: Unpack[V1PutLayerOptions]) -> V1PutLayer:
        """Puts the layer of an image whose JSON was put, from memory: `ocireg_v1_put_layer`; or from a file by its path:
        `ocireg_v1_put_layer_file`."""
        arguments = (text("repository", repository), *lent("image", image))
        result: V1PutLayer
        if is_path(layer):
            result = self._invoke("ocireg_v1_put_layer_file", *arguments, text("layer", layer), options=options)
        else:
            result = self._invoke("ocireg_v1_put_layer", *arguments, *lent("layer", layer), options=options)
        return result

    def put_checksum(self, repository: Name, id: str, checksum: str, **options: Unpack[CallOptions]) -> V1Status:
        """Puts the checksum of an image whose layer was put with finish=False: `ocireg_v1_put_checksum`."""
        arguments = (text("repository", repository), text("id", id), text("checksum", checksum))
        result: V1Status = self._invoke("ocireg_v1_put_checksum", *arguments, options=options)
        return result

    def push(self, source: Name, reference: Name, **options: Unpack[PlatformOptions]) -> V1Push:
        """Pushes an image from any place as a chain of old ones: `ocireg_v1_push`."""
        names = (text("source", source), text("reference", reference))
        result: V1Push = self._invoke("ocireg_v1_push", *names, options=options)
        return result

    def put_tag(self, reference: Name, id: str, **options: Unpack[CallOptions]) -> V1Status:
        """Puts a tag on an image: `ocireg_v1_put_tag`."""
        arguments = (text("reference", reference), text("id", id))
        result: V1Status = self._invoke("ocireg_v1_put_tag", *arguments, options=options)
        return result

    def delete_tag(self, reference: Name, **options: Unpack[CallOptions]) -> V1Status:
        """Deletes a tag: `ocireg_v1_delete_tag`."""
        result: V1Status = self._invoke("ocireg_v1_delete_tag", text("reference", reference), options=options)
        return result

    def delete_repository(self, repository: Name, **options: Unpack[CallOptions]) -> V1Status:
        """Deletes a repository with all its tags: `ocireg_v1_delete_repository`."""
        result: V1Status = self._invoke("ocireg_v1_delete_repository", text("repository", repository), options=options)
        return result
