import { one, type Database, type Queryable } from "../database/pool.js";
import {
  ClubError,
  type Actor,
  type AssistantKey,
  type Conversation,
  type ConversationStatus,
  type ConversationWithMessages,
  type Message,
} from "../domain/model.js";
import { record } from "./audit.js";

const CONVERSATION = `select c.id, c.member_id as "memberId", m.full_name as "memberName", c.location_id as "locationId",
  c.subject, c.status, c.assistant, c.routing_score::float8 as "routingScore", c.updated_at as "updatedAt"
  from conversations c join members m on m.id = c.member_id`;

/** What an assistant made of a member's message. Without a reply, or when it says so, staff take over. */
export interface AssistantOutcome {
  assistant: AssistantKey | null;
  score: number;
  reply: string | null;
  handOff: string | null;
}

export class ConversationService {
  constructor(private readonly db: Database) {}

  /** Members see their own conversations, staff see all; those that wait for staff come first. */
  list(actor: Actor, status: ConversationStatus | null): Promise<Conversation[]> {
    return this.db.query<Conversation>(
      `${CONVERSATION} where ($1::conversation_status is null or c.status = $1) and ($2::uuid is null or c.member_id = $2)
       order by c.status <> 'needs_staff', c.updated_at desc limit 200`,
      [status, actor.role === "member" ? actor.id : null],
    );
  }

  get(actor: Actor, id: string): Promise<ConversationWithMessages> {
    return this.read(this.db, actor, id);
  }

  start(actor: Actor, subject: string, body: string, locationId: number | null): Promise<ConversationWithMessages> {
    return this.db.transaction(async (tx) => {
      const { id } = one(
        await tx.query<{ id: string }>(
          "insert into conversations (member_id, location_id, subject) values ($1, $2, $3) returning id",
          [actor.id, locationId, subject],
        ),
        "conversation",
      );
      await this.insertMessage(tx, id, "member", actor.id, null, body);
      await record(tx, { actor, action: "conversation.started", entity: "conversation", entityId: id });
      return this.read(tx, actor, id);
    });
  }

  /** The member writes in their own conversation; anybody else who may is staff, and then staff have taken over. */
  addMessage(actor: Actor, id: string, body: string): Promise<ConversationWithMessages> {
    return this.db.transaction(async (tx) => {
      const conversation = await this.lock(tx, actor, id);
      if (conversation.status === "closed") throw new ClubError("conflict", "This conversation is closed.");
      const isOwner = conversation.memberId === actor.id;
      await this.insertMessage(tx, id, isOwner ? "member" : "staff", actor.id, null, body);
      await tx.query("update conversations set status = $2 where id = $1", [
        id,
        isOwner ? conversation.status : "needs_staff",
      ]);
      return this.read(tx, actor, id);
    });
  }

  setStatus(actor: Actor, id: string, status: ConversationStatus): Promise<ConversationWithMessages> {
    return this.db.transaction(async (tx) => {
      await this.lock(tx, actor, id);
      await tx.query("update conversations set status = $2 where id = $1", [id, status]);
      await record(tx, {
        actor,
        action: "conversation.status_set",
        entity: "conversation",
        entityId: id,
        detail: { status },
      });
      return this.read(tx, actor, id);
    });
  }

  /** Stores an answer to what the assistant has seen, unless somebody wrote, took over or closed it in the meantime. */
  answer(actor: Actor, seen: ConversationWithMessages, outcome: AssistantOutcome): Promise<ConversationWithMessages> {
    const { id } = seen;
    return this.db.transaction(async (tx) => {
      const { status } = await this.lock(tx, actor, id);
      const last = await tx.query<{ id: number }>("select max(id) as id from messages where conversation_id = $1", [
        id,
      ]);
      if (status === "closed" || status !== seen.status || last[0]?.id !== seen.messages.at(-1)?.id) {
        throw new ClubError("conflict", "The conversation has moved on.");
      }
      if (outcome.assistant && outcome.reply) {
        await this.insertMessage(tx, id, "assistant", null, outcome.assistant, outcome.reply);
      }
      const handOff = outcome.handOff ?? (outcome.reply ? null : "No answer.");
      await tx.query("update conversations set assistant = $2, routing_score = $3, status = $4 where id = $1", [
        id,
        outcome.assistant,
        outcome.score,
        handOff === null ? status : "needs_staff",
      ]);
      await record(tx, {
        kind: "assistant",
        actor,
        action: handOff === null ? "conversation.answered" : "conversation.handed_off",
        entity: "conversation",
        entityId: id,
        detail: {
          assistant: outcome.assistant,
          score: outcome.score,
          replied: outcome.reply !== null,
          reason: handOff,
        },
      });
      return this.read(tx, actor, id);
    });
  }

  private async insertMessage(
    tx: Queryable,
    id: string,
    author: Message["author"],
    authorId: string | null,
    assistant: AssistantKey | null,
    body: string,
  ): Promise<void> {
    await tx.query(
      "insert into messages (conversation_id, author, author_id, assistant, body) values ($1, $2, $3, $4, $5)",
      [id, author, authorId, assistant, body],
    );
  }

  private async lock(
    tx: Queryable,
    actor: Actor,
    id: string,
  ): Promise<{ memberId: string; status: ConversationStatus }> {
    const rows = await tx.query<{ memberId: string; status: ConversationStatus }>(
      `select member_id as "memberId", status from conversations
       where id = $1 and ($2::uuid is null or member_id = $2) for update`,
      [id, actor.role === "member" ? actor.id : null],
    );
    return one(rows, "conversation");
  }

  private async read(db: Queryable, actor: Actor, id: string): Promise<ConversationWithMessages> {
    const conversation = one(
      await db.query<Conversation>(`${CONVERSATION} where c.id = $1 and ($2::uuid is null or c.member_id = $2)`, [
        id,
        actor.role === "member" ? actor.id : null,
      ]),
      "conversation",
    );
    const messages = await db.query<Message>(
      `select g.id, g.author, m.full_name as "authorName", g.assistant, g.body, g.created_at as "createdAt"
       from messages g left join members m on m.id = g.author_id where g.conversation_id = $1 order by g.id`,
      [id],
    );
    return { ...conversation, messages };
  }
}
