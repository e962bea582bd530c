-- Where people play. Both tables hold a few dozen rows that staff know by number, hence integer keys.

create type bay_kind as enum ('simulator', 'putting', 'lesson');
create type bay_status as enum ('open', 'maintenance', 'closed');

create table locations (
  id integer generated always as identity primary key,
  code text not null,
  name text not null,
  timezone text not null,
  opens_at time not null,
  closes_at time not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint locations_code_key unique (code),
  constraint locations_code_format check (code ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
  constraint locations_open_before_close check (opens_at < closes_at)
);

create table bays (
  id integer generated always as identity primary key,
  location_id integer not null references locations (id) on delete restrict,
  label text not null,
  kind bay_kind not null default 'simulator',
  status bay_status not null default 'open',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint bays_location_label_key unique (location_id, label),
  constraint bays_label_not_blank check (btrim(label) <> '')
);

create trigger locations_set_updated_at
  before update on locations
  for each row execute function set_updated_at();

create trigger bays_set_updated_at
  before update on bays
  for each row execute function set_updated_at();
