"""The client for asyncio, on the library's jobs."""

from __future__ import annotations

from .client import AsyncClient
from .reader import AsyncBlobReader
from .session import AsyncUploadSession
from .upload import AsyncUpload
from .v1 import AsyncV1

__all__ = ["AsyncBlobReader", "AsyncClient", "AsyncUpload", "AsyncUploadSession", "AsyncV1"]
