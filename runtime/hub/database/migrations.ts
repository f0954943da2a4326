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
];
