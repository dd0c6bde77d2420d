#!/usr/bin/env python3
"""Writes what the library is made of, as CycloneDX 1.5: the crates that are linked into it on this system, with their licences and
checksums. The same for the same Cargo.lock."""

import json
import pathlib
import subprocess
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[2]


def cargo(*arguments):
    return subprocess.run(["cargo", *arguments, "--locked"], cwd=ROOT, check=True, capture_output=True, text=True).stdout


def linked():
    """The names and versions of what is linked into the library."""
    tree = cargo("tree", "-e", "normal,no-proc-macro", "--prefix", "none", "--format", "{p}")
    pairs = {tuple(line.split()[:2]) for line in tree.splitlines() if line.strip()}
    return sorted((name, version.removeprefix("v")) for name, version in pairs if name != "ocireg")


def component(package, sum_of):
    name, version = package["name"], package["version"]
    purl = f"pkg:cargo/{name}@{version}"
    part = {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}
    if package["description"]:
        part["description"] = " ".join(package["description"].split())
    part["licenses"] = [{"expression": package["license"].replace("/", " OR ")}]
    part["hashes"] = [{"alg": "SHA-256", "content": sum_of[name, version]}]
    if package["repository"]:
        part["externalReferences"] = [{"type": "vcs", "url": package["repository"]}]
    return part


def main():
    packages = {(p["name"], p["version"]): p for p in json.loads(cargo("metadata", "--format-version", "1"))["packages"]}
    lock = tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]
    sum_of = {(p["name"], p["version"]): p.get("checksum", "") for p in lock}
    own = next(package for (name, _), package in packages.items() if name == "ocireg")
    itself = {"type": "library", "name": "ocireg", "version": own["version"], "purl": f"pkg:cargo/ocireg@{own['version']}"}
    itself["licenses"] = [{"expression": own["license"]}]
    parts = [component(packages[pair], sum_of) for pair in linked()]
    whole = {"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1, "metadata": {"component": itself}, "components": parts}
    print(json.dumps(whole, indent=2))


if __name__ == "__main__":
    main()
