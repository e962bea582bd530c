import pg from "pg";
import type { DatabaseConfig } from "../config/env.js";
import { ClubError, type ErrorKind } from "../domain/model.js";

// Instants leave the database as ISO strings and counters as numbers, so rows are plain JSON.
pg.types.setTypeParser(pg.types.builtins.TIMESTAMPTZ, (value) => new Date(value).toISOString());
pg.types.setTypeParser(pg.types.builtins.INT8, Number);

/** What the schema refuses, in words for the person who asked. Any other database error is a fault of ours. */
const REFUSALS: Record<string, readonly [ErrorKind, string]> = {
  members_email_key: ["conflict", "Somebody is already registered with this e-mail address."],
  members_email_is_lower_case: ["invalid", "This is not an e-mail address."],
  bookings_no_overlap: ["conflict", "The bay is already booked at that time."],
  bookings_length: ["invalid", "A booking lasts between 30 minutes and 4 hours."],
  conversations_location_id_fkey: ["invalid", "There is no such location."],
  knowledge_articles_slug_key: ["conflict", "There is already an article with this name."],
  knowledge_proposals_one_pending_idx: ["conflict", "Another proposal for this article is waiting for a decision."],
};

export interface Queryable {
  query<Row>(sql: string, values?: readonly unknown[]): Promise<Row[]>;
}

async function run<Row>(client: pg.Pool | pg.PoolClient, sql: string, values: readonly unknown[]): Promise<Row[]> {
  try {
    const result = await client.query(sql, [...values]);
    return result.rows as Row[];
  } catch (error) {
    const constraint = error instanceof pg.DatabaseError ? error.constraint : undefined;
    const refusal = constraint === undefined ? undefined : REFUSALS[constraint];
    if (refusal) throw new ClubError(refusal[0], refusal[1], { cause: error });
    throw error;
  }
}

export class Database implements Queryable {
  private readonly pool: pg.Pool;

  constructor(config: DatabaseConfig) {
    this.pool = new pg.Pool({ connectionString: config.url, max: config.poolMax });
    this.pool.on("error", (error) => console.error(`database: idle connection lost: ${error.message}`));
  }

  query<Row>(sql: string, values: readonly unknown[] = []): Promise<Row[]> {
    return run<Row>(this.pool, sql, values);
  }

  /** Everything `work` does happens, or nothing does. */
  async transaction<T>(work: (tx: Queryable) => Promise<T>): Promise<T> {
    const client = await this.pool.connect();
    let broken = false;
    try {
      await client.query("begin");
      const result = await work({ query: (sql, values = []) => run(client, sql, values) });
      await client.query("commit");
      return result;
    } catch (error) {
      await client.query("rollback").catch(() => {
        broken = true;
      });
      throw error;
    } finally {
      client.release(broken);
    }
  }

  close(): Promise<void> {
    return this.pool.end();
  }
}

/** The first row, or a "not found" error that names what was looked for. */
export function one<Row>(rows: readonly Row[], what: string): Row {
  const row = rows[0];
  if (row === undefined) throw new ClubError("not_found", `There is no such ${what}.`);
  return row;
}
