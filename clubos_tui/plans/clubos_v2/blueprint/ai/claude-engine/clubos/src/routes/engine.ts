import { ClaudeEngine } from "../ai/claudeEngine.js";
import { ASSISTANTS, type Proposal } from "../domain/model.js";
import { route, STAFF, type App, type Route } from "../http/router.js";

export interface DraftResult {
  /** Waits for an administrator; null if Claude sees no need for a change. */
  proposal: Proposal | null;
  rationale: string;
}

export default async function engine({ config, services }: App): Promise<Route[]> {
  const claude = await ClaudeEngine.load(config.claude);

  return [
    route("POST", "/api/knowledge/drafts", STAFF, async ({ actor, body }): Promise<DraftResult> => {
      const slug = body.slug("slug");
      const instruction = body.text("instruction", 2000);
      const conversationId = body.optional("conversationId", (fields) => fields.uuid("conversationId"));
      const article = await services.knowledge.find(slug);
      const assistant = article?.assistant ?? body.oneOf("assistant", ASSISTANTS);
      const evidence = conversationId ? (await services.conversations.get(actor, conversationId)).messages : [];

      const draft = await claude.draft({ slug, assistant, instruction, article, evidence });
      const { change_needed: changeNeeded, title, body: text, rationale } = draft;
      if (!changeNeeded) return { proposal: null, rationale };
      const origin = { model: claude.model, baseVersion: article?.version ?? null };
      const proposal = await services.knowledge.propose(
        actor,
        { slug, assistant, title, body: text, rationale },
        origin,
      );
      return { proposal, rationale };
    }),
  ];
}
