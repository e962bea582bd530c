// Applies and takes back migrations: node dist/database/migrate.js [up | down [STEPS] | status]

import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { loadDatabaseConfig, PROJECT_ROOT } from "../config/env.js";

const FOLDER = new URL("database/migrations/", PROJECT_ROOT);
const LOCK_KEY = 7_202_002;

interface Migration {
  name: string;
  checksum: string;
  up: string;
}

async function readMigrations(): Promise<Migration[]> {
  const files = (await readdir(FOLDER)).filter((file) => /^\d{4}_\w+\.up\.sql$/.test(file)).sort();
  return Promise.all(
    files.map(async (file) => {
      const sql = await readFile(new URL(file, FOLDER), "utf8");
      const checksum = createHash("sha256").update(sql).digest("hex");
      return { name: file.replace(".up.sql", ""), checksum, up: sql };
    }),
  );
}

/** The names already applied, in order; refuses to go on if a file is not what was applied or comes before it. */
async function readApplied(client: pg.Client, migrations: readonly Migration[]): Promise<string[]> {
  await client.query(
    `create table if not exists schema_migrations (
       name text primary key, checksum text not null, applied_at timestamptz not null default now())`,
  );
  const { rows } = await client.query<{ name: string; checksum: string }>(
    "select name, checksum from schema_migrations order by name",
  );
  for (const [index, row] of rows.entries()) {
    const migration = migrations[index];
    if (migration?.name !== row.name)
      throw new Error(`${row.name} was applied but ${migration?.name ?? "nothing"} is next`);
    if (migration.checksum !== row.checksum) throw new Error(`${row.name} was edited after it was applied`);
  }
  return rows.map((row) => row.name);
}

async function step(client: pg.Client, sql: string, record: string, values: string[]): Promise<void> {
  try {
    await client.query("begin");
    await client.query(sql);
    await client.query(record, values);
    await client.query("commit");
  } catch (error) {
    await client.query("rollback");
    throw error;
  }
}

async function up(client: pg.Client, pending: readonly Migration[]): Promise<void> {
  for (const { name, checksum, up: sql } of pending) {
    await step(client, sql, "insert into schema_migrations (name, checksum) values ($1, $2)", [name, checksum]);
    console.log(`applied ${name}`);
  }
}

async function down(client: pg.Client, applied: readonly string[], steps: number): Promise<void> {
  for (const name of applied.slice(-steps).reverse()) {
    const sql = await readFile(new URL(`${name}.down.sql`, FOLDER), "utf8");
    await step(client, sql, "delete from schema_migrations where name = $1", [name]);
    console.log(`took back ${name}`);
  }
}

/** One command under an advisory lock, so that two servers starting together do not migrate at once. */
export async function migrate(databaseUrl: string, command: string, steps = 1): Promise<void> {
  const migrations = await readMigrations();
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await client.query("select pg_advisory_lock($1)", [LOCK_KEY]);
    const applied = await readApplied(client, migrations);
    if (command === "up") await up(client, migrations.slice(applied.length));
    else if (command === "down") await down(client, applied, steps);
    else for (const { name } of migrations) console.log(`${applied.includes(name) ? "applied" : "pending"} ${name}`);
  } finally {
    await client.end();
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [command = "status", steps = "1"] = process.argv.slice(2);
  if (!["up", "down", "status"].includes(command) || !/^[1-9]\d*$/.test(steps)) {
    console.error("usage: migrate [up | down [STEPS] | status]");
    process.exitCode = 2;
  } else {
    await migrate(loadDatabaseConfig().url, command, Number(steps));
  }
}
