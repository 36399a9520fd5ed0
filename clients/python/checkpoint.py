"""Verifies the log of an NDP Registry: its checkpoints, that each continues the one before, and that
a change is in it. The form of a checkpoint is C2SP tlog-checkpoint, the tree that of RFC 6962."""

import base64
import hashlib
import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from ndp.registry.v1 import change_service_pb2, change_service_pb2_grpc

ED25519 = b"\x01"


class Refused(ValueError):
    """A checkpoint or a proof that does not hold."""


@dataclass(frozen=True)
class Tree:
    """The size and the root of a log."""

    size: int
    root: bytes


class PublicKey:
    """A public key, `<name>+<id>+<key>`, as a registry shows it at its start."""

    def __init__(self, text: str) -> None:
        self.name, _, rest = text.partition("+")
        identifier, _, encoded = rest.partition("+")
        try:
            key = base64.b64decode(encoded, validate=True)
            self.id = bytes.fromhex(identifier)
            self.key = Ed25519PublicKey.from_public_bytes(key[1:])
        except ValueError as error:
            raise Refused(f"the public key: {error}") from error
        named = hashlib.sha256(self.name.encode() + b"\n" + key).digest()
        if key[:1] != ED25519 or self.id != named[:4]:
            raise Refused("the public key: not one for Ed25519, or cut off")

    def open(self, note: str) -> Tree:
        """Verifies the signature of a checkpoint, and reads it."""
        text, separator, signatures = note.rpartition("\n\n")
        text += "\n"
        for line in signatures.splitlines():
            dash, _, rest = line.partition(" ")
            name, _, encoded = rest.partition(" ")
            signature = base64.b64decode(encoded)
            if dash == "—" and name == self.name and signature[:4] == self.id:
                try:
                    self.key.verify(signature[4:], text.encode())
                except InvalidSignature as error:
                    raise Refused("a signature does not hold") from error
                break
        else:
            raise Refused(f"no signature of {self.name}")
        lines = text.split("\n")
        if not separator or len(lines) < 4 or lines[0] != self.name:
            raise Refused(f"not a checkpoint of {self.name}")
        return Tree(int(lines[1]), base64.b64decode(lines[2], validate=True))


def newest_checkpoint(
    stub: change_service_pb2_grpc.ChangeServiceStub, file: Path, key: PublicKey
) -> Tree:
    """Reads the registry's checkpoint and keeps it in a file. Refuses one that the key did not sign,
    and one that does not begin with the log of the checkpoint kept before: then the log was rewound
    or rewritten, or another caller is shown another log. The file stays as it was."""
    request = change_service_pb2.GetCheckpointRequest(name="checkpoint")
    note = stub.GetCheckpoint(request).note
    newest = key.open(note)
    if file.exists():
        last = key.open(file.read_text())
        try:
            continues(stub, last, newest)
        except Refused as error:
            raise Refused(f"{error}; keep {file} and this as evidence:\n{note}") from error
    replace(file, note)
    return newest


def continues(
    stub: change_service_pb2_grpc.ChangeServiceStub, last: Tree, newest: Tree
) -> None:
    """Asks the registry to prove that its log begins with that of an earlier checkpoint."""
    if newest.size < last.size:
        raise Refused(f"the log was rewound: it has {newest.size} changes, and had {last.size}")
    if last.size == 0 or newest == last:
        return
    if newest.size == last.size:
        raise Refused(f"the log was forked: its {last.size} changes are others")
    request = change_service_pb2.ProveConsistencyRequest(
        old_tree_size=last.size, new_tree_size=newest.size
    )
    proof = list(stub.ProveConsistency(request).hashes)
    if not is_consistent(proof, last, newest):
        raise Refused(f"the log was forked: its first {last.size} changes are others")


def prove_change(
    stub: change_service_pb2_grpc.ChangeServiceStub, change: str, tree: Tree
) -> None:
    """Verifies that a change is in the log of a checkpoint."""
    request = change_service_pb2.ProveInclusionRequest(name=change, tree_size=tree.size)
    answer = stub.ProveInclusion(request)
    digests = [answer.header_digest, *answer.effect_digests]
    entry = b"".join(len(it).to_bytes(8, "big") + it for it in digests)
    index = int(change.removeprefix("changes/")) - 1
    if not is_included(list(answer.hashes), index, leaf_hash(entry), tree):
        raise Refused(f"{change} is not in the log")


# the tree: RFC 9162, 2.1.3.2 and 2.1.4.2, which verify proofs of RFC 6962


def leaf_hash(entry: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def is_included(proof: Iterable[bytes], index: int, leaf: bytes, tree: Tree) -> bool:
    if not 0 <= index < tree.size:
        return False
    node, last, root = index, tree.size - 1, leaf
    for hash in proof:
        if last == 0:
            return False
        if node & 1 or node == last:
            root = node_hash(hash, root)
            while not node & 1 and node != 0:
                node, last = node >> 1, last >> 1
        else:
            root = node_hash(root, hash)
        node, last = node >> 1, last >> 1
    return last == 0 and root == tree.root


def is_consistent(proof: list[bytes], old: Tree, new: Tree) -> bool:
    if not 0 < old.size < new.size:
        return False
    if old.size & (old.size - 1) == 0:
        # a whole tree is in the new one, and its root is not repeated
        proof = [old.root, *proof]
    if not proof:
        return False
    node, last = old.size - 1, new.size - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    old_root = new_root = proof[0]
    for hash in proof[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            old_root, new_root = node_hash(hash, old_root), node_hash(hash, new_root)
            while not node & 1 and node != 0:
                node, last = node >> 1, last >> 1
        else:
            new_root = node_hash(new_root, hash)
        node, last = node >> 1, last >> 1
    return last == 0 and old_root == old.root and new_root == new.root


def replace(file: Path, text: str) -> None:
    """Writes a file as a whole: a reader finds the old content or the new."""
    handle, made = tempfile.mkstemp(dir=file.parent, prefix=".checkpoint-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as writing:
            writing.write(text)
            writing.flush()
            os.fsync(writing.fileno())
        os.replace(made, file)
    except BaseException:
        os.unlink(made)
        raise
