"""Signed schema-1 manifests, which registries had before 2016."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import _convert
from ._memory import Bytes, Json, Text, lent, made
from ._native import library

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .options import SignOptions, VerifyOptions
    from .results import Schema1, Schema1KeyInfo
    from .types import Buffer


def verify(data: Buffer, **options: Unpack[VerifyOptions]) -> Schema1:
    """Verifies a signed manifest: `ocireg_schema1_verify`."""
    result: Schema1 = made(Json(), library.ocireg_schema1_verify, *lent("data", data), _convert.options(options)).take()
    return result


def payload(data: Buffer) -> bytes:
    """The exact bytes that the signatures sign: `ocireg_schema1_payload`."""
    result: bytes = made(Bytes(), library.ocireg_schema1_payload, *lent("data", data)).take()
    return result


def sign(data: Buffer, key: str, **options: Unpack[SignOptions]) -> bytes:
    """Signs a manifest; key: a private key as PEM text: `ocireg_schema1_sign`."""
    pem = _convert.text("key", key)
    result: bytes = made(Bytes(), library.ocireg_schema1_sign, *lent("data", data), pem, _convert.options(options)).take()
    return result


def key(*, format: str | None = None) -> str:
    """Makes a private key, as PEM text; format: "pkcs8" or "sec1": `ocireg_schema1_key`."""
    return str(made(Text(), library.ocireg_schema1_key, _convert.options({"format": format})).take())


def key_info(pem: str) -> Schema1KeyInfo:
    """What a key is: `ocireg_schema1_key_info`."""
    result: Schema1KeyInfo = made(Json(), library.ocireg_schema1_key_info, _convert.text("pem", pem)).take()
    return result
