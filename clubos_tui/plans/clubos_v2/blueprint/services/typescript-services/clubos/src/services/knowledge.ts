import { one, type Database, type Queryable } from "../database/pool.js";
import {
  ClubError,
  type Actor,
  type Article,
  type ArticleVersion,
  type AssistantKey,
  type Decision,
  type Proposal,
  type ProposalDraft,
  type ProposalStatus,
} from "../domain/model.js";
import { record } from "./audit.js";

/** Where a draft that Claude wrote comes from: the model, and the version of the article it was given. */
export interface DraftOrigin {
  model: string;
  baseVersion: number | null;
}

const ARTICLE = 'select id, slug, assistant, title, body, version, updated_at as "updatedAt" from knowledge_articles';

const PROPOSAL = `select p.id, p.kind, p.source, p.model, p.article_id as "articleId", p.base_version as "baseVersion",
  p.slug, p.assistant, p.title, p.body, p.rationale, r.full_name as "requestedBy", p.status,
  d.full_name as "decidedBy", p.decided_at as "decidedAt", p.decision_reason as "decisionReason",
  p.created_at as "createdAt",
  case when p.kind = 'update' then jsonb_build_object('title', v.title, 'body', v.body) end as base,
  p.status = 'pending' and a.version is distinct from p.base_version as stale
  from knowledge_proposals p
  join members r on r.id = p.requested_by
  left join members d on d.id = p.decided_by
  left join knowledge_articles a on a.slug = p.slug
  left join knowledge_versions v on v.article_id = p.article_id and v.version = p.base_version`;

export class KnowledgeService {
  constructor(private readonly db: Database) {}

  articles(): Promise<Article[]> {
    return this.db.query<Article>(`${ARTICLE} order by assistant, title`);
  }

  async find(slug: string): Promise<Article | null> {
    return (await this.db.query<Article>(`${ARTICLE} where slug = $1`, [slug]))[0] ?? null;
  }

  async article(slug: string): Promise<Article & { versions: ArticleVersion[] }> {
    const article = one(await this.db.query<Article>(`${ARTICLE} where slug = $1`, [slug]), "article");
    const versions = await this.db.query<ArticleVersion>(
      `select version, title, body, proposal_id as "proposalId", created_at as "createdAt"
       from knowledge_versions where article_id = $1 order by version desc`,
      [article.id],
    );
    return { ...article, versions };
  }

  /** An assistant's articles, those that share most words with the question first. */
  relevant(assistant: AssistantKey, question: string, limit: number): Promise<Article[]> {
    return this.db.query<Article>(
      `${ARTICLE} where assistant = $1
       order by ts_rank(search, replace(plainto_tsquery('english', $2)::text, '&', '|')::tsquery) desc, slug limit $3`,
      [assistant, question, limit],
    );
  }

  proposals(status: ProposalStatus | null): Promise<Proposal[]> {
    return this.db.query<Proposal>(
      `${PROPOSAL} where $1::proposal_status is null or p.status = $1 order by p.status, p.created_at desc limit 200`,
      [status],
    );
  }

  proposal(id: string): Promise<Proposal> {
    return this.readProposal(this.db, id);
  }

  /** Puts a draft into the queue. Nothing about the article changes until an administrator approves it. */
  propose(actor: Actor, draft: ProposalDraft, origin: DraftOrigin | null = null): Promise<Proposal> {
    return this.db.transaction(async (tx) => {
      const article = (await tx.query<Article>(`${ARTICLE} where slug = $1 for share`, [draft.slug]))[0];
      if (
        article &&
        article.title === draft.title &&
        article.body === draft.body &&
        article.assistant === draft.assistant
      ) {
        throw new ClubError("invalid", "The proposal changes nothing.");
      }
      if (origin && origin.baseVersion !== (article?.version ?? null)) {
        throw new ClubError("conflict", "The article changed while the draft was written. Ask for a new one.");
      }
      const { id } = one(
        await tx.query<{ id: string }>(
          `insert into knowledge_proposals
             (kind, source, model, article_id, base_version, slug, assistant, title, body, rationale, requested_by)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) returning id`,
          [
            article ? "update" : "create",
            origin ? "claude" : "person",
            origin?.model ?? null,
            article?.id ?? null,
            article?.version ?? null,
            draft.slug,
            draft.assistant,
            draft.title,
            draft.body,
            draft.rationale,
            actor.id,
          ],
        ),
        "proposal",
      );
      await record(tx, {
        kind: origin ? "engine" : "person",
        actor,
        action: "proposal.created",
        entity: "proposal",
        entityId: id,
        detail: { slug: draft.slug, model: origin?.model ?? null, baseVersion: article?.version ?? null },
      });
      return this.readProposal(tx, id);
    });
  }

  /** Going back to an old version is a proposal like any other. */
  async proposeRestore(actor: Actor, slug: string, version: number): Promise<Proposal> {
    const article = await this.article(slug);
    const old = one(
      article.versions.filter((candidate) => candidate.version === version),
      "version",
    );
    const { assistant } = article;
    return this.propose(actor, {
      slug,
      assistant,
      title: old.title,
      body: old.body,
      rationale: `Restores version ${version}.`,
    });
  }

  /** Approves or rejects, once. An approval applies exactly the text of the proposal, or fails and changes nothing. */
  decide(actor: Actor, id: string, decision: Decision, reason: string): Promise<Proposal> {
    return this.db.transaction(async (tx) => {
      await tx.query("select 1 from knowledge_proposals where id = $1 for update", [id]);
      const proposal = await this.readProposal(tx, id);
      if (proposal.status !== "pending")
        throw new ClubError("conflict", `This proposal is already ${proposal.status}.`);
      const articleId = decision === "approved" ? await this.apply(tx, proposal) : proposal.articleId;
      await tx.query(
        `update knowledge_proposals
         set status = $2, article_id = $3, decided_by = $4, decided_at = now(), decision_reason = $5 where id = $1`,
        [id, decision, articleId, actor.id, reason],
      );
      await record(tx, {
        actor,
        action: `proposal.${decision}`,
        entity: "proposal",
        entityId: id,
        detail: { slug: proposal.slug, reason },
      });
      return this.readProposal(tx, id);
    });
  }

  private async apply(tx: Queryable, proposal: Proposal): Promise<string> {
    const { slug, assistant, title, body } = proposal;
    const rows =
      proposal.kind === "create"
        ? await tx.query<{ id: string; version: number }>(
            `insert into knowledge_articles (slug, assistant, title, body) values ($1, $2, $3, $4) returning id, version`,
            [slug, assistant, title, body],
          )
        : await tx.query<{ id: string; version: number }>(
            `update knowledge_articles set assistant = $2, title = $3, body = $4, version = version + 1
             where id = $1 and version = $5 returning id, version`,
            [proposal.articleId, assistant, title, body, proposal.baseVersion],
          );
    const applied = rows[0];
    if (!applied) {
      throw new ClubError("conflict", "The article has changed since this was proposed. Reject it and propose again.");
    }
    await tx.query(
      "insert into knowledge_versions (article_id, version, title, body, proposal_id) values ($1, $2, $3, $4, $5)",
      [applied.id, applied.version, title, body, proposal.id],
    );
    return applied.id;
  }

  private async readProposal(db: Queryable, id: string): Promise<Proposal> {
    return one(await db.query<Proposal>(`${PROPOSAL} where p.id = $1`, [id]), "proposal");
  }
}
