"""What needs no registry: names, digests, manifests in memory, and the library's version."""

from __future__ import annotations

import ctypes
import json
from typing import TYPE_CHECKING, Any

from . import _convert
from ._memory import Bytes, Json, Text, lent, made
from ._native import library
from .manifest import Manifest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .results import Place, RegistryName
    from .types import Buffer


def library_version() -> str:
    """The version of the C library: `ocireg_version`."""
    return str(library.ocireg_version().decode())


def status_name(code: int) -> str:
    """The name of a code: status_name(5) is "NOT_FOUND": `ocireg_status_name`."""
    return str(library.ocireg_status_name(code).decode())


def digest(data: Buffer, *, algorithm: str | None = None) -> str:
    """The digest of bytes, "sha256:…"; algorithm: "sha256" or "sha512": `ocireg_digest_bytes`."""
    given = _convert.options({"algorithm": algorithm})
    return str(made(Text(), library.ocireg_digest_bytes, *lent("data", data), given).take())


def parse_registry(name: str) -> RegistryName:
    """Takes the name of a registry apart, [SCHEME://]HOST[:PORT]: `ocireg_index_parse`."""
    result: RegistryName = made(Json(), library.ocireg_index_parse, _convert.text("name", name)).take()
    return result


def parse_place(name: str) -> Place:
    """Takes the name of a place to copy from or to apart: docker://REF, oci:DIR[:NAME], oci-archive:FILE[:NAME],
    docker-archive:FILE[:REF], dir:DIR: `ocireg_endpoint_parse`."""
    result: Place = made(Json(), library.ocireg_endpoint_parse, _convert.text("name", name)).take()
    return result


def inspect_manifest(data: Buffer, *, media_type: str | None = None) -> Manifest:
    """Checks the bytes of a manifest and says what it is; media_type: what they are said to be: `ocireg_manifest_inspect`."""
    given = _convert.options({"media_type": media_type})
    return Manifest(made(Json(), library.ocireg_manifest_inspect, *lent("data", data), given).take(), bytes(data))


def build_manifest(parts: Mapping[str, Any], *, algorithm: str | None = None) -> Manifest:
    """Makes a manifest or an index of its members; algorithm: "sha256" or "sha512", for its digest: `ocireg_manifest_build`."""
    text = _convert.text("parts", json.dumps(parts))
    given = _convert.options({"algorithm": algorithm})
    info = Json()
    content = made(Bytes(), library.ocireg_manifest_build, text, given, ctypes.byref(info)).take()
    return Manifest(info.take(), content)
