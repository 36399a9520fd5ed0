-- Hashes of the log's Merkle tree (RFC 6962), whose leaves are `leaf_hash` of the changes in their
-- order. A cache: what is missing here is computed from the leaves again, and no writer of changes
-- writes it. `hash` is that of the `position`th complete subtree with 256^`level` leaves, so that a
-- tile of C2SP tlog-tiles is 256 rows, and one of level 0 is 256 changes.
CREATE TABLE tree_hashes (
    level INTEGER NOT NULL CHECK (level > 0),
    position INTEGER NOT NULL CHECK (position >= 0),
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (level, position)
) STRICT;
