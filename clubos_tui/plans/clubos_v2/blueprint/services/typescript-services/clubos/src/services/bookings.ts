import { one, type Database } from "../database/pool.js";
import {
  ClubError,
  type Actor,
  type Bay,
  type BayStatus,
  type Booking,
  type BusyTime,
  type Location,
  type Timestamp,
} from "../domain/model.js";
import { record } from "./audit.js";

const BAY = `select b.id, b.location_id as "locationId", l.name as "locationName", b.label, b.kind, b.status
  from bays b join locations l on l.id = b.location_id`;

const BOOKING = `select k.id, k.bay_id as "bayId", b.label as "bayLabel", l.name as "locationName",
  k.member_id as "memberId", m.full_name as "memberName", k.starts_at as "startsAt", k.ends_at as "endsAt",
  k.status, k.cancel_reason as "cancelReason"
  from bookings k
  join bays b on b.id = k.bay_id join locations l on l.id = b.location_id join members m on m.id = k.member_id`;

export interface NewBooking {
  bayId: number;
  memberId: string;
  startsAt: Timestamp;
  endsAt: Timestamp;
}

export class BookingService {
  constructor(private readonly db: Database) {}

  locations(): Promise<Location[]> {
    return this.db.query<Location>(
      `select id, code, name, timezone, to_char(opens_at, 'HH24:MI') as "opensAt", to_char(closes_at, 'HH24:MI') as "closesAt"
       from locations order by name`,
    );
  }

  bays(): Promise<Bay[]> {
    return this.db.query<Bay>(`${BAY} order by l.name, b.label`);
  }

  setBayStatus(actor: Actor, bayId: number, status: BayStatus): Promise<Bay> {
    return this.db.transaction(async (tx) => {
      one(await tx.query("update bays set status = $2 where id = $1 returning id", [bayId, status]), "bay");
      await record(tx, { actor, action: "bay.status_set", entity: "bay", entityId: bayId, detail: { status } });
      return one(await tx.query<Bay>(`${BAY} where b.id = $1`, [bayId]), "bay");
    });
  }

  /** When the bays of a location are taken, without saying by whom. */
  busy(locationId: number, from: Timestamp, to: Timestamp): Promise<BusyTime[]> {
    return this.db.query<BusyTime>(
      `select k.bay_id as "bayId", k.starts_at as "startsAt", k.ends_at as "endsAt"
       from bookings k join bays b on b.id = k.bay_id
       where b.location_id = $1 and k.status = 'confirmed' and k.starts_at < $3 and k.ends_at > $2
       order by k.starts_at, k.bay_id`,
      [locationId, from, to],
    );
  }

  /** Members see their own bookings, staff see all. */
  list(actor: Actor, from: Timestamp, to: Timestamp): Promise<Booking[]> {
    return this.db.query<Booking>(
      `${BOOKING} where k.starts_at < $2 and k.ends_at > $1 and ($3::uuid is null or k.member_id = $3)
       order by k.starts_at, l.name, b.label limit 500`,
      [from, to, actor.role === "member" ? actor.id : null],
    );
  }

  create(actor: Actor, booking: NewBooking): Promise<Booking> {
    if (actor.role === "member" && booking.memberId !== actor.id) {
      throw new ClubError("forbidden", "You can only book for yourself.");
    }
    return this.db.transaction(async (tx) => {
      const rows = await tx.query<{ id: string }>(
        `insert into bookings (bay_id, member_id, starts_at, ends_at)
         select b.id, m.id, $3::timestamptz, $4::timestamptz
         from bays b join locations l on l.id = b.location_id, members m
         where b.id = $1 and b.status = 'open' and m.id = $2 and m.status = 'active' and $3::timestamptz > now()
           and ($3::timestamptz at time zone l.timezone)::date = ($4::timestamptz at time zone l.timezone)::date
           and ($3::timestamptz at time zone l.timezone)::time >= l.opens_at
           and ($4::timestamptz at time zone l.timezone)::time <= l.closes_at
         returning id`,
        [booking.bayId, booking.memberId, booking.startsAt, booking.endsAt],
      );
      const id = rows[0]?.id;
      if (id === undefined) {
        throw new ClubError(
          "conflict",
          "Only an active member can book, in an open bay, within opening hours, in the future.",
        );
      }
      await record(tx, { actor, action: "booking.created", entity: "booking", entityId: id, detail: { ...booking } });
      return one(await tx.query<Booking>(`${BOOKING} where k.id = $1`, [id]), "booking");
    });
  }

  /** Members may cancel what is theirs until it starts; staff may cancel anything that is confirmed. */
  cancel(actor: Actor, id: string, reason: string): Promise<Booking> {
    const own = actor.role === "member" ? actor.id : null;
    return this.finish(actor, id, "cancelled", reason, "($3::uuid is null or (member_id = $3 and starts_at > now()))", [
      own,
    ]);
  }

  /** Says how a booking that has started went. */
  close(actor: Actor, id: string, status: "completed" | "no_show"): Promise<Booking> {
    return this.finish(actor, id, status, null, "starts_at <= now()", []);
  }

  private finish(
    actor: Actor,
    id: string,
    status: "cancelled" | "completed" | "no_show",
    reason: string | null,
    condition: string,
    values: readonly unknown[],
  ): Promise<Booking> {
    return this.db.transaction(async (tx) => {
      const rows = await tx.query<{ id: string }>(
        `update bookings set status = '${status}', cancel_reason = $2
         where id = $1 and status = 'confirmed' and ${condition} returning id`,
        [id, reason, ...values],
      );
      if (rows.length === 0) throw new ClubError("conflict", `This booking can't be set to ${status} by you now.`);
      await record(tx, { actor, action: `booking.${status}`, entity: "booking", entityId: id, detail: { reason } });
      return one(await tx.query<Booking>(`${BOOKING} where k.id = $1`, [id]), "booking");
    });
  }
}
