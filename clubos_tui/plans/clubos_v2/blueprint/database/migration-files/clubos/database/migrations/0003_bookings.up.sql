-- A member has a bay for a time. Two confirmed bookings of one bay can never overlap, whatever the code does.

create type booking_status as enum ('confirmed', 'cancelled', 'completed', 'no_show');

create table bookings (
  id uuid primary key default gen_random_uuid(),
  bay_id integer not null references bays (id) on delete restrict,
  member_id uuid not null references members (id) on delete restrict,
  starts_at timestamptz not null,
  ends_at timestamptz not null,
  status booking_status not null default 'confirmed',
  cancel_reason text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint bookings_length check (
    ends_at >= starts_at + interval '30 minutes' and ends_at <= starts_at + interval '4 hours'
  ),
  constraint bookings_cancel_reason check ((status = 'cancelled') = (cancel_reason is not null)),
  -- The bay as a range of one number: a plain GiST index then covers both columns, with no extension needed.
  constraint bookings_no_overlap exclude using gist (
    int4range(bay_id, bay_id, '[]') with &&,
    tstzrange(starts_at, ends_at) with &&
  ) where (status = 'confirmed')
);

create index bookings_member_idx on bookings (member_id, starts_at desc);
create index bookings_starts_at_idx on bookings (starts_at);

create trigger bookings_set_updated_at
  before update on bookings
  for each row execute function set_updated_at();
