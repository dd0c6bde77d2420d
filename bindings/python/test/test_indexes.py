"""Indexes."""

from __future__ import annotations

import asyncio
import hashlib
import unittest

import helper
import ocireg
import ocireg.aio


class IndexesTest(helper.Case):
    def images(self, repository: str, *architectures: str) -> list[str]:
        layer = self.folder() / "layer.tar"
        layer.write_bytes(helper.tar(file="text"))
        names = {one: f"{repository}-{one}:v1" for one in architectures}
        for one, name in names.items():
            self.client.append_image(name, layer, scratch=True, platform=f"linux/{one}")
        return list(names.values())

    def test_made_and_changed(self) -> None:
        repository = self.new_repository()
        place, (amd64, arm64, s390x) = f"{repository}:v1", self.images(repository, "amd64", "arm64", "s390x")
        made = self.client.create_index(place, [amd64, arm64], annotations=["a=b"])
        self.assertEqual([one["platform"]["architecture"] for one in made["manifests"]], ["amd64", "arm64"])
        self.assertEqual((made["before"], made["copied"]["manifests"]["total"]), (None, 3))
        added = self.client.append_to_index(place, s390x, replace=True)
        self.assertEqual((len(added["manifests"]), added["before"], added["attempts"]), (3, made["digest"], 1))
        gone = self.client.remove_from_index(place, made["manifests"][0]["digest"], platform=["linux/arm64"])
        self.assertEqual([len(gone[part]) for part in ("removed", "manifests")], [2, 1])
        planned = self.client.append_to_index(place, amd64, put_as="v2", entry_annotations=["c=d"], tags=["v3"], dry_run=True)
        manifest = planned["manifest"] or ""
        self.assertEqual(planned["digest"], "sha256:" + hashlib.sha256(manifest.encode()).hexdigest())
        named = self.client.append_to_index(place, amd64, put_as="v2", entry_annotations=["c=d"], tags=["v3"])
        self.assertEqual((named["digest"], named["before"], named["tags"]), (planned["digest"], gone["digest"], ["v3"]))
        with self.assertRaises(ocireg.NotFound):
            self.client.append_to_index(f"{repository}:none", [s390x])
        with self.assertRaises(ocireg.InvalidArgument):
            self.client.remove_from_index(place)

    def test_by_an_event_loop(self) -> None:
        repository = self.new_repository()
        names = self.images(repository, "amd64", "arm64")

        async def run() -> None:
            async with ocireg.aio.AsyncClient(plain_http=True) as client:
                made = await client.create_index(f"{repository}:v1", names[0])
                both = [client.append_to_index(f"{repository}:{tag}", names, create=True) for tag in ("v1", "v2")]
                sizes = [len(one["manifests"]) for one in await asyncio.gather(*both)]
                gone = await client.remove_from_index(f"{repository}:v1", [made["manifests"][0]["digest"]])
                self.assertEqual((sizes, len(gone["manifests"])), ([2, 2], 1))

        asyncio.run(run())


if __name__ == "__main__":
    unittest.main()
