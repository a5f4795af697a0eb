-- What version 2 has and version 1 had not; the end of `schema.sql` again.
ALTER TABLE files ADD COLUMN code INTEGER NOT NULL DEFAULT 0;

-- Pictures to learn from.
CREATE TABLE collections (
  seq     INTEGER PRIMARY KEY AUTOINCREMENT,
  id      TEXT NOT NULL UNIQUE,
  name    TEXT NOT NULL UNIQUE,
  created INTEGER NOT NULL
);

CREATE TABLE members (
  collection TEXT NOT NULL REFERENCES collections (id) ON DELETE CASCADE,
  file       TEXT NOT NULL REFERENCES files (id) ON DELETE CASCADE,
  PRIMARY KEY (collection, file)
) WITHOUT ROWID;
CREATE INDEX members_file ON members (file);

-- What was learnt and kept; its weights and its card stand in `models`.
CREATE TABLE models (
  name      TEXT PRIMARY KEY,
  title     TEXT NOT NULL,
  task      TEXT NOT NULL,
  algorithm TEXT NOT NULL,
  artists   TEXT NOT NULL,
  run       TEXT NOT NULL,
  created   INTEGER NOT NULL
);
