// What the club is made of. The lists mirror the PostgreSQL enumerations; the front end imports the types from here.

export const ROLES = ["member", "staff", "admin"] as const;
export const MEMBER_STATUSES = ["active", "paused", "cancelled"] as const;
export const BAY_KINDS = ["simulator", "putting", "lesson"] as const;
export const BAY_STATUSES = ["open", "maintenance", "closed"] as const;
export const BOOKING_STATUSES = ["confirmed", "cancelled", "completed", "no_show"] as const;
export const ASSISTANTS = ["booking", "emergency", "tech_support", "membership"] as const;
export const CONVERSATION_STATUSES = ["open", "needs_staff", "closed"] as const;
export const MESSAGE_AUTHORS = ["member", "assistant", "staff"] as const;
export const PROPOSAL_KINDS = ["create", "update"] as const;
export const PROPOSAL_SOURCES = ["person", "claude"] as const;
export const PROPOSAL_STATUSES = ["pending", "approved", "rejected"] as const;
export const ACTOR_KINDS = ["person", "assistant", "engine", "system"] as const;

export type Role = (typeof ROLES)[number];
export type MemberStatus = (typeof MEMBER_STATUSES)[number];
export type BayKind = (typeof BAY_KINDS)[number];
export type BayStatus = (typeof BAY_STATUSES)[number];
export type BookingStatus = (typeof BOOKING_STATUSES)[number];
export type AssistantKey = (typeof ASSISTANTS)[number];
export type ConversationStatus = (typeof CONVERSATION_STATUSES)[number];
export type MessageAuthor = (typeof MESSAGE_AUTHORS)[number];
export type ProposalKind = (typeof PROPOSAL_KINDS)[number];
export type ProposalSource = (typeof PROPOSAL_SOURCES)[number];
export type ProposalStatus = (typeof PROPOSAL_STATUSES)[number];
export type Decision = Exclude<ProposalStatus, "pending">;
export type ActorKind = (typeof ACTOR_KINDS)[number];

/** An instant as an ISO 8601 string in UTC, the same in the database layer, on the wire and in the browser. */
export type Timestamp = string;

/** The signed-in person a request acts for. */
export interface Actor {
  id: string;
  role: Role;
}

export interface Member {
  id: string;
  email: string;
  fullName: string;
  phone: string | null;
  role: Role;
  status: MemberStatus;
  canSignIn: boolean;
  createdAt: Timestamp;
}

export interface Location {
  id: number;
  code: string;
  name: string;
  timezone: string;
  opensAt: string;
  closesAt: string;
}

export interface Bay {
  id: number;
  locationId: number;
  locationName: string;
  label: string;
  kind: BayKind;
  status: BayStatus;
}

export interface Booking {
  id: string;
  bayId: number;
  bayLabel: string;
  locationName: string;
  memberId: string;
  memberName: string;
  startsAt: Timestamp;
  endsAt: Timestamp;
  status: BookingStatus;
  cancelReason: string | null;
}

export interface BusyTime {
  bayId: number;
  startsAt: Timestamp;
  endsAt: Timestamp;
}

export interface Conversation {
  id: string;
  memberId: string;
  memberName: string;
  locationId: number | null;
  subject: string;
  status: ConversationStatus;
  assistant: AssistantKey | null;
  routingScore: number | null;
  updatedAt: Timestamp;
}

export interface Message {
  id: number;
  author: MessageAuthor;
  authorName: string | null;
  assistant: AssistantKey | null;
  body: string;
  createdAt: Timestamp;
}

export interface ConversationWithMessages extends Conversation {
  messages: Message[];
}

export interface Article {
  id: string;
  slug: string;
  assistant: AssistantKey;
  title: string;
  body: string;
  version: number;
  updatedAt: Timestamp;
}

export interface ArticleVersion {
  version: number;
  title: string;
  body: string;
  proposalId: string | null;
  createdAt: Timestamp;
}

export interface ProposalDraft {
  slug: string;
  assistant: AssistantKey;
  title: string;
  body: string;
  rationale: string;
}

export interface Proposal extends ProposalDraft {
  id: string;
  kind: ProposalKind;
  source: ProposalSource;
  model: string | null;
  articleId: string | null;
  baseVersion: number | null;
  /** The text the proposal was written against; null for a new article. */
  base: { title: string; body: string } | null;
  /** True while pending if the article has changed since: such a proposal can only be rejected. */
  stale: boolean;
  requestedBy: string;
  status: ProposalStatus;
  decidedBy: string | null;
  decidedAt: Timestamp | null;
  decisionReason: string | null;
  createdAt: Timestamp;
}

export interface AuditEntry {
  id: number;
  at: Timestamp;
  actorKind: ActorKind;
  actorName: string | null;
  action: string;
  entity: string;
  entityId: string;
  detail: Record<string, unknown>;
}

export type ErrorKind = "invalid" | "forbidden" | "not_found" | "conflict" | "unavailable" | "upstream";

/** An error whose message is meant for the person who made the request. */
export class ClubError extends Error {
  override readonly name = "ClubError";

  constructor(
    readonly kind: ErrorKind,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
