"""A fixed trail of 300 entries, and the tree, tiles, notes and proofs that it must always have.

`python -m tests.golden.seals` prints the vectors; the file beside this one was made so, once.
"""

import json
import sys
from hashlib import sha256
from typing import Any

from audit_trail.seal.checkpoint import Checkpoint, sign
from audit_trail.seal.merkle import Range, leaf_hashes
from audit_trail.seal.note import SigningKey
from audit_trail.seal.proof import Proof, prove_consistency, prove_inclusion
from audit_trail.seal.tile import (
    Tile,
    additions,
    bundle_of,
    bundles_written,
    node_reader,
    tiles_written,
)

SIZE = 300
SIZES = (0, 1, 2, 3, 7, 8, 255, 256, 257, 300)
PROVEN = ((0, 1), (0, 300), (2, 3), (255, 256), (256, 257), (256, 300), (299, 300))
GROWN = ((1, 2), (3, 7), (7, 8), (128, 256), (200, 300), (255, 257), (256, 300))
KEY = SigningKey(name="example.com/trail", seed=bytes(range(32)))
ORIGIN = "example.com/trail/1"
ENTRIES = [f'{{"entry":{index}}}'.encode() for index in range(SIZE)]


def vectors() -> dict[str, Any]:
    """Tell every hash and text of the fixed trail."""
    growth = Range().append(leaf_hashes(ENTRIES))
    tiles = {addition.tile: addition.data for addition in additions(growth)}
    nodes = node_reader(SIZE, lambda tile: wider(tiles, tile))
    roots = {size: Range.read(0, size, nodes).root for size in SIZES}

    def checkpoint(size: int) -> bytes:
        root = Range.read(0, size, nodes).root
        return sign(Checkpoint(origin=ORIGIN, size=size, root=root), [KEY])

    return {
        "signing_key": KEY.text,
        "verifier_key": KEY.verifier.text,
        "roots": {str(size): root.hex() for size, root in roots.items()},
        "edge": [node.hex() for node in growth.after.hashes],
        "tiles": {tile.path: sha256(tiles[tile]).hexdigest() for tile in tiles_written(0, SIZE)},
        "bundles": {
            bundle.path: sha256(
                bundle_of(ENTRIES[bundle.number * 256 :][: bundle.width])
            ).hexdigest()
            for bundle in bundles_written(0, SIZE)
        },
        "checkpoints": {str(size): checkpoint(size).decode() for size in SIZES},
        "consistency": {
            f"{first} {second}": [node.hex() for node in prove_consistency(first, second, nodes)]
            for first, second in GROWN
        },
        "proofs": {
            f"{index} {size}": Proof(
                index=index,
                path=prove_inclusion(index, size, nodes),
                checkpoint=checkpoint(size),
                extra=b"a salt" if index == size - 1 else None,
            ).encoded.decode()
            for index, size in PROVEN
        },
    }


def wider(tiles: dict[Tile, bytes], asked: Tile) -> bytes:
    """The tile as it is by now; one that was partial then has grown."""
    return next(
        data
        for tile, data in tiles.items()
        if (tile.level, tile.number) == (asked.level, asked.number)
    )


if __name__ == "__main__":
    sys.stdout.write(json.dumps(vectors(), indent=1, ensure_ascii=False) + "\n")
