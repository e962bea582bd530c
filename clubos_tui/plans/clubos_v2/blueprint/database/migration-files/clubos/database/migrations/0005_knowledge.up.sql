-- The articles the assistants answer from. They change only through a proposal that a person has approved.

create type proposal_kind as enum ('create', 'update');
create type proposal_source as enum ('person', 'claude');
create type proposal_status as enum ('pending', 'approved', 'rejected');

create table knowledge_articles (
  id uuid primary key default gen_random_uuid(),
  slug text not null,
  assistant assistant_key not null,
  title text not null,
  body text not null,
  version integer not null default 1,
  search tsvector generated always as (to_tsvector('english', title || ' ' || body)) stored,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint knowledge_articles_slug_key unique (slug),
  constraint knowledge_articles_slug_format check (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
  constraint knowledge_articles_version_positive check (version > 0)
);

create table knowledge_proposals (
  id uuid primary key default gen_random_uuid(),
  kind proposal_kind not null,
  source proposal_source not null,
  model text,
  article_id uuid references knowledge_articles (id) on delete restrict,
  base_version integer,
  slug text not null,
  assistant assistant_key not null,
  title text not null,
  body text not null,
  rationale text not null,
  requested_by uuid not null references members (id) on delete restrict,
  status proposal_status not null default 'pending',
  decided_by uuid references members (id) on delete restrict,
  decided_at timestamptz,
  decision_reason text,
  created_at timestamptz not null default now(),
  constraint knowledge_proposals_slug_format check (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
  constraint knowledge_proposals_model_named check ((source = 'claude') = (model is not null)),
  constraint knowledge_proposals_update_has_base check ((kind = 'update') = (base_version is not null)),
  constraint knowledge_proposals_update_has_article check (kind = 'create' or article_id is not null),
  constraint knowledge_proposals_decision_complete check (
    (status = 'pending') = (decided_by is null)
    and (status = 'pending') = (decided_at is null)
    and (status = 'pending') = (decision_reason is null)
    and btrim(decision_reason) <> ''
  )
);

-- Every text an article ever had, with the proposal that brought it (null for the texts the club started with).
create table knowledge_versions (
  article_id uuid not null references knowledge_articles (id) on delete restrict,
  version integer not null,
  title text not null,
  body text not null,
  proposal_id uuid references knowledge_proposals (id) on delete restrict,
  created_at timestamptz not null default now(),
  primary key (article_id, version)
);

create index knowledge_articles_search_idx on knowledge_articles using gin (search);
create index knowledge_articles_assistant_idx on knowledge_articles (assistant);
create index knowledge_proposals_queue_idx on knowledge_proposals (status, created_at);
create unique index knowledge_proposals_one_pending_idx on knowledge_proposals (slug) where status = 'pending';

-- What a reviewer has read must be what is applied: only the decision may be written, and only once.
create function guard_proposal() returns trigger
language plpgsql as $$
begin
  if old.status <> 'pending' then
    raise exception 'proposal % is already %', old.id, old.status using errcode = 'restrict_violation';
  end if;
  if (new.id, new.kind, new.source, new.model, new.base_version, new.slug, new.assistant,
      new.title, new.body, new.rationale, new.requested_by, new.created_at)
     is distinct from
     (old.id, old.kind, old.source, old.model, old.base_version, old.slug, old.assistant,
      old.title, old.body, old.rationale, old.requested_by, old.created_at)
     or (old.article_id is not null and new.article_id is distinct from old.article_id) then
    raise exception 'the content of proposal % cannot be changed', old.id using errcode = 'restrict_violation';
  end if;
  return new;
end;
$$;

create trigger knowledge_proposals_guard
  before update on knowledge_proposals
  for each row execute function guard_proposal();

create trigger knowledge_articles_set_updated_at
  before update on knowledge_articles
  for each row execute function set_updated_at();
