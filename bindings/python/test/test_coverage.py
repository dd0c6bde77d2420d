"""Everything that the C API has is here: compared with the header, the list of symbols and the schemas of results."""

from __future__ import annotations

import ast
import graphlib
import inspect
import json
import re
import unittest
from typing import Any

import calls
import helper
import ocireg
from ocireg import _native, constants, errors, options, results

HEADER = (helper.ROOT / "include/ocireg.h").read_text()
TYPES = {
    "int32_t": "i", "ocireg_status": "i", "int64_t": "l", "uint32_t": "u", "size_t": "z", "bool": "b", "void": "v", "double": "d",
    "const char *": "s",
}  # fmt: skip
# Functions whose options are not keyword arguments: a job's events are those that its context has callbacks for.
OF_JOBS = {"job_new", "job_answer"}
# What a type of the header may be in Python.
OPTION_TYPES = {
    "string": {"str", "Path", "Mapping[str, str] | Iterable[str]"},
    "integer": {"int", "int | HasFileno"},
    "number": {"float"},
    "boolean": {"bool"},
    "list of strings": {
        "Iterable[str]",
        "Mapping[str, str] | Iterable[str]",
        "Iterable[Path]",
        "Iterable[str | Mapping[str, str | bool]]",
    },
    "string or list of strings": {"str | Iterable[str]", "Path | Iterable[Path]"},
}


def letter(declaration: str) -> str:
    text = re.sub(r"\s+", " ", declaration.strip())
    text = re.sub(r"\w+$", "", text).strip() if text != "void" else text
    return TYPES.get(text) or ("p" if "*" in text or text.endswith("_fn") else f"unknown {declaration}")


def prototypes() -> dict[str, tuple[str, str]]:
    code = re.sub(r"//[^\n]*|/\*.*?\*/", " ", HEADER, flags=re.S)
    found = re.findall(r"^((?:const )?\w+ \*?)ocireg_(\w+)\(([^;{]*?)\);", code, flags=re.M)
    return {
        name: ("".join(letter(one) for one in parameters.split(",") if one.strip() != "void"), letter(result + "x"))
        for result, name, parameters in found
    }


def comments() -> dict[str, str]:
    """The comment of each function."""
    return {name: text for text, name in re.findall(r"((?:^//[^\n]*\n)+)ocireg_status ocireg_(\w+)\(", HEADER, flags=re.M)}


def header_options(text: str) -> dict[str, str]:
    """The options in a comment, with their types."""
    return dict(
        re.findall(
            r"^//   ([a-z][a-z0-9_]*) \((string or list of strings|list of strings|string|integer|boolean|number)\b", text, flags=re.M
        )
    )


def taken() -> dict[str, dict[str, Any]]:
    """The options that the methods for each C function take, with their types: from their signatures."""
    found: dict[str, dict[str, Any]] = {}
    for file in (helper.PACKAGE / "ocireg").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if not isinstance(node, ast.FunctionDef):
                continue
            mine: dict[str, Any] = {
                one.arg: ast.unparse(one.annotation or ast.Constant("")) for one in (*node.args.kwonlyargs, *node.args.args)
            }
            if node.args.kwarg and node.args.kwarg.annotation:
                kind = re.fullmatch(r"Unpack\[(\w+)\]", ast.unparse(node.args.kwarg.annotation))
                mine.update(members(getattr(options, kind[1])) if kind else {})
            for name in re.findall(r"(?:library\.|['\"])ocireg_(\w+)", ast.unparse(node)):
                found.setdefault(name, {}).update(mine)
    return found


def members(kind: Any) -> dict[str, str]:
    """The members of a TypedDict, and their types as they are written."""
    return {name: getattr(one, "__forward_arg__", str(one)) for name, one in kind.__annotations__.items()}


