"""What every method does, against real registries."""

from __future__ import annotations

import concurrent.futures
import io
import json
import ssl
import tarfile
import unittest
import urllib.request
from pathlib import Path
from typing import Any

import helper
import ocireg


class RegistryTest(helper.Case):
    def tokens(self, total: int) -> str:
        """A registry with that many names, ten a page, whose cursors are its own tokens: for anything else it begins again."""

        def answer(method: str, path: str, query: dict[str, str]) -> Any:
            token = query.get("next_page", "")
            begin = int(token[4:]) if token.startswith("gAAA") else 0
            size = min(int(query.get("n", 10)), 10)
            names = [f"t{number:05}" for number in range(begin, min(begin + size, total))]
            more = {"Link": f'<{path}?n={size}&next_page=gAAA{begin + size}>; rel="next"'} if begin + size < total else {}
            page = {"repositories": names} if path.endswith("_catalog") else {"name": "a", "tags": names}
            return 200, more, json.dumps(page).encode()

        return self.serve(answer)

    def test_ping_and_detect(self) -> None:
        self.assertEqual(self.client.ping(self.registry)["api_version"], 2)
        self.assertEqual(self.client.ping(self.registry, version=2)["status"], 200)
        self.assertEqual(self.client.detect(self.registry), 2)

    def test_mirrors(self) -> None:
        paths: list[str] = []

        def serve(status: int, body: bytes) -> str:
            def answer(method: str, path: str, query: dict[str, str]) -> Any:
                paths.append(path)
                return status, {}, body

            return self.serve(answer)

        lacks, has = serve(404, b""), serve(200, b"right")
        digest = ocireg.digest(b"right")
        with ocireg.Client(plain_http=True) as client:
            mirrors = [lacks, {"endpoint": f"{has}/proxy", "by_digest_only": True}]
            client.set_host("registry.example", mirrors=mirrors, mirrors_only=True)
            with client.open_blob(f"registry.example/a@{digest}") as reader:
                self.assertEqual((reader.read(), reader.info["served_by"]), (b"right", has))
            self.assertEqual(paths, [f"/v2/a/blobs/{digest}", f"/v2/proxy/a/blobs/{digest}"])
            endpoints = client.explain("registry.example/a")["endpoints"]
            self.assertEqual([endpoint["repository"] for endpoint in endpoints], ["a", "proxy/a"])
            with self.assertRaises(ocireg.InvalidArgument):
                client.set_host("registry.example", mirrors=[{"push": True}])

    def test_signatures(self) -> None:
        folder = self.folder()
        (folder / "r.yaml").write_text("docker: {r.example: {lookaside: 'https://s.example/all', use-sigstore-attachments: true}}")
        with ocireg.Client(registries_d=folder) as client:
            found = client.explain("r.example/a")["signatures"]
            assert found is not None
            self.assertEqual((found["lookaside"], found["lookaside_staging"]), ("https://s.example/all",) * 2)
            self.assertEqual((found["use_sigstore_attachments"], found["lookaside_source"]), (True, f"{folder}/r.yaml:1"))
            self.assertIsNone(client.explain("other.example/a")["signatures"])

    def test_pages(self) -> None:
        repository = self.put_image(tag="a").removesuffix(":a")
        manifest = self.client.manifest(f"{repository}:a")
        for tag in "bcde":
            self.client.put_manifest(f"{repository}:{tag}", manifest)
        self.assertEqual(self.client.tags(repository)["tags"], list("abcde"))
        page = self.client.tags(repository, n=2)
        self.assertEqual((page["last"], page["tags"]), ("b", ["a", "b"]))
        self.assertEqual(list(self.client.iter_tags(repository, n=2)), list("abcde"))
        self.assertEqual(list(self.client.iter_tags(repository, n=2, last="b")), list("cde"))
        name = repository.partition("/")[2]
        self.assertIn(name, list(self.client.iter_repositories(self.registry, n=3)))
        self.assertEqual(self.client.repositories(self.registry, search=repository[-12:])["repositories"], [name])
        digests = self.client.tags(repository, digests=True)["digests"]
        self.assertEqual(set(digests.values()), {manifest.digest})
        self.client.put_manifest(f"{repository}:{manifest.digest.replace(':', '-')}.sig", manifest)
        self.assertEqual(list(self.client.iter_tags(repository, n=2, digest_tags=False)), list("abcde"))

    def test_names_that_are_taken(self) -> None:
        image = self.put_image(tag="a")
        repository, manifest = image.removesuffix(":a"), self.client.manifest(image)
        put = self.client.put_manifest(repository, manifest, tags=["a", "b"], if_exists="skip")
        self.assertEqual((put["tags"], put["skipped"], put["condition"]), (["b"], ["a"], "looked"))
        self.assertEqual(self.client.tags(repository)["tags"], ["a", "b"])
        with self.assertRaises(ocireg.DigestMismatch) as caught:
            self.client.tag_image(image, "b", if_exists="fail")
        self.assertEqual(caught.exception.conflict, {"name": "b", "digest": manifest.digest})
        copied = self.client.copy(image, f"{repository}:b", if_exists="skip")
        self.assertEqual((copied["skipped"], copied["blobs"]["total"]), (["b"], 0))
        self.assertEqual(self.client.tag_image(image, "b", if_digest=manifest.digest)["condition"], "looked")

    def test_whole_repositories(self) -> None:
        image = self.put_image(tag="v1.0")
        repository, manifest = image.removesuffix(":v1.0"), self.client.manifest(image)
        for tag in ("v1.1", "v2.0", "latest"):
            self.client.put_manifest(f"{repository}:{tag}", manifest)
        backup = f"oci:{self.folder()}/layout"
        synced = self.client.sync(repository, backup, semver=["^1"])
        self.assertEqual(synced["tags"], {"selected": 2, "copied": 2, "skipped": 0, "pruned": 0, "failed": 0})
        self.assertEqual(sorted(self.client.list_place(backup)["tags"]), ["v1.0", "v1.1"])
        self.assertEqual(self.client.sync(backup, self.new_repository())["tags"]["copied"], 2)
        again = self.client.sync_list(f"{repository} {backup} # all\n{repository}:none {backup}\n", dry_run=True)
        self.assertEqual(again["tags"], {"selected": 5, "copied": 2, "skipped": 2, "pruned": 0, "failed": 1})
        error = again["error"]
        assert error is not None
        failed = [one["state"] for one in again["images"] if one["error"]]
        self.assertEqual((failed, error["code"]), (["failed"], 5))
        host, name = repository.split("/", 1)
        many = f"oci:{self.folder()}/many"
        listed = self.client.sync_list(f"'{host}':\n  images:\n    {name}: [latest]\n", many, list_format="skopeo")
        self.assertEqual(listed["images"][0]["destination"], f"{many}:{repository}:latest")

    def test_blob_info_cache(self) -> None:
        folder, image = self.folder(), self.put_image()
        layout = f"oci:{folder}/layout:v1"
        self.client.copy(image, layout)
        for mounted in (0, 2):
            with ocireg.Client(plain_http=True, blob_info_cache=folder / "what-is-where") as client:
                copied = client.copy(layout, f"{self.new_repository()}:b")
                self.assertEqual(copied["blobs"]["mounted"], mounted)

    def test_pages_by_token(self) -> None:
        host = self.tokens(25)
        wanted = [f"t{number:05}" for number in range(25)]
        for size in (2, 10, 100):
            self.assertEqual(list(self.client.iter_tags(f"{host}/a", n=size)), wanted)
            self.assertEqual(list(self.client.iter_repositories(host, n=size)), wanted)
        page = self.client.tags(f"{host}/a", n=3)
        self.assertEqual(self.client.tags(f"{host}/a", n=3, next=page["next"])["tags"], wanted[3:6])
        self.assertEqual(list(self.client.iter_tags(f"{host}/a", next=page["next"])), wanted[3:])
        with self.assertRaises(ocireg.InvalidArgument):
            self.client.tags(f"{host}/b", next=page["next"])

    def test_pages_that_go_round(self) -> None:
        def same(method: str, path: str, query: dict[str, str]) -> Any:
            return 200, {"Link": f"<?at={int(query.get('at', 0)) + 1}>"}, b'{"tags":["x","y"],"repositories":["x","y"]}'

        host = self.serve(same)
        with self.assertRaises(ocireg.ProtocolError):
            list(self.client.iter_tags(f"{host}/a", n=1))
        with self.assertRaises(ocireg.ProtocolError):
            list(self.client.iter_repositories(host, n=2))

    def test_pages_are_of_100(self) -> None:
        """As in the other languages."""
        asked: list[str | None] = []

        def answer(_: str, path: str, query: dict[str, str]) -> helper.Answer:
            asked.append(query.get("n"))
            return 200, {}, json.dumps({"repositories": []} if path.endswith("_catalog") else {"name": "a", "tags": []}).encode()

        host = self.serve(answer)
        list(self.client.iter_tags(f"{host}/a"))
        list(self.client.iter_repositories(host))
        self.assertEqual(asked, ["100", "100"])

    def test_iterators_are_lazy(self) -> None:
        self.assertEqual(next(self.client.iter_tags(self.put_image().removesuffix(":one"))), "one")
        self.client.iter_tags(f"{helper.SILENT}/a")
        with self.assertRaises(ocireg.TimeoutError):
            next(self.client.iter_tags(f"{helper.SILENT}/a", timeout=0.1))

    def test_a_manifest(self) -> None:
        reference = self.put_image(annotations={"a": "b"})
        manifest = self.client.manifest(reference)
        self.assertEqual((manifest.media_type, manifest.kind, manifest.is_index), (helper.IMAGE, "image", False))
        self.assertEqual(ocireg.digest(bytes(manifest)), manifest.digest)
        self.assertEqual(self.client.manifest_digest(reference), manifest.digest)
        self.assertEqual(self.client.manifest_head(reference)["digest"], manifest.digest)
        self.assertEqual(len(bytes(manifest)), manifest.size)
        self.assertEqual(manifest["annotations"]["a"], "b")
        self.assertIn("layers", manifest)
        self.assertEqual(manifest.repository, reference.removesuffix(":one"))
        self.assertEqual(manifest.layer("application/octet-stream"), manifest.layers[0])
        self.assertEqual((manifest.layer(), manifest.layer("other"), manifest.layer(position=1)), (manifest.layers[0], None, None))
        self.assertEqual(manifest.layers[0]["size"], 5)
        assert manifest.config and manifest.reference
        self.assertEqual(manifest.config["size"], 2)
        self.assertEqual((manifest.manifests, manifest.platform), ([], None))
        self.assertTrue(manifest.reference.endswith(f"@{manifest.digest}"))
        again = self.client.manifest(manifest.reference)
        self.assertEqual((manifest, hash(manifest)), (again, hash(again)))
        self.assertEqual(ocireg.inspect_manifest(bytes(manifest), media_type=helper.IMAGE), manifest)
        self.assertEqual(ocireg.inspect_manifest(memoryview(bytes(manifest))).info["kind"], "image")
        self.assertIsNone(ocireg.inspect_manifest(bytes(manifest)).reference)
        self.assertIn(manifest.digest, repr(manifest))

    def test_a_manifest_of_its_parts(self) -> None:
        layer = {"mediaType": "text/plain", "digest": ocireg.digest(b"a"), "size": 1}
        made = ocireg.build_manifest({"artifactType": "application/x", "layers": [layer]})
        self.assertEqual((made.info["kind"], made.digest), ("artifact", ocireg.digest(bytes(made))))
        self.assertEqual(made.layers, [layer])
        with self.assertRaisesRegex(ocireg.InvalidManifest, '"layer"'):
            ocireg.build_manifest({"layer": []})

    def test_manifests_of_every_kind_of_input(self) -> None:
        reference = self.put_image()
        data = bytes(self.client.manifest(reference))
        for given in (data, bytearray(data), memoryview(data), memoryview(bytearray(data)), json.loads(data)):
            put = self.client.put_manifest(f"{reference}-{type(given).__name__}", given, tags=["more"])
            self.assertIn("more", put["tags"])

    def test_names_can_be_objects(self) -> None:
        reference = self.put_image()
        self.assertEqual(self.client.manifest_digest(ocireg.Reference(reference)), self.client.manifest_digest(reference))
        with self.assertRaises(TypeError):
            self.client.manifest(5)
        with self.assertRaisesRegex(ocireg.InvalidArgument, "NUL"):
            self.client.manifest("a\0b")
        with self.assertRaisesRegex(ocireg.InvalidArgument, "Unicode"):
            self.client.manifest("a\udc80b")

    def test_deleting(self) -> None:
        reference = self.put_image()
        repository = reference.removesuffix(":one")
        digest = self.client.manifest_digest(reference)
        self.assertEqual(self.client.delete_tag(reference)["digest"], digest)
        self.assertEqual(self.client.delete_manifest(f"{repository}@{digest}")["status"], 202)
        with self.assertRaises(ocireg.NotFound):
            self.client.manifest(f"{repository}@{digest}")
        self.assertEqual(self.client.remove_repository(self.put_image().removesuffix(":one"), dry_run=True)["tags"], 1)

    def test_referrers(self) -> None:
        reference = self.put_image()
        head = self.client.manifest_head(reference)
        subject = {name: head[name] for name in ("mediaType", "digest", "size")}
        for number in range(3):
            kind = f"application/x.note{number}"
            self.put_image(repository=reference.removesuffix(":one"), tag=f"note{number}", subject=subject, artifactType=kind)
        self.assertEqual(len(self.client.referrers(reference)["referrers"]), 3)
        kinds = sorted(one["artifactType"] for one in self.client.iter_referrers(reference, max=2))
        self.assertEqual(kinds, [f"application/x.note{number}" for number in range(3)])
        self.assertEqual(list(self.client.iter_referrers(reference, artifact_type="other/type")), [])

    def test_images(self) -> None:
        image = self.put_real_image()
        self.assertEqual(self.client.image_config(image)["config"]["architecture"], "amd64")
        self.assertEqual(json.loads(self.client.image_config_bytes(image, platform="linux/amd64"))["os"], "linux")
        self.assertEqual(len(self.client.image_size(image)["layers"]), 1)
        report = self.client.validate_image(image)
        self.assertEqual((report["valid"], report["problems"], report["blobs"]), (True, [], 2))
        self.assertTrue(self.client.validate_image(image, quick=True, referrers=True)["quick"])
        out = io.BytesIO()
        self.assertEqual(self.client.image_file(image, "greeting", out)["path"].lstrip("/"), "greeting")
        self.assertEqual(out.getvalue(), b"hello")
        self.assertEqual([(file["path"], file["type"], file["size"]) for file in self.client.iter_files(image)], [("/greeting", "file", 5)])
        self.assertEqual([file["path"] for file in self.client.image_files(image, paths=["greet*"])["files"]], ["/greeting"])
        with self.assertRaises(ocireg.NotFound):
            self.client.image_files(image, paths=["none"])
        self.assertTrue(self.client.tag_image(image, "two")["destination"].endswith(":two"))
        folder = self.folder()
        self.client.extract_image(image, folder / "files")
        self.assertEqual((folder / "files/greeting").read_text(), "hello")
        self.client.extract_image(image, folder / "some", paths=["greet*"])
        self.assertEqual([path.name for path in (folder / "some").iterdir()], ["greeting"])
        with self.assertRaises(ocireg.NotFound):
            self.client.extract_image(image, folder / "none", paths=["none"])
        archive = io.BytesIO()
        exported = self.client.export_image(image, archive)
        self.assertEqual(self.client.export_image(image, folder / "image.tar")["size"], exported["size"])
        self.assertEqual((folder / "image.tar").read_bytes(), archive.getvalue())
        archive.seek(0)
        with tarfile.open(fileobj=archive) as opened:
            self.assertEqual(opened.getnames(), ["greeting"])
        (folder / "more.tar").write_bytes(helper.tar(more="more"))
        self.client.append_image(image, [folder / "more.tar"], to=f"{image}-more")
        self.client.append_image(image, str(folder / "more.tar"), to=f"oci:{folder}/appended:one")
        self.client.image_file(f"{image}-more", "more", folder / "out")
        self.assertEqual((folder / "out").read_text(), "more")

    def test_layouts(self) -> None:
        image, folder = self.put_image(), self.folder()
        copied = self.client.copy(image, f"oci:{folder}/layout:one", concurrency=2)
        self.assertEqual(copied["digest"], self.client.manifest_digest(image))
        self.assertTrue(self.client.check_layout(folder / "layout")["ok"])
        place = f"oci:{folder}/layout"
        self.assertEqual(self.client.list_place(place)["images"][0]["names"], ["one"])
        self.assertEqual(self.client.place_manifest(place)["digest"], copied["digest"])
        self.assertEqual(len(self.client.place_manifest_bytes(place)), self.client.place_manifest(place)["size"])
        self.assertEqual(self.client.place_referrers(place)["referrers"], [])
        self.assertEqual(self.client.clean_layout(str(folder / "layout"))["removed"], [])
        with (folder / "image.tar").open("wb") as archive:
            self.client.copy(image, "oci-archive:-:one", destination_fd=archive)
        with (folder / "image.tar").open("rb") as archive:
            again = self.client.copy("oci-archive:-", f"{image}-again", source_fd=archive.fileno())
        self.assertEqual(again["digest"], copied["digest"])
        plan = self.client.copy(image, f"oci:{folder}/other:one", dry_run=True)["plan"]
        self.assertEqual(len(plan["blobs"]), 2)

    def test_accounts(self) -> None:
        host, file = helper.registry("HTPASSWD"), self.folder() / "config.json"
        login = self.client.login(host, username="alice", password="s3cret:with colon", credentials_file=file)
        self.assertEqual(login["auth"], "basic")
        other = ocireg.Client(plain_http=True, credentials_file=file)
        self.assertEqual(other.explain(f"{host}/a")["credentials"]["username"], "alice")
        self.assertEqual(other.repositories(host)["last"], None)
        self.assertEqual(self.client.logout(host, credentials_file=file)["from"], [str(file)])

    def test_a_token_for_others(self) -> None:
        host = helper.registry("TOKEN")
        client = ocireg.Client()
        client.set_host(host, username="alice", password="s3cret:with colon")
        token = client.token(f"{host}/py/token", actions=["pull", "push"], scope="repository:py/other:pull")
        assert token["header"] is not None
        self.assertEqual(token["header"]["value"], f"Bearer {token['token']}")
        self.assertEqual(len(token["scopes"]), 2)
        self.assertTrue(client.token(f"{host}/py/token", min_validity_ms=1000)["cached"])
        self.assertNotEqual(client.token(f"{host}/py/token", refused=token["token"])["token"], token["token"])
        self.assertIsNone(self.client.token(f"{self.registry}/py/token")["header"])

    def test_places_for_others(self) -> None:
        image = self.put_image()
        repository = image.rpartition(":")[0]
        blob = f"{repository}@{self.client.put_blob(repository, b'located')['digest']}"
        for found in (self.client.blob_locate(blob), self.client.manifest_locate(image, check=True)):
            self.assertEqual(found["repository"], repository)
            place = found["locations"][0]
            with urllib.request.urlopen(urllib.request.Request(place["url"], headers=place["headers"])) as answer:
                data = answer.read()
            self.assertEqual((len(data), ocireg.digest(data)), (found["size"], found["digest"]))
        self.assertIsNone(self.client.blob_locate(blob, follow=False)["size"])

    def test_credentials_from_a_callback(self) -> None:
        host, asked = helper.registry("HTPASSWD"), []

        def answer(name: str) -> ocireg.options.Credentials:
            asked.append(name)
            return {"username": "alice", "password": "s3cret:with colon", "token": None}

        self.client.repositories(host, context=ocireg.Context(credentials=answer))
        self.assertEqual(asked, [host])
        ocireg.Client(plain_http=True, credentials=answer).repositories(host)
        for nothing in (lambda _: None, lambda _: {}):
            with self.assertRaises(ocireg.Unauthenticated):
                ocireg.Client(plain_http=True, credentials=nothing).repositories(host)
        with self.assertRaisesRegex(TypeError, "dict"):
            ocireg.Client(plain_http=True, credentials=lambda _: ["alice"]).repositories(host)

    def test_credentials_that_need_themselves(self) -> None:
        host, asked = helper.registry("HTPASSWD"), []

        def answer(name: str) -> ocireg.options.Credentials:
            asked.append(name)
            if len(asked) == 1:
                with self.assertRaisesRegex(ocireg.Busy, "credentials of"):
                    client.repositories(name)
            return {"username": "alice", "password": "s3cret:with colon"}

        client = ocireg.Client(plain_http=True, credentials=answer)
        client.repositories(host)
        self.assertEqual(asked, [host])
        asked.clear()
        # The same on a thread whose calls are made there.
        client = ocireg.Client(plain_http=True, credentials=answer)
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            pool.submit(client.repositories, host).result()
        self.assertEqual(asked, [host])

    def test_credentials_that_need_those_of_a_new_callback(self) -> None:
        host, alice = helper.registry("HTPASSWD"), {"username": "alice", "password": "s3cret:with colon"}
        client, other = ocireg.Client(plain_http=True), ocireg.Client(plain_http=True)
        refused, asked = [], []

        def catalog(by: ocireg.Client) -> Any:
            return by.repositories(host, context=ocireg.Context(credentials=lambda name: answer(by, name)))

        def answer(by: ocireg.Client, name: str) -> Any:
            asked.append(by)
            if by is client and len(asked) < 5:
                try:
                    catalog(client)
                except ocireg.Busy as error:
                    refused.append(error)
                # Another client is asked for itself.
                self.assertIn("repositories", catalog(other))
            return alice

        self.assertIn("repositories", catalog(client))
        self.assertEqual((len(refused), asked), (1, [client, other]))

    def test_a_token_server(self) -> None:
        host = helper.registry("TOKEN")
        client = ocireg.Client(plain_http=True, hosts={host: {"username": "alice", "password": "s3cret:with colon", "plain_http": True}})
        repository = f"{host}/{self.new_repository().partition('/')[2]}"
        self.assertEqual(client.blob(f"{repository}@{client.put_blob(repository, b'x')['digest']}"), b"x")
        with self.assertRaises(PermissionError):
            self.client.put_blob(repository, b"y")

    def test_tls(self) -> None:
        host = helper.registry("TLS")
        self.assertEqual(ocireg.Client(ca_file=helper.registry("CA")).ping(host)["status"], 200)
        self.assertEqual(ocireg.Client(ca_file=[Path(helper.registry("CA"))], ca_only=True).ping(host)["status"], 200)
        with self.assertRaises(ocireg.TLSError) as raised:
            ocireg.Client().ping(host)
        self.assertIsInstance(raised.exception, OSError)
        self.assertNotIsInstance(raised.exception, ssl.SSLError)
        with self.assertRaises(ocireg.TLSError):
            ocireg.Client(ca_file=helper.registry("OTHER_CA")).ping(host)
        client = ocireg.Client()
        client.set_host(host, insecure=True)
        self.assertEqual(client.ping(host)["status"], 200)

    def test_headers_and_options_of_every_type(self) -> None:
        seen: list[str] = []
        host = self.serve(lambda method, path, query: seen.append(path) or (200, {}, b"{}"))
        client = ocireg.Client(plain_http=True, headers={"X-One": "1"}, requests_per_second=1000.5, retries=0, no_proxy=["a", "b"])
        client.set_host(host, headers=["X-Two: 2"], requests_per_second=None, download_bytes_per_second=1 << 20)
        self.assertEqual(client.ping(host)["status"], 200)
        network = client.explain(f"{host}/a")["network"]
        self.assertEqual((sorted(network["headers"]), network["requests_per_second"]), (["x-one", "x-two"], 1000.5))
        self.assertEqual((network["download_bytes_per_second"], network["upload_bytes_per_second"]), (1 << 20, 0))
        for wrong in ({"retries": "x"}, {"retires": 1}, {"retries": -1}, {"headers": {"Host": "x"}}, {"retries": 1 << 70}):
            with self.assertRaises(ocireg.InvalidArgument) as raised:
                ocireg.Client(**wrong)
            self.assertIn(next(iter(wrong)), str(raised.exception))
        with self.assertRaises(TypeError):
            ocireg.Client(retries=object())

    def test_warnings_and_progress_of_a_context(self) -> None:
        host = helper.registry("REFERRERS")
        context = ocireg.Context()
        self.client.ping(host, context=context)
        self.assertEqual([warning["host"] for warning in context.warnings()], [host])
        self.assertEqual(context.progress()["operation"], "")
        self.client.copy(self.put_image(), f"oci:{self.folder()}/a:b", context=context)
        self.assertEqual((context.progress()["operation"], context.progress()["blobs"]["copied"]), ("copy", 2))

    def test_names(self) -> None:
        name = ocireg.Reference("mongo")
        self.assertEqual(str(name), "docker.io/library/mongo:latest")
        self.assertEqual((name.host, name.repository, name.tag, name.digest), ("docker.io", "library/mongo", "latest", None))
        self.assertEqual((name.official, name.scheme, name.local_name), (True, None, "mongo"))
        self.assertEqual((name.canonical_name, name.canonical), ("docker.io/mongo", "docker.io/mongo:latest"))
        self.assertEqual(ocireg.Reference("a", default_index="h:5").host, "h:5")
        self.assertEqual((name, hash(name)), (ocireg.Reference(str(name)), hash(ocireg.Reference(str(name)))))
        self.assertEqual(repr(name), "Reference('docker.io/library/mongo:latest')")
        self.assertEqual(ocireg.parse_registry("https://h:5")["scheme"], "https")
        self.assertEqual(ocireg.parse_place("oci:a/b:c")["name"], "c")
        self.assertEqual(ocireg.digest(b"", algorithm="sha512")[:12], "sha512:cf83e")
        with self.assertRaises(ValueError):
            ocireg.Reference("UPPER")
        self.assertEqual(ocireg.library_version(), ocireg.__version__)
        self.assertEqual(ocireg.status_name(5), "NOT_FOUND")

    def test_schema1(self) -> None:
        key = ocireg.schema1.key(format="sec1")
        self.assertIn("EC PRIVATE KEY", key)
        vectors = helper.ROOT / "tests/schema1"
        unsigned = ocireg.schema1.payload((vectors / "a.json").read_bytes())
        signed = ocireg.schema1.sign(unsigned, key, time="2015-04-08T18:52:59Z")
        info = ocireg.schema1.key_info(key)
        verified = ocireg.schema1.verify(signed, keys=[info["key_id"]])
        self.assertTrue(verified["signatures"][0]["trusted"])
        self.assertEqual(ocireg.schema1.payload(signed), unsigned)
        with self.assertRaises(ocireg.SignatureError):
            ocireg.schema1.verify((vectors / "bad-signature.json").read_bytes())


if __name__ == "__main__":
    unittest.main()
