import type { Database } from "bun:sqlite";
import * as v from "valibot";
import type { By } from "./by.ts";
import type { Deed } from "./database.ts";

type Values = Readonly<Record<string, string | number | Uint8Array | null>>;

/** An open SQLite file, and how its records are written and read. */
export class Connection {
  constructor(private readonly db: Database) {}

  /** Wholly or not at all. */
  step<T>(act: () => T): T {
    return this.db.transaction(act).immediate();
  }

  query(sql: string) {
    return this.db.query(sql);
  }

  /** Whether it changed anything. */
  change(sql: string, values: Values): boolean {
    return this.db.query(sql).run({ ...values }).changes > 0;
  }

  all<T>(row: v.GenericSchema<unknown, T>, sql: string, values: Values = {}): readonly T[] {
    return this.db
      .query(sql)
      .all({ ...values })
      .map((one) => v.parse(row, one));
  }

  /** Null: there is none. */
  one<T>(row: v.GenericSchema<unknown, T>, sql: string, values: Values): T | null {
    const found = this.db.query(sql).get({ ...values });
    return found === null ? null : v.parse(row, found);
  }

  note(what: Deed["what"], about: string, { who, atMs }: By): void {
    this.change("INSERT INTO deed (atMs, who, what, about) VALUES ($atMs, $who, $what, $about)", {
      atMs,
      who,
      what,
      about,
    });
  }

  close(): void {
    this.db.close();
  }
}
