"""What protocol v1 and schema 1 return."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    from typing_extensions import NotRequired


class Schema1KeyInfo(TypedDict):
    """A key for schema-1 manifests."""

    key_id: str  # Its id.
    key_type: str  # The kind of key.
    crv: str | None  # The curve.
    public_key: str  # Its public part in PEM.


class Schema1History(TypedDict):
    """Schema1History."""

    id: str  # The image's id.
    parent: str | None  # The id of the one beneath.
    throwaway: bool  # Whether it changed no file.


class Schema1Signature(TypedDict):
    """Schema1Signature."""

    key_id: str  # The key's id.
    key_type: str  # The kind of key.
    algorithm: str  # The algorithm.
    x5c: bool  # Whether the key came in a certificate.
    subject: str | None  # Whose certificate.
    time: str | None  # When, as the signer says.
    trusted: bool  # Whether it was asked for.


class Schema1(TypedDict):
    """A signed schema-1 manifest."""

    digest: str  # Of the payload.
    name: str  # The repository.
    tag: str  # The tag.
    architecture: str | None  # The architecture.
    fs_layers: list[str]  # The layers, the topmost first.
    history: list[Schema1History]  # The images, the topmost first.
    signatures: list[Schema1Signature]  # The signatures on it.


class V1Ancestry(TypedDict):
    """An image and its ancestors."""

    id: str  # The image's id.
    ancestry: list[str]  # Itself, its parent, and so on.


class V1Image(TypedDict):
    """An image of version 1."""

    id: str  # Its id.
    size: int | None  # The bytes of its layer, as the registry has it.
    checksum: str | None  # What the registry says of its bytes.
    image: dict[str, Any]  # Its JSON.
    headers: dict[str, Any]  # The headers of the answer.


class V1ImageEntry(TypedDict):
    """V1ImageEntry."""

    id: str  # The image's id.


class V1Images(TypedDict):
    """The images of a repository."""

    name: str  # The repository.
    images: list[V1ImageEntry]  # The images.
    endpoint: str  # The registry that has them.


class V1Layer(TypedDict):
    """A layer that was delivered."""

    id: str  # The image's id.
    checksum: str | None  # What the registry says of the image's bytes.
    verified: bool  # Whether the bytes were checked against it.
    size: int | None  # The bytes of the whole layer.
    offset: int  # The first byte delivered.
    length: int  # The bytes delivered.
    resumed: int  # The bytes that an earlier call had left.
    path: NotRequired[str]  # The file.
    skipped: NotRequired[bool]  # Whether the file was there already, whole and right.


class V1Login(TypedDict):
    """A login by protocol v1."""

    status: str  # What Docker showed.
    username: str  # The user name.
    created: bool  # Whether the account was made.


class V1Ping(TypedDict):
    """A registry of protocol v1."""

    registry: str  # The registry host.
    url: str  # Where it is.
    status: int  # The HTTP status.
    version: str | None  # Its X-Docker-Registry-Version.
    standalone: bool | None  # Whether it is its own index.
    body: Any  # Its answer, parsed; null when it is not JSON.
    headers: dict[str, Any]  # The headers of the answer.


class V1PushedImage(TypedDict):
    """V1PushedImage."""

    id: str  # Its id.
    layer: str | None  # The digest of its layer.
    size: int  # The bytes of its layer.
    uploaded: bool  # Whether it was put now.


class V1Push(TypedDict):
    """An image that was pushed as old ones."""

    source: str  # From where.
    destination: str  # To where.
    digest: str  # Of the image's manifest.
    id: str  # What the tag stands for now.
    images: list[V1PushedImage]  # The old images, the lowest first.
    served_by: list[str]  # The endpoints that sent it: the source's registry, its mirrors, or several of them.


class V1PutImage(TypedDict):
    """An image that was put."""

    id: str  # Its id.
    uploaded: bool  # Whether it was put now.


class V1PutLayer(TypedDict):
    """A layer that was put."""

    id: str  # The image's id.
    size: int  # The bytes of the layer.
    checksum: str  # Over the JSON, a newline and the layer.
    uploaded: bool  # Whether it was put now.


class V1SearchResult(TypedDict):
    """V1SearchResult."""

    name: str  # The repository.


class V1Search(TypedDict):
    """What an index found."""

    query: str  # What was searched for.
    num_results: int  # How many there are.
    results: list[V1SearchResult]  # The repositories.


class V1Status(TypedDict):
    """What the registry answered."""

    status: int  # The HTTP status.


class V1Tag(TypedDict):
    """The image of a tag."""

    tag: str  # The tag.
    id: str  # The image's id.


class V1Tags(TypedDict):
    """The tags of a repository and their images."""

    name: str  # The repository.
    tags: dict[str, str]  # The image of each tag.
