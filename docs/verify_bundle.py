#!/usr/bin/env python3
"""Checks a bundle of ProveMetric without a server: docs/bundles.md says what that proves.

    python3 verify_bundle.py KEY PAGE...

KEY is the public half of the registry's signing key, `<name>+<id>+<key>`, from where it was
published. Each PAGE is the JSON of one answer; together they are all pages of one number. Needs
Python 3.9 and the package `cryptography`. The exit code is 0 if everything holds, else 1.
"""

import base64
import hashlib
import json
import re
import sys
from datetime import datetime, timedelta, timezone

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
ED25519 = b"\x01"
# What all pages of a bundle have in common.
SAME = "metric value edition agency group programme effectiveDate revision position synthetic"
# Names of what a number counts, by the first word of its metric.
KINDS = {
    "PLATFORMS": r"platforms/[^/]+",
    "PLANS": r"platforms/[^/]+/plans/[^/]+",
    "TASKS": r"tasks/[^/]+",
}


class Wrong(Exception):
    """Something in the bundle does not hold."""


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def parts_digest(begin, parts):
    """SHA-256 over parts, each after its length."""
    return sha256(begin, *(len(part).to_bytes(8, "big") + part for part in parts))


def decoded(text):
    return base64.b64decode(text or "", validate=True)


def shown(text):
    return "".join(it if it.isprintable() else "?" for it in str(text))


def open_checkpoint(note, key):
    """The size and the root of the tree in a note that the key signed."""
    name, key_id, public = key.split("+", 2)
    public = decoded(public)
    if public[:1] != ED25519 or sha256(name.encode(), b"\n", public)[:4].hex() != key_id:
        raise Wrong("the key is no public key of Ed25519, or its id is not its own")
    body, blank, signatures = note.rpartition("\n\n")
    body += "\n"
    origin, size, root = body.split("\n")[:3]
    if not blank or origin != name:
        raise Wrong(f"the checkpoint is of `{shown(origin)}`, and the key of `{shown(name)}`")
    for line in signatures.splitlines():
        dash, signer, signature = line.split(" ", 2)
        signature = decoded(signature)
        if (dash, signer, signature[:4].hex()) != ("\u2014", name, key_id):
            continue
        try:
            Ed25519PublicKey.from_public_bytes(public[1:]).verify(signature[4:], body.encode())
        except InvalidSignature:
            raise Wrong("the signature of the checkpoint does not hold") from None
        return int(size), decoded(root)
    raise Wrong("the key did not sign the checkpoint")


def root_of(leaf, index, size, path):
    """The root that follows from a leaf and its audit path (RFC 9162, 2.1.3.2)."""
    node, last = leaf, size - 1
    for other in path:
        if last == 0:
            raise Wrong("its proof is too long")
        if index % 2 or index == last:
            node = sha256(b"\x01", other, node)
            while index % 2 == 0 and index:
                index, last = index >> 1, last >> 1
        else:
            node = sha256(b"\x01", node, other)
        index, last = index >> 1, last >> 1
    if last:
        raise Wrong("its proof is too short")
    return node


def header_digest(change):
    time = datetime.fromisoformat(change["recordTime"].replace("Z", "+00:00"))
    micros = (time - EPOCH) // timedelta(microseconds=1)

    def optional(value):
        return b"\x00" if value is None else b"\x01" + value

    def text(field):
        return change[field].encode() if field in change else None

    request = change.get("requestDigest")
    parts = [
        int(change["revision"]).to_bytes(8, "big", signed=True),
        micros.to_bytes(8, "big", signed=True),
        change["principal"].encode(),
        optional(text("actor")),
        optional(text("agency")),
        change["method"].encode(),
        optional(text("requestId")),
        optional(None if request is None else decoded(request)),
        change.get("reason", "").encode(),
    ]
    return parts_digest(decoded(change.get("headerSalt")), parts)


def effect_digest(effect):
    image = sha256(decoded(effect.get("salt")), effect["image"].encode())
    form = int(effect.get("format", 0)).to_bytes(8, "big", signed=True)
    return parts_digest(b"", [effect["kind"].encode(), effect["resource"].encode(), form, image])


