-- The newest change that redacted texts of this one by law; 0 where none did. The rows of such a
-- change have new texts and salts. Its digests stay, and the notices of the redacting change have
-- the digests of what is there instead.
ALTER TABLE changes ADD COLUMN redaction INTEGER NOT NULL DEFAULT 0
    CHECK (redaction = 0 OR redaction > revision);
