import type {
  Article,
  ArticleVersion,
  AssistantKey,
  AuditEntry,
  Bay,
  BayStatus,
  Booking,
  Conversation,
  ConversationStatus,
  ConversationWithMessages,
  Decision,
  Member,
  Proposal,
  ProposalDraft,
  ProposalStatus,
} from "../../../src/domain/model.js";
import type { DraftResult } from "../../../src/routes/engine.js";
import type { MemberChange, NewMember } from "../../../src/services/members.js";

export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

export interface SignedIn {
  token: string;
  expiresAt: string;
  member: Member;
}

async function send<T>(token: string | null, method: string, path: string, body?: object): Promise<T> {
  const headers: Record<string, string> = {};
  if (token) headers["authorization"] = `Bearer ${token}`;
  if (body) headers["content-type"] = "application/json";
  const response = await fetch(path, { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) });
  const answer: unknown = await response.json().catch(() => null);
  if (!response.ok) {
    const message = (answer as { error?: unknown } | null)?.error;
    throw new ApiError(
      response.status,
      typeof message === "string" ? message : `The server answered ${response.status}.`,
    );
  }
  return answer as T;
}

function query(values: Record<string, string | number | null>): string {
  const set = Object.entries(values).filter(([, value]) => value !== null && value !== "");
  return new URLSearchParams(set.map(([name, value]) => [name, String(value)])).toString();
}

export function signIn(email: string, password: string): Promise<SignedIn> {
  return send(null, "POST", "/api/auth/login", { email, password });
}

export type Api = ReturnType<typeof createApi>;

/** Every call the front end makes; `onSignedOut` runs when the server no longer knows the token. */
export function createApi(token: string, onSignedOut: () => void) {
  async function call<T>(method: "GET" | "POST" | "PATCH", path: string, body?: object): Promise<T> {
    try {
      return await send<T>(token, method, path, body);
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) onSignedOut();
      throw error;
    }
  }

  return {
    me: () => call<Member>("GET", "/api/auth/me"),

    members: (search: string) => call<Member[]>("GET", `/api/members?${query({ search })}`),
    createMember: (member: NewMember) => call<Member>("POST", "/api/members", member),
    updateMember: (id: string, change: Partial<MemberChange>) => call<Member>("PATCH", `/api/members/${id}`, change),

    bays: () => call<Bay[]>("GET", "/api/bays"),
    setBayStatus: (id: number, status: BayStatus) => call<Bay>("PATCH", `/api/bays/${id}`, { status }),
    bookings: (from: string, to: string) => call<Booking[]>("GET", `/api/bookings?${query({ from, to })}`),
    book: (booking: { bayId: number; memberId: string | null; startsAt: string; endsAt: string }) =>
      call<Booking>("POST", "/api/bookings", booking),
    cancelBooking: (id: string, reason: string) => call<Booking>("POST", `/api/bookings/${id}/cancel`, { reason }),
    closeBooking: (id: string, status: "completed" | "no_show") =>
      call<Booking>("POST", `/api/bookings/${id}/close`, { status }),

    conversations: (status: ConversationStatus | null) =>
      call<Conversation[]>("GET", `/api/conversations?${query({ status })}`),
    conversation: (id: string) => call<ConversationWithMessages>("GET", `/api/conversations/${id}`),
    startConversation: (subject: string, body: string) =>
      call<ConversationWithMessages>("POST", "/api/conversations", { subject, body }),
    addMessage: (id: string, body: string) =>
      call<ConversationWithMessages>("POST", `/api/conversations/${id}/messages`, { body }),
    askAssistant: (id: string) => call<ConversationWithMessages>("POST", `/api/conversations/${id}/answer`),
    setConversationStatus: (id: string, status: ConversationStatus) =>
      call<ConversationWithMessages>("PATCH", `/api/conversations/${id}`, { status }),

    articles: () => call<Article[]>("GET", "/api/knowledge/articles"),
    article: (slug: string) => call<Article & { versions: ArticleVersion[] }>("GET", `/api/knowledge/articles/${slug}`),
    restore: (slug: string, version: number) =>
      call<Proposal>("POST", `/api/knowledge/articles/${slug}/restore`, { version }),
    propose: (draft: ProposalDraft) => call<Proposal>("POST", "/api/knowledge/proposals", draft),
    askClaude: (slug: string, assistant: AssistantKey, instruction: string) =>
      call<DraftResult>("POST", "/api/knowledge/drafts", { slug, assistant, instruction }),

    proposals: (status: ProposalStatus) => call<Proposal[]>("GET", `/api/knowledge/proposals?${query({ status })}`),
    decide: (id: string, decision: Decision, reason: string) =>
      call<Proposal>("POST", `/api/knowledge/proposals/${id}/decision`, { decision, reason }),

    audit: (entity: string, before: number | null) =>
      call<AuditEntry[]>("GET", `/api/audit?${query({ entity, before, limit: 50 })}`),
  };
}
