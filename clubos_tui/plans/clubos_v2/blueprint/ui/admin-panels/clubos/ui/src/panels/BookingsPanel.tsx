import { useState, type FormEvent } from "react";
import { BAY_STATUSES, type Bay, type Booking } from "../../../src/domain/model.js";
import { useAction, useLoad, useSession } from "../api/hooks.js";
import { Choice, DataTable, Field, formatTime, ReasonForm, Status } from "../components/controls.js";

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const LENGTHS = ["30", "60", "90", "120", "180", "240"] as const;

/** Today as the browser's own calendar has it, in the form a date input takes. */
function today(): string {
  const now = new Date();
  return new Date(now.getTime() - now.getTimezoneOffset() * MINUTE).toISOString().slice(0, 10);
}

interface NewBookingProps {
  bays: readonly Bay[];
  onBooked: (booking: Booking) => void;
}

function NewBooking({ bays, onBooked }: NewBookingProps) {
  const { api, member } = useSession();
  const [bay, setBay] = useState("");
  const [start, setStart] = useState("");
  const [length, setLength] = useState<(typeof LENGTHS)[number]>("60");
  const [email, setEmail] = useState("");
  const action = useAction();
  const mayBookForOthers = member.role !== "member";
  const open = bays.filter(({ status }) => status === "open");

  async function memberId(): Promise<string | null> {
    if (email === "") return null;
    const found = (await api.members(email)).find((candidate) => candidate.email === email.toLowerCase());
    if (!found) throw new Error(`Nobody is registered with ${email}.`);
    return found.id;
  }

  function submit(event: FormEvent) {
    event.preventDefault();
    void action.run(async () => {
      const startsAt = new Date(start);
      const endsAt = new Date(startsAt.getTime() + Number(length) * MINUTE);
      const times = { startsAt: startsAt.toISOString(), endsAt: endsAt.toISOString() };
      const booking = await api.book({ bayId: Number(bay), memberId: await memberId(), ...times });
      onBooked(booking);
      return `${booking.bayLabel} is booked for ${booking.memberName}, ${formatTime(booking.startsAt)}.`;
    });
  }

  return (
    <form onSubmit={submit} aria-label="New booking">
      <label>
        Bay
        <select value={bay} required onChange={(event) => setBay(event.target.value)}>
          <option value="">Choose</option>
          {open.map(({ id, label, locationName }) => (
            <option key={id} value={id}>{`${locationName}, ${label}`}</option>
          ))}
        </select>
      </label>
      <Field label="Start" type="datetime-local" value={start} onChange={setStart} required />
      <Choice label="Minutes" value={length} choices={LENGTHS} onChange={setLength} />
      {mayBookForOthers && (
        <Field label="For (e-mail; empty: yourself)" type="email" value={email} onChange={setEmail} />
      )}
      <button disabled={action.busy}>Book</button>
      <Status notice={action.notice} />
    </form>
  );
}

export function BookingsPanel() {
  const { api, member } = useSession();
  const [day, setDay] = useState(today);
  const from = new Date(`${day}T00:00`);
  const to = new Date(from.getTime() + (member.role === "member" ? 60 : 1) * DAY);
  const bays = useLoad("bays", api.bays);
  const bookings = useLoad(day, () => api.bookings(from.toISOString(), to.toISOString()));
  const action = useAction();
  const isStaff = member.role !== "member";

  function change(work: () => Promise<unknown>, done: string) {
    void action.run(async () => {
      await work();
      bays.reload();
      bookings.reload();
      return done;
    });
  }

  function options(booking: Booking) {
    if (booking.status !== "confirmed") return booking.cancelReason ?? "";
    if (isStaff && new Date(booking.startsAt) <= new Date()) {
      const close = (status: "completed" | "no_show") => () =>
        change(() => api.closeBooking(booking.id, status), "The booking was closed.");
      return (
        <>
          <button onClick={close("completed")}>Completed</button> <button onClick={close("no_show")}>No show</button>
        </>
      );
    }
    const cancel = (reason: string) =>
      change(() => api.cancelBooking(booking.id, reason), "The booking was cancelled.");
    return <ReasonForm label="Cancel booking" busy={action.busy} onSubmit={cancel} />;
  }

  return (
    <section aria-labelledby="bookings-title">
      <h2 id="bookings-title">Bookings and bays</h2>
      <form onSubmit={(event) => event.preventDefault()}>
        <Field
          label={isStaff ? "Day" : "From"}
          type="date"
          value={day}
          onChange={(value) => setDay(value || today())}
        />
      </form>
      <Status notice={action.notice ?? bookings.notice ?? bays.notice} />
      <DataTable
        caption="Bookings"
        columns={["Start", "End", "Bay", "Member", "Status", "Options"]}
        rows={bookings.data}
        rowKey={(booking) => booking.id}
        cells={(booking) => [
          formatTime(booking.startsAt),
          formatTime(booking.endsAt),
          `${booking.locationName}, ${booking.bayLabel}`,
          booking.memberName,
          booking.status.replace("_", " "),
          options(booking),
        ]}
      />
      <NewBooking bays={bays.data ?? []} onBooked={bookings.reload} />
      <DataTable
        caption="Bays"
        columns={["Location", "Bay", "Kind", "Status"]}
        rows={bays.data}
        rowKey={(bay) => bay.id}
        cells={(bay) => [
          bay.locationName,
          bay.label,
          bay.kind,
          <Choice
            compact
            label={`Status of ${bay.label}, ${bay.locationName}`}
            value={bay.status}
            choices={BAY_STATUSES}
            disabled={!isStaff}
            onChange={(status) => change(() => api.setBayStatus(bay.id, status), `${bay.label} is now ${status}.`)}
          />,
        ]}
      />
    </section>
  );
}
