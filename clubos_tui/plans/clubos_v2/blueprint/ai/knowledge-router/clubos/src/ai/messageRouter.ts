import type { AssistantKey } from "../domain/model.js";
import { check, compile, readJson, readSchema } from "./schema.js";

export interface RoutingConfig {
  threshold: number;
  margin: number;
  exampleWeight: number;
  fallback: string;
  routes: RouteConfig[];
}

interface RouteConfig {
  assistant: AssistantKey;
  /** Slugs of the articles that the assistant reads first. */
  articles: string[];
  urgent: boolean;
  keywords: Record<string, number>;
  examples: string[];
}

export interface Routing {
  /** Null when no assistant is certain; staff then take over. */
  assistant: AssistantKey | null;
  articles: readonly string[];
  score: number;
  urgent: boolean;
  reason: string;
}

/** Words without case, accents and the commonest endings: "Bookings", "booked" and "booking" are one word. */
function words(text: string): string[] {
  const plain = text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  const found = plain.match(/[a-z0-9]+/g) ?? [];
  return found.map((word) => (word.length > 4 ? word.replace(/(ings|ing|ed|es|s)$/, "").replace(/e$/, "") : word));
}

function contains(text: readonly string[], phrase: readonly string[]): boolean {
  return text.some((_, start) => phrase.every((word, offset) => text[start + offset] === word));
}

/** Dice coefficient: 1 for the same set of words, 0 for nothing in common. */
function resemblance(left: ReadonlySet<string>, right: ReadonlySet<string>): number {
  const common = [...left].filter((word) => right.has(word)).length;
  return left.size + right.size === 0 ? 0 : (2 * common) / (left.size + right.size);
}

interface PreparedRoute {
  assistant: AssistantKey;
  articles: readonly string[];
  urgent: boolean;
  keywords: { words: string[]; weight: number }[];
  examples: ReadonlySet<string>[];
}

function taken({ assistant, articles }: PreparedRoute) {
  return { assistant, articles };
}

/** Decides which assistant a message is for. Same message, same answer: no model is asked. */
export class MessageRouter {
  private readonly routes: PreparedRoute[];

  constructor(private readonly config: RoutingConfig) {
    this.routes = config.routes.map(({ assistant, articles, urgent, keywords, examples }) => ({
      assistant,
      articles,
      urgent,
      keywords: Object.entries(keywords).map(([phrase, weight]) => ({ words: words(phrase), weight })),
      examples: examples.map((example) => new Set(words(example))),
    }));
  }

  static async load(): Promise<MessageRouter> {
    const validate = compile<RoutingConfig>(await readSchema("routing"));
    return new MessageRouter(check(validate, await readJson("routing.json"), "routing.json"));
  }

  route(message: string): Routing {
    const text = words(message);
    const ranked = this.routes
      .map((route) => ({ route, score: this.score(route, text) }))
      .sort((left, right) => right.score - left.score);
    const { threshold, margin, fallback } = this.config;

    const urgent = ranked.find(({ route, score }) => route.urgent && score >= threshold);
    if (urgent) return { ...taken(urgent.route), score: urgent.score, urgent: true, reason: "urgent" };
    const [best, second] = ranked;
    if (best && best.score >= threshold && best.score - (second?.score ?? 0) >= margin) {
      return { ...taken(best.route), score: best.score, urgent: false, reason: "best match" };
    }
    return { assistant: null, articles: [], score: best?.score ?? 0, urgent: false, reason: fallback };
  }

  /** Every keyword and the closest example speak for the route independently of each other. */
  private score(route: PreparedRoute, text: readonly string[]): number {
    const set = new Set(text);
    const closest = Math.max(...route.examples.map((example) => resemblance(example, set)));
    const doubt = route.keywords
      .filter((keyword) => contains(text, keyword.words))
      .reduce((product, { weight }) => product * (1 - weight), 1 - closest * this.config.exampleWeight);
    return Math.round((1 - doubt) * 1000) / 1000;
  }
}
