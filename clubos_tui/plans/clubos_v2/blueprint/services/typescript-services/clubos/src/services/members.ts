import { one, type Database, type Queryable } from "../database/pool.js";
import { ClubError, type Actor, type Member, type MemberStatus, type Role } from "../domain/model.js";
import { record } from "./audit.js";

const COLUMNS = `id, email, full_name as "fullName", phone, role, status,
  password_hash is not null as "canSignIn", created_at as "createdAt"`;

export interface NewMember {
  email: string;
  fullName: string;
  phone: string | null;
  role: Role;
}

/** Null leaves a value as it is. */
export interface MemberChange {
  fullName: string | null;
  phone: string | null;
  role: Role | null;
  status: MemberStatus | null;
}

/** What is needed to decide whether somebody may sign in or stay signed in. Never leaves the server. */
export interface SignInRecord {
  id: string;
  role: Role;
  status: MemberStatus;
  passwordHash: string | null;
  sessionVersion: number;
}

const SIGN_IN = `select id, role, status, password_hash as "passwordHash", session_version as "sessionVersion" from members`;

export class MemberService {
  constructor(private readonly db: Database) {}

  list(search: string | null): Promise<Member[]> {
    return this.db.query<Member>(
      `select ${COLUMNS} from members
       where $1::text is null or strpos(lower(full_name), lower($1)) > 0 or strpos(email, lower($1)) > 0
       order by lower(full_name), id limit 200`,
      [search],
    );
  }

  async get(id: string): Promise<Member> {
    return one(await this.db.query<Member>(`select ${COLUMNS} from members where id = $1`, [id]), "member");
  }

  create(actor: Actor, member: NewMember): Promise<Member> {
    if (member.role !== "member") this.requireAdmin(actor);
    return this.db.transaction(async (tx) => {
      const created = one(
        await tx.query<Member>(
          `insert into members (email, full_name, phone, role) values ($1, $2, $3, $4) returning ${COLUMNS}`,
          [member.email.toLowerCase(), member.fullName, member.phone, member.role],
        ),
        "member",
      );
      await record(tx, {
        actor,
        action: "member.created",
        entity: "member",
        entityId: created.id,
        detail: { role: created.role },
      });
      return created;
    });
  }

  update(actor: Actor, id: string, change: MemberChange): Promise<Member> {
    return this.db.transaction(async (tx) => {
      const before = await this.lock(tx, id);
      if (before.role !== "member" || (change.role !== null && change.role !== "member")) this.requireAdmin(actor);
      if (id === actor.id && (change.role ?? change.status) !== null) {
        throw new ClubError("conflict", "Ask another administrator to change your own role or status.");
      }
      const after = one(
        await tx.query<Member>(
          `update members set full_name = coalesce($2, full_name), phone = coalesce($3, phone),
             role = coalesce($4, role), status = coalesce($5, status)
           where id = $1 returning ${COLUMNS}`,
          [id, change.fullName, change.phone, change.role, change.status],
        ),
        "member",
      );
      await record(tx, {
        actor,
        action: "member.updated",
        entity: "member",
        entityId: id,
        detail: {
          before: { role: before.role, status: before.status },
          after: { role: after.role, status: after.status },
        },
      });
      return after;
    });
  }

  async findByEmail(email: string): Promise<SignInRecord | null> {
    const rows = await this.db.query<SignInRecord>(`${SIGN_IN} where email = $1`, [email.toLowerCase()]);
    return rows[0] ?? null;
  }

  async findForSession(id: string): Promise<SignInRecord | null> {
    const rows = await this.db.query<SignInRecord>(`${SIGN_IN} where id = $1`, [id]);
    return rows[0] ?? null;
  }

  /** Stores a new password and ends every session that was opened with the old one. */
  setPassword(actor: Actor | null, id: string, passwordHash: string): Promise<void> {
    return this.db.transaction(async (tx) => {
      const member = await this.lock(tx, id);
      if (actor && actor.id !== id && member.role !== "member") this.requireAdmin(actor);
      await tx.query("update members set password_hash = $2, session_version = session_version + 1 where id = $1", [
        id,
        passwordHash,
      ]);
      await record(tx, { actor, action: "member.password_set", entity: "member", entityId: id });
    });
  }

  /** For the command line, when there is no administrator yet who could do it. */
  appointAdmin(email: string, fullName: string): Promise<string> {
    return this.db.transaction(async (tx) => {
      const rows = await tx.query<{ id: string }>(
        `insert into members (email, full_name, role) values ($1, $2, 'admin')
         on conflict (email) do update set role = 'admin', status = 'active' returning id`,
        [email.toLowerCase(), fullName],
      );
      const { id } = one(rows, "member");
      await record(tx, { actor: null, action: "member.appointed_admin", entity: "member", entityId: id });
      return id;
    });
  }

  private async lock(tx: Queryable, id: string): Promise<Member> {
    return one(await tx.query<Member>(`select ${COLUMNS} from members where id = $1 for update`, [id]), "member");
  }

  private requireAdmin(actor: Actor): void {
    if (actor.role !== "admin")
      throw new ClubError("forbidden", "Only an administrator may do this to staff accounts.");
  }
}