class CoverageTest(unittest.TestCase):
    def test_every_function_is_declared_as_in_the_header(self) -> None:
        wanted = prototypes()
        self.assertGreater(len(wanted), 100)
        ours = {**_native.OTHERS, **{name: (parameters, "i") for name, parameters in _native.STATUSES.items()}}
        self.assertEqual(wanted, ours)
        symbols = re.findall(r"^ocireg_(\w+)$", (helper.ROOT / "tests/abi/symbols.txt").read_text(), flags=re.M)
        self.assertEqual(sorted(symbols), sorted(ours))

    def test_every_function_is_called(self) -> None:
        text = "".join(file.read_text() for file in (helper.PACKAGE / "ocireg").rglob("*.py"))
        for name in calls.names():
            with self.subTest(name):
                called = re.search(rf"library\.ocireg_{name}\b|\"ocireg_{name}\"", text) is not None
                self.assertNotEqual(called, name in calls.C_ONLY, calls.C_ONLY.get(name, "no method calls it"))

    def test_the_readme_says_what_is_not_here(self) -> None:
        """By name, but for the JSON reader and what a job needs, and for what C needs and Python has in another form."""
        text = (helper.PACKAGE / "README.md").read_text()
        for name in calls.C_ONLY:
            if not re.match("json_|job_|error_|options_", name):
                with self.subTest(name):
                    self.assertIn(f"`ocireg_{name}`", text)

    def test_every_option_can_be_given(self) -> None:
        found, seen = taken(), set()
        for name, text in comments().items():
            for option, kind in header_options(text).items():
                seen.add(option)
                if name in OF_JOBS:
                    continue
                with self.subTest(f"{name}: {option}"):
                    self.assertIn(option, found[name])
                    # Lists that are arguments have the type of these.
                    self.assertIn(found[name][option].removesuffix(" | None"), OPTION_TYPES[kind] | {"Path | Iterable[Path]"})
        self.assertEqual(seen, set(re.findall(r'^#define OCIREG_OPT_\w+ "(\w+)"', HEADER, flags=re.M)))
        self.assertGreater(len(seen), 100)

    def test_no_option_is_taken_that_the_library_does_not_know(self) -> None:
        known = set(re.findall(r'^#define OCIREG_OPT_\w+ "(\w+)"', HEADER, flags=re.M)) | {"context", "timeout"}
        for name in options.__all__:
            with self.subTest(name):
                self.assertLessEqual(set(members(getattr(options, name))), known)

    def test_the_options_of_the_credentials_callback(self) -> None:
        text = re.search(r"((?:^//[^\n]*\n)+)typedef int32_t \(\*ocireg_credentials_fn", HEADER, flags=re.M)
        assert text
        self.assertEqual(set(header_options(text[1])), set(members(options.Credentials)))

    def test_every_text_of_the_header_is_a_constant(self) -> None:
        found = re.findall(r'^#define OCIREG_(MEDIA_TYPE_|DEFAULT_)(\w+) "(.*)"$', HEADER, flags=re.M)
        self.assertGreater(len(found), 15)
        for group, name, text in found:
            with self.subTest(name):
                value = getattr(ocireg.MediaType, name) if group == "MEDIA_TYPE_" else getattr(constants, group + name)
                self.assertEqual(value, text)
        ours = [name for name in vars(ocireg.MediaType) if name.isupper()]
        self.assertEqual(len(ours), sum(group == "MEDIA_TYPE_" for group, *_ in found))

    def test_there_is_a_class_for_every_code(self) -> None:
        found = {int(code): name for name, code in re.findall(r"^#define OCIREG_([A-Z0-9_]+) (\d+)$", HEADER, flags=re.M)}
        del found[0]
        codes = {code: name for code, name in found.items() if not name.startswith(("VERSION", "JSON_"))}
        ours = {code: kind.NAME for code, kind in errors.ERRORS.items()}
        self.assertEqual({code: ocireg.status_name(code) for code in ours}, ours)
        self.assertEqual(codes, ours)
        for kind in errors.ERRORS.values():
            self.assertIs(getattr(ocireg, kind.__name__), kind)

    def test_every_member_of_a_result_is_described(self) -> None:
        shapes = {shape.replace("_", "-"): kind for shape, kind in SHAPES.items()}
        schemas = {file.stem: json.loads(file.read_text()) for file in (helper.ROOT / "tests/schemas").glob("*.json")}
        self.assertEqual(set(schemas), set(shapes) | OTHERWISE)
        for name, kind in shapes.items():
            with self.subTest(name):
                self.compare(schemas[name], kind, name)

    def compare(self, schema: dict[str, Any], kind: str, where: str) -> None:
        """Each member of the schema has a counterpart of the TypedDict of that name, at every depth, and there are no others."""
        if "properties" not in schema:
            return
        ours = members(getattr(results, kind))
        wanted = set(schema["properties"])
        required = set(schema.get("required", wanted))
        self.assertLessEqual(wanted, set(ours), where)
        if where != "document":
            self.assertEqual(wanted, set(ours), where)
        for member, below in schema["properties"].items():
            text = ours[member]
            optional = text.startswith("NotRequired")
            if where not in ("manifest", "document"):
                self.assertEqual(optional, member not in required, f"{where}.{member}")
            nullable = "None" in re.split(r"\W+", text)
            says_null = "null" in json.dumps({key: below[key] for key in below if key in ("type", "anyOf")})
            if not text.endswith("Any") and below.get("type") not in ("object", "array"):
                self.assertEqual(nullable, says_null, f"{where}.{member}")
            for part in (below, below.get("items", {}), *below.get("anyOf", [])):
                inner = [word for word in re.findall(r"\w+", text) if word in results.__all__]
                if "properties" in part:
                    self.assertEqual(len(inner), 1, f"{where}.{member}")
                    self.compare(part, inner[0], f"{where}.{member}")
                if "$ref" in part:
                    self.assertEqual(SHAPES[part["$ref"].removesuffix(".json").replace("-", "_")], inner[0])

    def test_no_module_needs_one_that_needs_it(self) -> None:
        """Not even for types only: then each can be read after those that it names."""
        package = helper.ROOT / "bindings/python/ocireg"
        files = {path.relative_to(package).with_suffix("").parts: path for path in package.rglob("*.py")}
        needs: dict[tuple[str, ...], set[tuple[str, ...]]] = {}
        for name, path in files.items():
            found = needs[name] = set()
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.ImportFrom) and node.level:
                    folder = (*name[: len(name) - node.level], *(node.module.split(".") if node.module else ()))
                    for one in [(*folder, alias.name) for alias in node.names]:
                        found.add(next(way for way in (one, (*one, "__init__"), folder, (*folder, "__init__")) if way in files))
        self.assertGreater(sum(map(len, needs.values())), 50)
        graphlib.TopologicalSorter(needs).prepare()  # a circle is an error that names it

    def test_everything_public_is_documented(self) -> None:
        for name in ocireg.__all__:
            one = getattr(ocireg, name)
            if not inspect.isclass(one) and not inspect.isfunction(one):
                continue
            self.assertTrue(inspect.getdoc(one), name)
            for member, value in vars(one).items() if inspect.isclass(one) else ():
                if not member.startswith("_") and (inspect.isfunction(value) or isinstance(value, property)):
                    self.assertTrue(value.__doc__, f"{name}.{member}")


