import { Assistants, loadAssistants } from "../ai/assistants.js";
import { MessageRouter, type Routing } from "../ai/messageRouter.js";
import { chosenModel } from "../ai/models.js";
import { Toolbox } from "../ai/tools.js";
import { ClubError, type Article, type AssistantKey, type Conversation, type Message } from "../domain/model.js";
import { route, SIGNED_IN, STAFF, type App, type Route } from "../http/router.js";

/** What the member has written since anybody answered. */
function unanswered(messages: readonly Message[]): string {
  const lastAnswer = messages.map(({ author }) => author === "member").lastIndexOf(false);
  return messages
    .slice(lastAnswer + 1)
    .map(({ body }) => body)
    .join("\n");
}

/** "Yes, that worked" belongs to what came before: an unclear message stays with the assistant that is answering. */
function stay(routing: Routing, current: AssistantKey | null): Routing {
  return routing.assistant === null && current !== null
    ? { ...routing, assistant: current, reason: "follow-up" }
    : routing;
}

/** While a conversation waits for staff, only an emergency is answered, and only once. */
function mayAnswer({ status, assistant: current }: Conversation, urgent: boolean, next: AssistantKey | null): boolean {
  return status === "open" || (status === "needs_staff" && urgent && current !== next);
}

export default async function assistants({ config, services }: App): Promise<Route[]> {
  const router = await MessageRouter.load();
  const toolbox = await Toolbox.load(services);
  const model = await chosenModel("openai", config.openai);
  const desk = new Assistants(await loadAssistants(), toolbox, model, config.openai);

  /** What an assistant reads: the articles its route names, then those that fit the question. */
  async function articlesFor(assistant: AssistantKey, first: readonly string[], question: string): Promise<Article[]> {
    const limit = desk.articlesFor(assistant);
    if (limit === 0) return [];
    const named = await Promise.all(first.map((slug) => services.knowledge.find(slug)));
    const fitting = await services.knowledge.relevant(assistant, question, limit);
    const others = fitting.filter(({ slug }) => !first.includes(slug));
    return [...named.filter((article) => article !== null), ...others].slice(0, limit);
  }

  return [
    /** Lets the right assistant answer the newest message. Whoever may read the conversation may ask for it. */
    route("POST", "/api/conversations/:id/answer", SIGNED_IN, async ({ actor, params }) => {
      const conversation = await services.conversations.get(actor, params.uuid("id"));
      const question = unanswered(conversation.messages);
      const { assistant, articles: first, score, urgent, reason } = stay(router.route(question), conversation.assistant);
      if (question === "" || !mayAnswer(conversation, urgent, assistant)) {
        throw new ClubError("conflict", "There is nothing for an assistant to answer.");
      }
      if (assistant === null) {
        return services.conversations.answer(actor, conversation, { assistant, score, reply: null, handOff: reason });
      }
      const articles = await articlesFor(assistant, first, question);
      const answer = await desk.answer(assistant, conversation.messages, articles);
      return services.conversations.answer(actor, conversation, { assistant, score, ...answer });
    }),

    /** Shows how a message would be routed, to try out changes of the routing table. */
    route("POST", "/api/assistants/route", STAFF, async ({ body }) => router.route(body.text("message", 4000))),
  ];
}
