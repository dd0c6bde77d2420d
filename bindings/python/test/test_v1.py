"""Protocol v1, against docker-registry 0.9.1."""

from __future__ import annotations

import io
import json
import os
import unittest
import uuid

import helper


class V1Test(helper.Case):
    def setUp(self) -> None:
        super().setUp()
        self.v1 = self.client.v1
        self.old = helper.registry("V1")
        self.repository = f"{self.old}/python/r{uuid.uuid4().hex[:8]}"
        self.id = uuid.uuid4().hex * 2
        self.json = json.dumps({"id": self.id}).encode()
        self.layer = os.urandom(300_000)

    def put(self) -> None:
        self.assertTrue(self.v1.put_image(self.repository, self.json)["uploaded"])
        self.v1.put_layer(self.repository, self.json, self.layer)
        self.v1.put_tag(f"{self.repository}:one", self.id)

    def test_asking(self) -> None:
        self.put()
        self.assertEqual(self.v1.ping(self.old)["status"], 200)
        self.assertEqual(self.client.detect(self.old), 1)
        self.assertEqual(self.v1.tags(self.repository)["tags"], {"one": self.id})
        self.assertEqual(self.v1.tag(f"{self.repository}:one"), self.id)
        self.assertEqual(self.v1.ancestry(self.repository, self.id), [self.id])
        self.assertEqual(self.v1.image(self.repository, self.id)["id"], self.id)
        self.assertEqual(json.loads(self.v1.image_bytes(self.repository, self.id))["id"], self.id)
        self.assertTrue(self.v1.images(self.repository)["endpoint"])
        self.assertEqual(self.v1.search(self.old, self.repository.split("/")[-1], n=5)["num_results"], 1)

    def test_layers(self) -> None:
        self.put()
        self.assertEqual(self.v1.layer(self.repository, self.id), self.layer)
        self.assertEqual(self.v1.layer(self.repository, self.id, offset=10, length=5), self.layer[10:15])
        with self.v1.open_layer(self.repository, self.id) as reader:
            self.assertEqual(reader.read(), self.layer)
            self.assertEqual(reader.info["id"], self.id)
        out = io.BytesIO()
        self.assertTrue(self.v1.layer_to_file(self.repository, self.id, out)["verified"])
        self.assertEqual(out.getvalue(), self.layer)
        path = self.folder() / "layer"
        self.assertEqual(self.v1.layer_to_file(self.repository, self.id, path)["path"], str(path))
        self.assertEqual(path.read_bytes(), self.layer)

    def test_a_layer_from_a_file_and_its_checksum(self) -> None:
        path = self.folder() / "layer"
        path.write_bytes(self.layer)
        self.v1.put_image(self.repository, bytearray(self.json))
        put = self.v1.put_layer(self.repository, self.json, path, finish=False)
        self.v1.put_checksum(self.repository, self.id, put["checksum"])
        self.v1.put_tag(f"{self.repository}:one", self.id)
        self.assertEqual(self.v1.layer(self.repository, self.id), self.layer)
        self.v1.delete_tag(f"{self.repository}:one")
        self.assertEqual(self.v1.tags(self.repository)["tags"], {})
        self.assertEqual(self.v1.delete_repository(self.repository)["status"], 200)

    def test_push(self) -> None:
        image = self.put_real_image()
        pushed = self.v1.push(image, f"{self.repository}:one", platform="linux/amd64")
        self.assertEqual(pushed["digest"], self.client.manifest_digest(image))
        self.assertEqual(self.v1.tag(f"{self.repository}:one"), pushed["id"])
        self.assertTrue(self.client.copy(f"docker-v1://{self.repository}:one", f"oci:{self.folder()}/layout:one")["digest"])

    def test_login(self) -> None:
        self.assertEqual(self.v1.login(self.old, username="somebody", password="something")["username"], "somebody")


if __name__ == "__main__":
    unittest.main()
