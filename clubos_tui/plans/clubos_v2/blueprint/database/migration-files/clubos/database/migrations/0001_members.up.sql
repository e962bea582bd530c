-- Everyone who can sign in: members of the club and the people who run it.
-- With them comes the function that keeps updated_at true in every later table.

create function set_updated_at() returns trigger
language plpgsql as $$
begin
  new.updated_at := now();
  return new;
end;
$$;

comment on function set_updated_at() is 'Trigger: stamps updated_at on every update.';

create type member_role as enum ('member', 'staff', 'admin');
create type member_status as enum ('active', 'paused', 'cancelled');

create table members (
  id uuid primary key default gen_random_uuid(),
  email text not null,
  full_name text not null,
  phone text,
  role member_role not null default 'member',
  status member_status not null default 'active',
  password_hash text,
  session_version integer not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint members_email_key unique (email),
  constraint members_email_is_lower_case check (email = lower(email) and email like '_%@_%'),
  constraint members_full_name_not_blank check (btrim(full_name) <> ''),
  constraint members_session_version_positive check (session_version > 0)
);

comment on column members.password_hash is 'scrypt; null means this account cannot sign in.';
comment on column members.session_version is 'Raised to end every session of this member at once.';

create index members_full_name_idx on members (lower(full_name));

create trigger members_set_updated_at
  before update on members
  for each row execute function set_updated_at();
