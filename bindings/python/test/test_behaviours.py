"""The behaviours that all bindings share: tests/behaviours. A step or a key that is not known fails."""

from __future__ import annotations

import io
import json
import re
import threading
import time
import unittest
from collections.abc import Callable
from typing import Any

import helper
import ocireg

BEHAVIOURS = json.loads((helper.ROOT / "tests/behaviours/behaviours.json").read_text())["behaviours"]
EXPECTED = {"gives", "contains", "fails", "says", "http_status", "within_ms", "as"}
HOW = {"deadline_ms", "cancel_after_ms", "close_after_ms", "threads", "times"}


class Steps:
    """The steps in Python. `options` has the context."""

    def __init__(self, client: ocireg.Client, options: Any) -> None:
        self.client = client
        self.options = options

    def parse_reference(self, reference: str) -> Any:
        return ocireg.Reference(reference).parts

    def digest(self, text: str) -> Any:
        return ocireg.digest(text.encode())

    def ping(self, registry: str) -> Any:
        return self.client.ping(registry, **self.options)

    def repositories(self, registry: str) -> Any:
        return list(self.client.iter_repositories(registry, **self.options))

    def tags(self, repository: str, page_size: int | None = None) -> Any:
        return list(self.client.iter_tags(repository, **({"n": page_size} if page_size else {}), **self.options))

    def put_blob(self, repository: str, text: str, stream: bool = False) -> Any:
        if not stream:
            return self.client.put_blob(repository, text.encode(), **self.options)["digest"]
        with self.client.upload(repository, **self.options) as upload:
            upload.write(text.encode())
        return upload.result["digest"]

    def has_blob(self, reference: str) -> Any:
        return self.client.has_blob(reference, **self.options)

    def get_blob(self, reference: str, stream: bool = False) -> Any:
        if not stream:
            return self.client.blob(reference, **self.options).decode()
        with self.client.open_blob(reference, **self.options) as reader:
            return reader.read().decode()

    def delete_blob(self, reference: str) -> None:
        self.client.delete_blob(reference, **self.options)

    def put_manifest(self, reference: str, text: str, media_type: str) -> Any:
        return self.client.put_manifest(reference, text.encode(), media_type=media_type, **self.options)["digest"]

    def manifest(self, reference: str) -> Any:
        return self.client.manifest(reference, **self.options).info

    def manifest_text(self, reference: str) -> Any:
        return bytes(self.client.manifest(reference, **self.options)).decode()

    def manifest_digest(self, reference: str) -> Any:
        return self.client.manifest_digest(reference, **self.options)

    def delete_manifest(self, reference: str) -> None:
        self.client.delete_manifest(reference, **self.options)

    def copy(self, source: str, destination: str) -> Any:
        return self.client.copy(source, destination, **self.options)

    def push_artifact(self, destination: str, **file: Any) -> Any:
        return self.client.push_artifact(destination, [part(**file)], **self.options)["digest"]

    def attach_artifact(self, destination: str, **file: Any) -> Any:
        return self.client.attach_artifact(destination, [part(**file)], **self.options)["digest"]

    def pull_artifact(self, source: str, destination: str) -> Any:
        return self.client.pull_artifact(source, destination, **self.options)

    def close(self) -> None:
        self.client.close()


def part(text: str, title: str, stream: bool = False) -> Any:
    return {"stream": io.BytesIO(text.encode()), "title": title} if stream else {"data": text.encode(), "title": title}


class Run:
    def __init__(self, test: helper.Case, behaviour: dict[str, Any]) -> None:
        self.test = test
        self.behaviour = behaviour
        self.texts = {
            "registry": test.registry, "secured": helper.registry("HTPASSWD"), "token": helper.registry("TOKEN"),
            "password": "s3cret:with colon", "silent": helper.SILENT, "closed": "127.0.0.1:1",
            "repository": test.new_repository().partition("/")[2], "folder": str(test.folder()),
        }  # fmt: skip
        self.client = ocireg.Client(plain_http=True, hosts=self.filled(behaviour.get("hosts", {})))

    def filled(self, value: Any) -> Any:
        """Replaces every ${NAME} in every text."""
        if isinstance(value, str):
            return re.sub(r"\$\{(\w+)\}", lambda found: self.texts[found[1]], value)
        if isinstance(value, list):
            return [self.filled(element) for element in value]
        if isinstance(value, dict):
            return {self.filled(key): self.filled(element) for key, element in value.items()}
        return value

    def run(self) -> None:
        for step in self.behaviour["steps"]:
            kept, step = step.get("as"), self.filled(step)
            arguments = {key: value for key, value in step.items() if key != "do" and key not in EXPECTED | HOW}

            def one(step: Any = step, kept: Any = kept, arguments: Any = arguments) -> None:
                for _ in range(step.get("times", 1)):
                    self.check(step, kept, lambda: self.perform(step, arguments))

            if "threads" in step:
                for join in [self.test.in_thread(one) for _ in range(step["threads"])]:
                    join(60)
            else:
                one()

    def perform(self, step: dict[str, Any], arguments: dict[str, Any]) -> Any:
        context = ocireg.Context(timeout=step["deadline_ms"] / 1000 if "deadline_ms" in step else None)
        for key, function in (("cancel_after_ms", context.cancel), ("close_after_ms", self.client.close)):
            if key in step:
                threading.Timer(step[key] / 1000, function).start()
        return getattr(Steps(self.client, {"context": context}), step["do"])(**arguments)

    def check(self, step: dict[str, Any], kept: str | None, perform: Callable[[], Any]) -> None:
        begun = time.monotonic()
        if "fails" in step:
            with self.test.assertRaises(ocireg.Error, msg=step) as raised:
                perform()
            self.test.assertEqual(raised.exception.name, step["fails"], raised.exception)
            self.test.assertIn(step.get("says", ""), str(raised.exception))
            self.test.assertEqual(raised.exception.http_status, step.get("http_status", raised.exception.http_status))
        else:
            result = perform()
            if "gives" in step:
                self.check_given(step["gives"], result, step["do"])
            self.test.assertLessEqual(set(step.get("contains", [])), set(result) if "contains" in step else set())
            if kept:
                self.texts[kept] = result
        self.test.assertLess((time.monotonic() - begun) * 1000, step.get("within_ms", 1e9), step)

    def check_given(self, wanted: Any, got: Any, where: str) -> None:
        """Of an object only the members that are named, at every depth."""
        if isinstance(wanted, dict):
            for key, member in wanted.items():
                self.check_given(member, got[key], f"{where}.{key}")
        elif isinstance(wanted, list):
            self.test.assertEqual(len(wanted), len(got), where)
            for element, other in zip(wanted, got, strict=True):
                self.check_given(element, other, where)
        else:
            self.test.assertEqual(wanted, got, where)


class BehavioursTest(helper.Case):
    def test_there_are_behaviours(self) -> None:
        self.assertGreater(len(BEHAVIOURS), 30)


def add(number: int, behaviour: dict[str, Any]) -> None:
    def test(self: helper.Case) -> None:
        self.assertLessEqual(set(behaviour), {"name", "hosts", "steps"})
        Run(self, behaviour).run()

    test.__doc__ = behaviour["name"]
    setattr(BehavioursTest, f"test_{number:02}_" + re.sub(r"\W+", "_", behaviour["name"]), test)


for number, behaviour in enumerate(BEHAVIOURS):
    add(number, behaviour)

if __name__ == "__main__":
    unittest.main()
