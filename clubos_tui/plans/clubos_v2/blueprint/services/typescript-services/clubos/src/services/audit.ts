import type { Queryable } from "../database/pool.js";
import type { Actor, ActorKind, AuditEntry } from "../domain/model.js";

export interface AuditEvent {
  /** Who did it. An assistant or the engine acts on behalf of a person, the system on nobody's. */
  kind?: ActorKind;
  actor: Actor | null;
  action: `${string}.${string}`;
  entity: string;
  entityId: string | number;
  detail?: Record<string, unknown>;
}

/** Adds one row. Call it with the transaction of the change it records, so that neither exists without the other. */
export async function record(tx: Queryable, event: AuditEvent): Promise<void> {
  await tx.query(
    `insert into audit_log (actor_kind, actor_id, action, entity, entity_id, detail)
     values ($1, $2, $3, $4, $5, $6)`,
    [
      event.kind ?? (event.actor ? "person" : "system"),
      event.actor?.id ?? null,
      event.action,
      event.entity,
      String(event.entityId),
      JSON.stringify(event.detail ?? {}),
    ],
  );
}

export class AuditService {
  constructor(private readonly db: Queryable) {}

  /** Newest first; `before` continues where the previous page ended. */
  list(filter: { entity?: string | null; before?: number | null; limit: number }): Promise<AuditEntry[]> {
    return this.db.query<AuditEntry>(
      `select a.id, a.at, a.actor_kind as "actorKind", m.full_name as "actorName",
              a.action, a.entity, a.entity_id as "entityId", a.detail
       from audit_log a left join members m on m.id = a.actor_id
       where ($1::text is null or a.entity = $1) and ($2::bigint is null or a.id < $2)
       order by a.id desc limit $3`,
      [filter.entity ?? null, filter.before ?? null, filter.limit],
    );
  }
}
