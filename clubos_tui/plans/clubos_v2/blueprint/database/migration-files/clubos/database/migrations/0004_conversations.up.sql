-- What members ask, which assistant answers, and when a person has to take over.

create type assistant_key as enum ('booking', 'emergency', 'tech_support', 'membership');
create type conversation_status as enum ('open', 'needs_staff', 'closed');
create type message_author as enum ('member', 'assistant', 'staff');

create table conversations (
  id uuid primary key default gen_random_uuid(),
  member_id uuid not null references members (id) on delete restrict,
  location_id integer references locations (id) on delete restrict,
  subject text not null,
  status conversation_status not null default 'open',
  assistant assistant_key,
  routing_score numeric(4, 3),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint conversations_subject_not_blank check (btrim(subject) <> ''),
  constraint conversations_routing_score_range check (routing_score between 0 and 1)
);

create table messages (
  id bigint generated always as identity primary key,
  conversation_id uuid not null references conversations (id) on delete restrict,
  author message_author not null,
  author_id uuid references members (id) on delete restrict,
  assistant assistant_key,
  body text not null,
  created_at timestamptz not null default now(),
  constraint messages_body_not_blank check (btrim(body) <> ''),
  -- An assistant's message names the assistant; anybody else's names the person.
  constraint messages_author_named check (
    (author = 'assistant') = (assistant is not null) and (author = 'assistant') = (author_id is null)
  )
);

create index conversations_member_idx on conversations (member_id, updated_at desc);
create index conversations_queue_idx on conversations (status, updated_at) where status <> 'closed';
create index messages_conversation_idx on messages (conversation_id, id);

create trigger conversations_set_updated_at
  before update on conversations
  for each row execute function set_updated_at();
