// The only place that reads the environment. Every variable here is in .env.example, and the other way round.

import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The clubos folder, from src/config as well as from dist/config. */
export const PROJECT_ROOT = new URL("../../", import.meta.url);

const ENVIRONMENTS = ["development", "test", "production"] as const;
const SECRET_LENGTH = 32;

export interface DatabaseConfig {
  url: string;
  poolMax: number;
}

export interface ModelConfig {
  /** Null when no key is set: the feature is then switched off. */
  apiKey: string | null;
  model: string;
  timeoutMs: number;
}

export interface Config {
  environment: (typeof ENVIRONMENTS)[number];
  host: string;
  port: number;
  bodyLimitBytes: number;
  database: DatabaseConfig;
  sessionSecret: string;
  sessionTtlSeconds: number;
  openai: ModelConfig;
  claude: ModelConfig;
}

type Environment = Record<string, string | undefined>;

class Reader {
  readonly problems: string[] = [];

  constructor(private readonly env: Environment) {}

  optional(name: string): string | null {
    return this.env[name]?.trim() || null;
  }

  text(name: string, fallback?: string): string {
    const value = this.optional(name) ?? fallback;
    if (value === undefined) this.problems.push(`${name} is not set`);
    return value ?? "";
  }

  integer(name: string, fallback: number, min: number, max: number): number {
    const text = this.text(name, String(fallback));
    const value = Number(text);
    if (!Number.isInteger(value) || value < min || value > max) {
      this.problems.push(`${name} must be a whole number from ${min} to ${max}, not "${text}"`);
    }
    return value;
  }

  oneOf<T extends string>(name: string, choices: readonly T[], fallback: T): T {
    const text = this.text(name, fallback);
    const value = choices.find((choice) => choice === text);
    if (value === undefined) this.problems.push(`${name} must be one of ${choices.join(", ")}, not "${text}"`);
    return value ?? fallback;
  }

  finish(): void {
    if (this.problems.length > 0) throw new Error(`Configuration:\n  ${this.problems.join("\n  ")}`);
  }
}

/** Adds the variables of the .env file, where there is one, to those already set; the latter win. */
function environment(): Environment {
  const file = fileURLToPath(new URL(".env", PROJECT_ROOT));
  if (existsSync(file)) process.loadEnvFile(file);
  return process.env;
}

function readDatabase(reader: Reader): DatabaseConfig {
  return { url: reader.text("DATABASE_URL"), poolMax: reader.integer("DATABASE_POOL_MAX", 10, 1, 200) };
}

/** What migrations need: they run before there are any secrets. */
export function loadDatabaseConfig(env: Environment = environment()): DatabaseConfig {
  const reader = new Reader(env);
  const database = readDatabase(reader);
  reader.finish();
  return database;
}

export function loadConfig(env: Environment = environment()): Config {
  const reader = new Reader(env);
  const timeoutMs = reader.integer("AI_TIMEOUT_SECONDS", 60, 1, 600) * 1000;
  const config: Config = {
    environment: reader.oneOf("NODE_ENV", ENVIRONMENTS, "development"),
    host: reader.text("HOST", "127.0.0.1"),
    port: reader.integer("PORT", 3000, 0, 65535),
    bodyLimitBytes: reader.integer("BODY_LIMIT_KB", 64, 1, 10_240) * 1024,
    database: readDatabase(reader),
    sessionSecret: reader.text("SESSION_SECRET"),
    sessionTtlSeconds: reader.integer("SESSION_TTL_MINUTES", 480, 1, 10_080) * 60,
    openai: {
      apiKey: reader.optional("OPENAI_API_KEY"),
      model: reader.text("OPENAI_MODEL", "gpt-5.6-terra"),
      timeoutMs,
    },
    claude: {
      apiKey: reader.optional("ANTHROPIC_API_KEY"),
      model: reader.text("CLAUDE_MODEL", "claude-opus-5-5"),
      timeoutMs,
    },
  };
  if (config.sessionSecret && config.sessionSecret.length < SECRET_LENGTH) {
    reader.problems.push(`SESSION_SECRET must have at least ${SECRET_LENGTH} characters: openssl rand -base64 48`);
  }
  reader.finish();
  return config;
}
