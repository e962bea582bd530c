import { ClubError, type Timestamp } from "../domain/model.js";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})$/;
const MAX_INTEGER = 2_147_483_647;

function invalid(name: string, rule: string): ClubError {
  return new ClubError("invalid", `"${name}" ${rule}.`);
}

/** Reads untrusted values - path parameters, a query or a JSON body - one by one, as the type that is needed. */
export class Fields {
  private readonly values: ReadonlyMap<string, unknown>;

  constructor(source: object) {
    this.values = new Map(Object.entries(source));
  }

  text(name: string, maxLength = 200): string {
    const value = this.values.get(name);
    if (typeof value !== "string" || value.trim() === "") throw invalid(name, "must be a text that is not empty");
    if (value.length > maxLength) throw invalid(name, `must not be longer than ${maxLength} characters`);
    if (value.includes("\0")) throw invalid(name, "must not contain a NUL character");
    return value.trim();
  }

  /** As it was typed: blanks at the ends of a password count. */
  password(name: string): string {
    const value = this.values.get(name);
    if (typeof value !== "string" || value.length < 12 || value.length > 200) {
      throw invalid(name, "must have between 12 and 200 characters");
    }
    return value;
  }

  email(name: string): string {
    const value = this.text(name, 254).toLowerCase();
    if (!/^[^\s@]+@[^\s@]+$/.test(value)) throw invalid(name, "must be an e-mail address");
    return value;
  }

  slug(name: string): string {
    const value = this.text(name, 80);
    if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(value)) throw invalid(name, "must be lower-case words joined by hyphens");
    return value;
  }

  uuid(name: string): string {
    const value = this.text(name);
    if (!UUID.test(value)) throw invalid(name, "must be an id");
    return value.toLowerCase();
  }

  integer(name: string, min = 1, max = MAX_INTEGER): number {
    const raw = this.values.get(name);
    const value = typeof raw === "string" && /^\d+$/.test(raw) ? Number(raw) : raw;
    if (typeof value !== "number" || !Number.isInteger(value) || value < min || value > max) {
      throw invalid(name, `must be a whole number from ${min} to ${max}`);
    }
    return value;
  }

  instant(name: string): Timestamp {
    const value = this.text(name);
    const date = new Date(value);
    if (!INSTANT.test(value) || Number.isNaN(date.getTime())) {
      throw invalid(name, "must be a date and time with a zone, such as 2030-01-31T18:00:00Z");
    }
    return date.toISOString();
  }

  oneOf<T extends string>(name: string, choices: readonly T[]): T {
    const value = choices.find((choice) => choice === this.values.get(name));
    if (value === undefined) throw invalid(name, `must be one of ${choices.join(", ")}`);
    return value;
  }

  /** Null if the field is absent, null or empty; otherwise what `read` makes of it. */
  optional<T>(name: string, read: (fields: this) => T): T | null {
    const value = this.values.get(name);
    return value === undefined || value === null || value === "" ? null : read(this);
  }
}
