"""Images in a cache of their blobs, each layer a file named by its digest, and a tarball as an image of one layer: as Charliecloud's
ch-image pulls and pushes. A registry is given credentials only when it asks for them.

    python image_cache.py pull quay.io/prometheus/busybox cache
    python image_cache.py push root.tar.gz registry.example.com/me/app:1
"""

import functools
import getpass
import os
import sys
from pathlib import Path

import ocireg
from ocireg.options import Credentials


@functools.cache
def ask(host: str) -> Credentials:
    """Asked once for a host, when it refuses anonymous requests."""
    return {
        "username": os.environ.get("CH_IMAGE_USERNAME") or input(f"User name for {host}: "),
        "password": os.environ.get("CH_IMAGE_PASSWORD") or getpass.getpass("Password: "),
    }


def show(done: int, total: int | None) -> None:
    print(f"\r{done} of {total or '?'} bytes", end="", file=sys.stderr)


def pull(client: ocireg.Client, reference: str, cache: Path, context: ocireg.Context, platform: str = "linux/amd64") -> list[Path]:
    """The image's config and layers, the oldest first; what is in the cache already is not requested again."""
    manifest = client.manifest(reference, platform=platform, context=context)
    if limit := manifest.info["rate_limit"]:
        print(f"{limit['remaining']} of {limit['limit']} pulls are left", file=sys.stderr)
    cache.mkdir(parents=True, exist_ok=True)
    (cache / f"{manifest.digest[7:]}.manifest.json").write_bytes(bytes(manifest))
    paths = []
    for blob in [manifest["config"], *manifest.layers]:
        path = cache / (blob["digest"][7:] + (".json" if blob == manifest.config else ".tar.gz"))
        client.blob_to_file(f"{manifest.repository}@{blob['digest']}", path, size=blob["size"], if_exists="skip", context=context)
        paths.append(path)
    return paths


def push(client: ocireg.Client, tarball: str, reference: str, context: ocireg.Context, platform: str = "linux/amd64") -> str:
    """The digest of an image whose only layer is the tarball: the library makes its config and its manifest."""
    return client.append_image("image", tarball, scratch=True, platform=platform, to=reference, context=context)["digest"]


def main(command: str, first: str, second: str) -> None:
    client = ocireg.Client(user_agent="image_cache/1")
    with client, ocireg.Context(progress=show, credentials=ask) as context:
        if command == "push":
            print(push(client, first, second, context))
        else:
            print(*pull(client, first, Path(second), context), sep="\n")


if __name__ == "__main__":
    if len(sys.argv) != 4 or sys.argv[1] not in ("pull", "push"):
        sys.exit("usage: image_cache.py pull REFERENCE DIRECTORY | push TARBALL REFERENCE")
    try:
        main(*sys.argv[1:])
    except ocireg.Error as error:
        sys.exit(f"image_cache: {error.name}: {error}" + (f"\n{error.hint}" if error.hint else ""))
