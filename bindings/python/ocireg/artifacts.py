"""Artifacts: files under titles, at any place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from . import _convert
from ._call import READ_FUNCTION, Call
from ._caller import Caller, text
from ._memory import ArtifactHandle, check, lent, made
from ._native import library
from ._source import fill

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .options import ArtifactAttachOptions, ArtifactPullOptions, ArtifactPushOptions, PartOptions
    from .results import PulledArtifact, PushedArtifact
    from .types import ArtifactFile, Name, Path


class Artifacts(Caller):
    """Calls for artifacts, at any place that `Images` names."""

    def push_artifact(self, place: Name, files: Iterable[Path | ArtifactFile], **options: Unpack[ArtifactPushOptions]) -> PushedArtifact:
        """Makes an artifact of files, folders and bytes, as oras does, and puts it at a place; the same files give the same artifact:
        `ocireg_artifact_push`. files: paths, or dicts with one of `path`, `data` and `stream`, and what it is called."""
        artifact = self._artifact(files)
        result: PushedArtifact = self._invoke("ocireg_artifact_push", artifact, text("place", place), options=options)
        return result

    def attach_artifact(
        self, place: Name, files: Iterable[Path | ArtifactFile], **options: Unpack[ArtifactAttachOptions]
    ) -> PushedArtifact:
        """Makes an artifact that is about what a place names, and puts it beside that: `ocireg_artifact_attach`. files: as for
        `push_artifact`."""
        artifact = self._artifact(files)
        result: PushedArtifact = self._invoke("ocireg_artifact_attach", artifact, text("place", place), options=options)
        return result

    def pull_artifact(self, place: Name, folder: Path, **options: Unpack[ArtifactPullOptions]) -> PulledArtifact:
        """Pulls the files of an artifact into a folder, under their titles. A file appears only when all of them are there, whole and
        verified, and nothing is written outside of the folder: `ocireg_artifact_pull`."""
        names = (text("place", place), text("folder", folder))
        result: PulledArtifact = self._invoke("ocireg_artifact_pull", *names, options=options)
        return result

    def _artifact(self, files: Iterable[Path | ArtifactFile]) -> ArtifactHandle:
        artifact: ArtifactHandle = made(ArtifactHandle(), library.ocireg_artifact_new)
        for file in files:
            given: Any = file if isinstance(file, Mapping) else {"path": file}
            self._add(artifact, **given)
        return artifact

    def _add(self, artifact: ArtifactHandle, path: Any = None, data: Any = None, stream: Any = None, **named: Unpack[PartOptions]) -> None:
        handle = _convert.options(named)
        if data is not None:
            check(library.ocireg_artifact_add_memory, artifact, *lent("data", data), handle)
        elif stream is not None:
            with Call(self._defaults) as call:
                call.source = fill(stream)
                call.run(library.ocireg_artifact_add_stream, artifact, READ_FUNCTION, call.number, handle)
        else:
            check(library.ocireg_artifact_add_file, artifact, text("path", path), handle)
