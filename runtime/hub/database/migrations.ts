/**
 * How a database becomes what the program expects: a file of version n (`user_version`) has gone through the first n steps. A step that
 * was released is never changed; what comes later is a further step. Times are milliseconds since 1970.
 */
export const migrations: readonly string[] = [
  `CREATE TABLE device (
     id        TEXT PRIMARY KEY,
     key       BLOB NOT NULL,
     status    TEXT NOT NULL CHECK (status IN ('waiting', 'accepted', 'revoked')),
     code      TEXT NOT NULL,
     firstMs   INTEGER NOT NULL,
     changedMs INTEGER NOT NULL,
     askedMs   INTEGER NOT NULL,
     reportMs  INTEGER,
     report    TEXT
   ) STRICT;
   CREATE TABLE tag (
     device TEXT NOT NULL REFERENCES device (id) ON DELETE CASCADE,
     tag    TEXT NOT NULL,
     PRIMARY KEY (device, tag)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE certificate (
     serial     BLOB PRIMARY KEY,
     device     TEXT NOT NULL REFERENCES device (id),
     der        BLOB NOT NULL,
     notAfterMs INTEGER NOT NULL,
     revokedMs  INTEGER
   ) STRICT;
   CREATE INDEX certificateOfDevice ON certificate (device);
   CREATE TABLE token (
     hash    BLOB PRIMARY KEY,
     purpose TEXT NOT NULL CHECK (purpose IN ('join', 'operator')),
     holder  TEXT NOT NULL
   ) STRICT;
   CREATE TABLE deed (
     number INTEGER PRIMARY KEY AUTOINCREMENT,
     atMs   INTEGER NOT NULL,
     who    TEXT NOT NULL,
     what   TEXT NOT NULL,
     about  TEXT NOT NULL
   ) STRICT;
   CREATE TABLE setting (
     name  TEXT PRIMARY KEY,
     value TEXT NOT NULL
   ) STRICT, WITHOUT ROWID;`,
  `ALTER TABLE device ADD COLUMN presence TEXT CHECK (presence IN ('gone', 'asleep', 'online'));
   ALTER TABLE device ADD COLUMN presenceMs INTEGER;
   ALTER TABLE device ADD COLUMN clearedMs INTEGER;
   CREATE TABLE revision (
     digest  TEXT PRIMARY KEY,
     bytes   INTEGER NOT NULL,
     message TEXT NOT NULL,
     who     TEXT NOT NULL,
     atMs    INTEGER NOT NULL
   ) STRICT;
   CREATE TABLE revisionObject (
     revision TEXT NOT NULL REFERENCES revision (digest) ON DELETE CASCADE,
     object   TEXT NOT NULL,
     PRIMARY KEY (revision, object)
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX revisionsOfObject ON revisionObject (object);
   CREATE TABLE release (
     number   INTEGER PRIMARY KEY AUTOINCREMENT,
     revision TEXT NOT NULL,
     tag      TEXT NOT NULL,
     security INTEGER NOT NULL,
     https    INTEGER NOT NULL,
     whole    INTEGER NOT NULL,
     expiryMs INTEGER,
     who      TEXT NOT NULL,
     atMs     INTEGER NOT NULL
   ) STRICT;
   CREATE INDEX releasesOfTag ON release (tag);
   CREATE TABLE desired (
     device      TEXT NOT NULL REFERENCES device (id) ON DELETE CASCADE,
     sequence    INTEGER NOT NULL,
     rev         INTEGER NOT NULL,
     revision    TEXT NOT NULL,
     release     INTEGER NOT NULL REFERENCES release (number),
     envelope    BLOB NOT NULL,
     atMs        INTEGER NOT NULL,
     publishedMs INTEGER,
     takenMs     INTEGER,
     phase       TEXT,
     percent     INTEGER,
     reason      TEXT,
     progressMs  INTEGER,
     PRIMARY KEY (device, sequence)
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX desiredOfRelease ON desired (release);
   CREATE TABLE parcel (
     target  TEXT NOT NULL,
     base    TEXT NOT NULL,
     format  INTEGER NOT NULL,
     digest  TEXT NOT NULL,
     bytes   INTEGER NOT NULL,
     key     BLOB NOT NULL UNIQUE,
     askedMs INTEGER NOT NULL,
     PRIMARY KEY (target, base, format)
   ) STRICT, WITHOUT ROWID;`,
  `CREATE TABLE command (
     device      TEXT NOT NULL REFERENCES device (id) ON DELETE CASCADE,
     id          INTEGER NOT NULL,
     operation   TEXT NOT NULL,
     argument    TEXT NOT NULL,
     expiryMs    INTEGER NOT NULL,
     envelope    BLOB NOT NULL,
     who         TEXT NOT NULL,
     atMs        INTEGER NOT NULL,
     publishedMs INTEGER,
     code        TEXT,
     text        TEXT,
     answeredMs  INTEGER,
     PRIMARY KEY (device, id)
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX commandToPublish ON command (device, id) WHERE publishedMs IS NULL;
   CREATE TABLE logBatch (
     number   INTEGER PRIMARY KEY AUTOINCREMENT,
     device   TEXT NOT NULL REFERENCES device (id) ON DELETE CASCADE,
     kind     TEXT NOT NULL CHECK (kind IN ('requested', 'evidence')),
     about    TEXT NOT NULL,
     revision TEXT NOT NULL,
     command  INTEGER,
     deflated BLOB NOT NULL,
     atMs     INTEGER NOT NULL,
     UNIQUE (device, kind, about)
   ) STRICT;`,
  `ALTER TABLE device ADD COLUMN falls INTEGER NOT NULL DEFAULT 0;
   ALTER TABLE device ADD COLUMN fallMs INTEGER;`,
  `ALTER TABLE device ADD COLUMN beaconS INTEGER NOT NULL DEFAULT 0;
   ALTER TABLE device ADD COLUMN beaconWish INTEGER NOT NULL DEFAULT 1;
   CREATE TABLE metadata (
     device   TEXT PRIMARY KEY REFERENCES device (id) ON DELETE CASCADE,
     sequence INTEGER NOT NULL,
     taken    INTEGER NOT NULL,
     sent     INTEGER NOT NULL,
     sentMs   INTEGER NOT NULL,
     asked    INTEGER NOT NULL,
     askedMs  INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE userMeta (
     device   TEXT NOT NULL REFERENCES device (id) ON DELETE CASCADE,
     key      TEXT NOT NULL,
     value    TEXT,
     sequence INTEGER NOT NULL,
     PRIMARY KEY (device, key)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE deviceMeta (
     device TEXT NOT NULL REFERENCES device (id) ON DELETE CASCADE,
     key    TEXT NOT NULL,
     value  TEXT NOT NULL,
     PRIMARY KEY (device, key)
   ) STRICT, WITHOUT ROWID;`,
  "ALTER TABLE device ADD COLUMN orderEpoch INTEGER NOT NULL DEFAULT 1;",
];
