import type { ModelConfig } from "../config/env.js";
import { check, compile, readJson, readSchema } from "./schema.js";

export type Provider = "openai" | "claude";

export interface AllowedModel {
  name: string;
  purpose: string;
  /** The most that the club lets it write in one answer. */
  maxOutputTokens: number;
}

type AllowedModels = Readonly<Record<Provider, AllowedModel[]>>;

const VARIABLES: Record<Provider, string> = { openai: "OPENAI_MODEL", claude: "CLAUDE_MODEL" };

async function load(): Promise<AllowedModels> {
  const validate = compile<AllowedModels>(await readSchema("models"));
  return check(validate, await readJson("models.json"), "models.json");
}

let allowed: Promise<AllowedModels> | null = null;

/** The model that the environment chooses. The server does not start with one that was never reviewed. */
export async function chosenModel(provider: Provider, config: ModelConfig): Promise<AllowedModel> {
  allowed ??= load();
  const found = (await allowed)[provider].find(({ name }) => name === config.model);
  if (!found) throw new Error(`${VARIABLES[provider]}: ai/models.json lists no "${config.model}" for ${provider}`);
  return found;
}
