-- What outlives the process. Times are Unix milliseconds; JSON is text. A change of this file is a new version in `open`.
CREATE TABLE files (
  seq       INTEGER PRIMARY KEY AUTOINCREMENT,
  id        TEXT NOT NULL UNIQUE,
  role      TEXT NOT NULL,
  name      TEXT NOT NULL,
  -- Its name on the disk, which stays when it is renamed.
  stored    TEXT NOT NULL,
  format    TEXT NOT NULL,
  bytes     INTEGER NOT NULL,
  width     INTEGER NOT NULL,
  height    INTEGER NOT NULL,
  alpha     INTEGER NOT NULL,
  bits      INTEGER NOT NULL,
  blake3    TEXT NOT NULL,
  created   INTEGER NOT NULL,
  favourite INTEGER NOT NULL DEFAULT 0,
  job       TEXT,
  place     INTEGER,
  request   TEXT,
  missing   TEXT NOT NULL DEFAULT '[]',
  words     TEXT NOT NULL,
  -- Whether it lies in a generator's space: its code stands beside it.
  code      INTEGER NOT NULL DEFAULT 0,
  -- A job's result is there once, however often the job was begun.
  UNIQUE (job, place)
);
CREATE INDEX files_role ON files (role, seq);
CREATE INDEX files_blake3 ON files (blake3);

CREATE TABLE jobs (
  seq      INTEGER PRIMARY KEY AUTOINCREMENT,
  id       TEXT NOT NULL UNIQUE,
  kind     TEXT NOT NULL,
  title    TEXT NOT NULL,
  batch    TEXT,
  state    TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
  -- Its place in the queue; smaller is sooner.
  rank     INTEGER NOT NULL,
  created  INTEGER NOT NULL,
  started  INTEGER,
  finished INTEGER,
  attempts INTEGER NOT NULL DEFAULT 0,
  -- Until when whoever runs it is believed to live.
  lease    INTEGER,
  request  TEXT NOT NULL,
  notes    TEXT NOT NULL DEFAULT '[]',
  problem  TEXT,
  key      TEXT UNIQUE,
  body     TEXT NOT NULL
);
CREATE INDEX jobs_state ON jobs (state, rank, seq);
CREATE INDEX jobs_batch ON jobs (batch);

-- Which pictures a job needs, so that none is taken away under it.
CREATE TABLE needs (
  job  TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
  file TEXT NOT NULL,
  PRIMARY KEY (job, file)
) WITHOUT ROWID;
CREATE INDEX needs_file ON needs (file);

-- What changed, in order; clients go on after the last they saw.
CREATE TABLE events (
  seq     INTEGER PRIMARY KEY AUTOINCREMENT,
  kind    TEXT NOT NULL,
  subject TEXT NOT NULL
);

CREATE TABLE presets (
  name    TEXT PRIMARY KEY,
  request TEXT NOT NULL
);

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
