"""A registry, its repositories and their tags."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ._caller import Caller, pages, text

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .options import CallOptions, CatalogOptions, PingOptions, RemoveOptions, TagDeleteOptions, TagsOptions
    from .results import Ping, RepositoryList, RepositoryRemove, TagDelete, TagList
    from .types import Name

# How many names the iterators request at a time.
PAGE_SIZE = 100


class Registries(Caller):
    """Calls for registries, repositories and tags. A registry is HOST[:PORT], a repository [HOST[:PORT]/]REPOSITORY."""

    def ping(self, registry: Name, **options: Unpack[PingOptions]) -> Ping:
        """Asks a registry whether and how it speaks the protocol: `ocireg_registry_ping`."""
        result: Ping = self._invoke("ocireg_registry_ping", text("registry", registry), options=options)
        return result

    def detect(self, registry: Name, **options: Unpack[CallOptions]) -> int:
        """Which protocol a registry speaks, 2 or 1: `ocireg_registry_detect`."""
        result: int = self._invoke(
            "ocireg_registry_detect", text("registry", registry), options=options, then=lambda found: found["api_version"]
        )
        return result

    def repositories(self, registry: Name, **options: Unpack[CatalogOptions]) -> RepositoryList:
        """Lists the repositories of a registry; with `n` one page: `ocireg_registry_catalog`."""
        result: RepositoryList = self._invoke("ocireg_registry_catalog", text("registry", registry), options=options)
        return result

    def iter_repositories(self, registry: Name, **options: Unpack[CatalogOptions]) -> Iterator[str]:
        """The repositories of a registry, requested page by page, `n` at a time."""
        options.setdefault("n", PAGE_SIZE)
        return pages(lambda **more: self.repositories(registry, **more), "repositories", options)

    def tags(self, repository: Name, **options: Unpack[TagsOptions]) -> TagList:
        """Lists the tags of a repository; with `n` one page: `ocireg_repository_tags`."""
        result: TagList = self._invoke("ocireg_repository_tags", text("repository", repository), options=options)
        return result

    def iter_tags(self, repository: Name, **options: Unpack[TagsOptions]) -> Iterator[str]:
        """The tags of a repository, requested page by page, `n` at a time."""
        options.setdefault("n", PAGE_SIZE)
        return pages(lambda **more: self.tags(repository, **more), "tags", options)

    def remove_repository(self, repository: Name, **options: Unpack[RemoveOptions]) -> RepositoryRemove:
        """Deletes everything in a repository: `ocireg_repository_remove`."""
        result: RepositoryRemove = self._invoke("ocireg_repository_remove", text("repository", repository), options=options)
        return result

    def delete_tag(self, reference: Name, **options: Unpack[TagDeleteOptions]) -> TagDelete:
        """Deletes one tag, REPOSITORY:TAG, and leaves its manifest: `ocireg_tag_delete`."""
        result: TagDelete = self._invoke("ocireg_tag_delete", text("reference", reference), options=options)
        return result
