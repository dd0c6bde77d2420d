"""Protocol v1 for asyncio."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ..options import CallOptions, LayerOptions, LayerSaveOptions, PlatformOptions, SearchOptions, V1LoginOptions, V1PutLayerOptions
    from ..results import V1Image, V1Images, V1Layer, V1Login, V1Ping, V1Push, V1PutImage, V1PutLayer, V1Search, V1Status, V1Tags
    from ..types import Buffer, Name, Path, Sink
    from .reader import AsyncBlobReader


class AsyncV1:
    """The calls of protocol v1: `AsyncClient.v1`. A repository is [HOST[:PORT]/]REPOSITORY, an id 64 hexadecimal digits."""

    def __init__(self, calls: Any) -> None:
        # Its methods give futures of what they give in V1.
        self._calls = calls

    async def ping(self, registry: Name, **options: Unpack[CallOptions]) -> V1Ping:
        """Asks a registry whether it speaks protocol v1: `ocireg_v1_ping`."""
        result: V1Ping = await self._calls.ping(registry, **options)
        return result

    async def search(self, registry: Name, term: str, **options: Unpack[SearchOptions]) -> V1Search:
        """Searches an index for repositories: `ocireg_v1_search`."""
        result: V1Search = await self._calls.search(registry, term, **options)
        return result

    async def images(self, repository: Name, **options: Unpack[CallOptions]) -> V1Images:
        """Lists the images of a repository as the index knows them: `ocireg_v1_images`."""
        result: V1Images = await self._calls.images(repository, **options)
        return result

    async def tags(self, repository: Name, **options: Unpack[CallOptions]) -> V1Tags:
        """Lists the tags of a repository and their images: `ocireg_v1_tags`."""
        result: V1Tags = await self._calls.tags(repository, **options)
        return result

    async def tag(self, reference: Name, **options: Unpack[CallOptions]) -> str:
        """The id of a tag's image: `ocireg_v1_tag`."""
        result: str = await self._calls.tag(reference, **options)
        return result

    async def ancestry(self, repository: Name, id: str, **options: Unpack[CallOptions]) -> list[str]:
        """The ids of an image and its ancestors: `ocireg_v1_ancestry`."""
        result: list[str] = await self._calls.ancestry(repository, id, **options)
        return result

    async def image(self, repository: Name, id: str, **options: Unpack[CallOptions]) -> V1Image:
        """An image's JSON: `ocireg_v1_image`."""
        result: V1Image = await self._calls.image(repository, id, **options)
        return result

    async def image_bytes(self, repository: Name, id: str, **options: Unpack[CallOptions]) -> bytes:
        """The exact bytes of an image's JSON: `ocireg_v1_image`."""
        result: bytes = await self._calls.image_bytes(repository, id, **options)
        return result

    async def layer(self, repository: Name, id: str, **options: Unpack[LayerOptions]) -> bytes:
        """Gets an image's layer into memory: `ocireg_v1_layer_memory`."""
        result: bytes = await self._calls.layer(repository, id, **options)
        return result

    async def layer_to_file(self, repository: Name, id: str, sink: Sink, **options: Unpack[LayerSaveOptions]) -> V1Layer:
        """Gets an image's layer into a file by its path: `ocireg_v1_layer_file`; or into an open file, a descriptor, or anything with
        `write`, as `AsyncClient.blob_to_file` does: `ocireg_v1_layer_fd`."""
        result: V1Layer = await self._calls.layer_to_file(repository, id, sink, **options)
        return result

    async def open_layer(self, repository: Name, id: str, **options: Unpack[LayerOptions]) -> AsyncBlobReader:
        """Opens an image's layer for reading: `ocireg_v1_layer_open`."""
        result: AsyncBlobReader = await self._calls.open_layer(repository, id, **options)
        return result

    async def login(self, registry: Name, **options: Unpack[V1LoginOptions]) -> V1Login:
        """Checks a user's password, or makes an account: `ocireg_v1_login`."""
        result: V1Login = await self._calls.login(registry, **options)
        return result

    async def put_image(self, repository: Name, image: Buffer, **options: Unpack[CallOptions]) -> V1PutImage:
        """Puts an image's JSON, its bytes unchanged: `ocireg_v1_put_image`."""
        result: V1PutImage = await self._calls.put_image(repository, image, **options)
        return result

    async def put_layer(self, repository: Name, image: Buffer, layer: Buffer | Path, **options: Unpack[V1PutLayerOptions]) -> V1PutLayer:
        """Puts the layer of an image whose JSON was put, from memory: `ocireg_v1_put_layer`; or from a file by its path:
        `ocireg_v1_put_layer_file`."""
        result: V1PutLayer = await self._calls.put_layer(repository, image, layer, **options)
        return result

    async def put_checksum(self, repository: Name, id: str, checksum: str, **options: Unpack[CallOptions]) -> V1Status:
        """Puts the checksum of an image whose layer was put with finish=False: `ocireg_v1_put_checksum`."""
        result: V1Status = await self._calls.put_checksum(repository, id, checksum, **options)
        return result

    async def push(self, source: Name, reference: Name, **options: Unpack[PlatformOptions]) -> V1Push:
        """Pushes an image from any place as a chain of old ones: `ocireg_v1_push`."""
        result: V1Push = await self._calls.push(source, reference, **options)
        return result

    async def put_tag(self, reference: Name, id: str, **options: Unpack[CallOptions]) -> V1Status:
        """Puts a tag on an image: `ocireg_v1_put_tag`."""
        result: V1Status = await self._calls.put_tag(reference, id, **options)
        return result

    async def delete_tag(self, reference: Name, **options: Unpack[CallOptions]) -> V1Status:
        """Deletes a tag: `ocireg_v1_delete_tag`."""
        result: V1Status = await self._calls.delete_tag(reference, **options)
        return result

    async def delete_repository(self, repository: Name, **options: Unpack[CallOptions]) -> V1Status:
        """Deletes a repository with all its tags: `ocireg_v1_delete_repository`."""
        result: V1Status = await self._calls.delete_repository(repository, **options)
        return result
