import type { Database } from "../database/pool.js";
import { AuditService } from "./audit.js";
import { BookingService } from "./bookings.js";
import { ConversationService } from "./conversations.js";
import { KnowledgeService } from "./knowledge.js";
import { MemberService } from "./members.js";

export interface Services {
  audit: AuditService;
  bookings: BookingService;
  conversations: ConversationService;
  knowledge: KnowledgeService;
  members: MemberService;
}

export function createServices(db: Database): Services {
  return {
    audit: new AuditService(db),
    bookings: new BookingService(db),
    conversations: new ConversationService(db),
    knowledge: new KnowledgeService(db),
    members: new MemberService(db),
  };
}