# The TypedDict for each schema.
SHAPES = {
    "artifact_pull": "PulledArtifact", "artifact_push": "PushedArtifact",
    "blob_copy": "BlobCopy", "blob_delete": "BlobDelete", "blob_event": "BlobProgress",
    "blob_get": "BlobGet", "blob_head": "BlobHead", "blob_info": "BlobInfo",
    "blob_mount": "BlobMount", "blob_put": "BlobPut", "catalog": "RepositoryList", "copy": "CopyResult", "descriptor": "Descriptor",
    "detect": "Detected", "document": "ManifestInfo", "endpoint": "Place",
    "endpoint_list": "PlaceList", "endpoint_manifest": "PlaceManifest", "endpoint_referrers": "PlaceReferrers",
    "error": "ErrorDetails", "explain": "Explanation",
    "image_append": "ImageAppend", "image_cat": "ImageFile", "image_config": "ImageConfig",
    "image_export": "ImageExport", "image_extract": "ImageExtract",
    "image_files": "ImageFiles", "image_size_one": "ImageSize", "image_tag": "ImageTag",
    "image_validate": "Validation", "index": "RegistryName", "index_write": "WrittenIndex",
    "located": "Located", "layout_check": "LayoutCheck", "layout_clean": "LayoutClean", "login": "Login", "logout": "Logout",
    "manifest": "ManifestInfo", "manifest_delete": "ManifestDelete", "manifest_head": "ManifestHead", "manifest_put": "ManifestPut",
    "ping": "Ping", "platform": "Platform", "progress": "Progress", "rate_limit": "RateLimit", "reference": "ReferenceParts",
    "referrers": "ReferrerList", "repository_remove": "RepositoryRemove", "schema1": "Schema1", "schema1_key": "Schema1KeyInfo",
    "session": "Session", "sync": "SyncResult", "tag_delete": "TagDelete", "tags": "TagList", "token": "Token",
    "unpacked_layer": "UnpackedLayer", "v1_ancestry": "V1Ancestry",
    "v1_image": "V1Image", "v1_images": "V1Images", "v1_layer": "V1Layer", "v1_login": "V1Login", "v1_ping": "V1Ping",
    "v1_push": "V1Push", "v1_put_image": "V1PutImage", "v1_put_layer": "V1PutLayer", "v1_search": "V1Search", "v1_status": "V1Status",
    "v1_tag": "V1Tag", "v1_tags": "V1Tags",
}  # fmt: skip
# Schemas of what has no one shape: ImageSize or AllImagesSize, dicts of several kinds, a list.
OTHERWISE = {"image-size", "log-event", "warnings"}

if __name__ == "__main__":
    unittest.main()