def check_change(change, size, root):
    """Checks that a change is in the tree; the images that it wrote, by resource."""
    revision = int(change["revision"])
    if change["name"] != f"changes/{revision}" or not 0 < revision <= size:
        raise Wrong("its revision is not in the tree of the checkpoint, or not its own")
    if change.get("redactingChange"):
        raise Wrong(f"{shown(change['redactingChange'])} redacted texts of it by law")
    digests = [decoded(it) for it in change["effectDigests"]]
    written = {}
    for effect in change["openedEffects"]:
        resource = shown(effect["resource"])
        ordinal = effect.get("ordinal", 0)
        if not 0 <= ordinal < len(digests) or effect_digest(effect) != digests[ordinal]:
            raise Wrong(f"the image of {resource} is not the one that was logged")
        if effect["kind"] == "put":
            written[effect["resource"]] = effect["image"]
    leaf = parts_digest(b"\x00", [header_digest(change), *digests])
    if root_of(leaf, revision - 1, size, [decoded(it) for it in change.get("hashes", [])]) != root:
        raise Wrong("its header, its effects or its proof do not lead to the root of the tree")
    return written


def check_page(page, size, root):
    """Checks all changes of a page; each resource with the change that wrote it and its image."""
    wrote = {}
    for change in page.get("changes", []):
        try:
            for resource, image in check_change(change, size, root).items():
                if resource in wrote:
                    raise Wrong(f"{shown(resource)} is shown by another change too")
                if int(change["revision"]) > int(page["revision"]):
                    raise Wrong("it is after the revision of the number")
                wrote[resource] = (change, image)
        except Wrong as wrong:
            raise Wrong(f"{shown(change['name'])}: {wrong}") from None
    return wrote


def check_beside(page, resource, wrote):
    """Checks that what a resource is counted by besides is shown too."""
    metric, edition = page["metric"], page["edition"]
    beside = [] if metric.startswith("TASKS") or edition == "editions/-" else [edition]
    if metric.startswith("PLANS"):
        beside.append(resource.split("/plans/")[0])
    for other in beside:
        if other not in wrote:
            raise Wrong(f"no change of the bundle wrote {shown(other)}")
    if metric == "PLATFORMS_WITH_ISSUED_PLAN":
        # its own plan, or one that names it among those that it covers
        own, named = f"{resource}/plans/", json.dumps(resource)
        plans = [(name, image) for name, (_, image) in wrote.items() if "/plans/" in name]
        if not any(name.startswith(own) or named in image for name, image in plans):
            raise Wrong(f"the bundle shows no plan for {shown(resource)}")


def check(key, pages):
    """Checks all pages. Returns the lines to print."""
    told = []
    first = pages[0]
    kind = re.compile(KINDS[first["metric"].split("_")[0]])
    counted, changes = set(), set()
    for number, page in enumerate(pages, 1):
        if any(page.get(field) != first.get(field) for field in SAME.split()):
            raise Wrong(f"page {number} is not of the same number as page 1")
        size, root = open_checkpoint(page["checkpoint"]["note"], key)
        signer = shown(key.split("+")[0])
        told.append(f"checkpoint: {size} changes, root {root.hex()}, signed by {signer}")
        wrote = check_page(page, size, root)
        changes.update(change["name"] for change, _ in wrote.values())
        for resource in page.get("resources", []):
            if not kind.fullmatch(resource) or resource in counted:
                raise Wrong(f"{shown(resource)} is counted twice, or is nothing that is counted")
            counted.add(resource)
            if resource not in wrote:
                raise Wrong(f"no change of the bundle wrote {shown(resource)}")
            check_beside(page, resource, wrote)
            change, _ = wrote[resource]
            said = [change[it] for it in ("name", "recordTime", "principal", "method")]
            reason = change.get("reason")
            told.append(shown(f"{resource}: {', '.join(said + [reason] * bool(reason))}"))
    if len(counted) != first["value"]:
        raise Wrong(f"the number is {first['value']}, and the pages count {len(counted)} resources")
    date = "{year}-{month:02}-{day:02}".format(**first["effectiveDate"])
    synthetic = ", synthetic" if first.get("synthetic") else ""
    told.append(
        f"ok: {first['metric']} on {date} at revision {first['revision']} is {first['value']}"
        f"{synthetic}: each is in the log, written by {len(changes)} changes"
    )
    return told


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    try:
        pages = []
        for path in sys.argv[2:]:
            with open(path, encoding="utf-8") as file:
                pages.append(json.load(file))
        print(*check(sys.argv[1], pages), sep="\n")
    except Wrong as wrong:
        sys.exit(f"error: {wrong}")
    except (ArithmeticError, AttributeError, LookupError, OSError, TypeError, ValueError) as error:
        sys.exit(f"error: this is no bundle: {error!r}")


if __name__ == "__main__":
    main()
