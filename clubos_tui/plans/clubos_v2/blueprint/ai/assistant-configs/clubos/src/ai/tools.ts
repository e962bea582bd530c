import type { ValidateFunction } from "ajv/dist/2020.js";
import type { AssistantKey } from "../domain/model.js";
import type { Services } from "../services/index.js";
import { check, compile, parseAnswer, readJson, readSchema, type JsonSchema } from "./schema.js";

const TOOLS = ["search_articles", "list_locations", "list_bays"] as const;

export type ToolName = (typeof TOOLS)[number];

const ARTICLES = 3;

export interface Tool {
  name: ToolName;
  description: string;
  parameters: JsonSchema;
}

type Input = Readonly<Record<string, string>>;
type Work = (services: Services, assistant: AssistantKey, input: Input) => Promise<unknown>;

/** What each tool does. None of them changes anything or says who has booked what. */
const WORK: Record<ToolName, Work> = {
  async search_articles(services, assistant, { query }) {
    const found = await services.knowledge.relevant(assistant, query ?? "", ARTICLES);
    return found.map(({ title, body }) => ({ title, body }));
  },
  list_locations: (services) => services.bookings.locations(),
  list_bays: (services) => services.bookings.bays(),
};

/** The tools an assistant's model may use, and the only way to use one. */
export class Toolbox {
  private readonly inputs: ReadonlyMap<ToolName, ValidateFunction<Input>>;

  constructor(
    private readonly tools: readonly Tool[],
    private readonly services: Services,
  ) {
    this.inputs = new Map(tools.map(({ name, parameters }) => [name, compile<Input>(parameters)]));
  }

  static async load(services: Services): Promise<Toolbox> {
    const validate = compile<{ tools: Tool[] }>(await readSchema("tools"));
    const { tools } = check(validate, await readJson("tools.json"), "tools.json");
    return new Toolbox(tools, services);
  }

  /** The tools of these names; an error for one that tools.json does not describe. */
  offered(names: readonly ToolName[]): Tool[] {
    return names.map((name) => {
      const tool = this.tools.find((candidate) => candidate.name === name);
      if (!tool) throw new Error(`tools.json describes no tool "${name}"`);
      return tool;
    });
  }

  /** What a tool answers, as the model reads it. A call that makes no sense is answered, not thrown. */
  async run(assistant: AssistantKey, names: readonly ToolName[], called: string, input: string): Promise<string> {
    const name = names.find((candidate) => candidate === called);
    const validate = name && this.inputs.get(name);
    if (!name || !validate) return JSON.stringify({ error: "There is no such tool." });
    const values = parseAnswer(validate, input);
    if (!values) return JSON.stringify({ error: "The input does not fit this tool." });
    return JSON.stringify(await WORK[name](this.services, assistant, values));
  }
}
