-- When each API key was last used, in hours since 1970. The log has no uses: a row is written at
-- most once per key and hour, by a server that saw a later use than the row has.
CREATE TABLE api_key_uses (
    api_key TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    use_hour BIGINT NOT NULL
);
