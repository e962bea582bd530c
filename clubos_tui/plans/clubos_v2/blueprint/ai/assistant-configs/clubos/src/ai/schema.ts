import { readFile } from "node:fs/promises";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { PROJECT_ROOT } from "../config/env.js";

const AI_FOLDER = new URL("ai/", PROJECT_ROOT);
// A schema that is read again may be compiled again.
const ajv = new Ajv2020({ allErrors: true, strict: true, addUsedSchema: false });

export type JsonSchema = Record<string, unknown>;

export async function readJson(path: string): Promise<unknown> {
  return JSON.parse(await readFile(new URL(path, AI_FOLDER), "utf8")) as unknown;
}

export async function readSchema(name: string): Promise<JsonSchema> {
  return (await readJson(`schemas/${name}.schema.json`)) as JsonSchema;
}

/** A check for values of type T; the caller vouches that the schema describes T. */
export function compile<T>(schema: JsonSchema): ValidateFunction<T> {
  return ajv.compile<T>(schema);
}

/** The value as T, or an error that says what is wrong where. */
export function check<T>(validate: ValidateFunction<T>, value: unknown, what: string): T {
  if (validate(value)) return value;
  throw new Error(`${what}: ${ajv.errorsText(validate.errors, { dataVar: "" })}`);
}

/** Text from a model as T, or null if it is not JSON of that shape. */
export function parseAnswer<T>(validate: ValidateFunction<T>, text: string): T | null {
  try {
    const value: unknown = JSON.parse(text);
    return validate(value) ? value : null;
  } catch {
    return null;
  }
}
