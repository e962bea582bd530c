-- Who decided what, and when. Rows are added and never changed.

create type actor_kind as enum ('person', 'assistant', 'engine', 'system');

create table audit_log (
  id bigint generated always as identity primary key,
  at timestamptz not null default now(),
  actor_kind actor_kind not null,
  actor_id uuid references members (id) on delete restrict,
  action text not null,
  entity text not null,
  entity_id text not null,
  detail jsonb not null default '{}',
  constraint audit_log_person_named check (actor_kind <> 'person' or actor_id is not null),
  constraint audit_log_action_format check (action ~ '^[a-z_]+\.[a-z_]+$'),
  constraint audit_log_detail_is_object check (jsonb_typeof(detail) = 'object')
);

comment on column audit_log.actor_id is 'The person; for an assistant or the engine, the person on whose behalf it acted.';

create index audit_log_entity_idx on audit_log (entity, entity_id, id desc);
create index audit_log_actor_idx on audit_log (actor_id, id desc);

create function refuse_audit_change() returns trigger
language plpgsql as $$
begin
  raise exception 'audit_log only accepts new rows' using errcode = 'restrict_violation';
end;
$$;

create trigger audit_log_refuse_change
  before update or delete on audit_log
  for each row execute function refuse_audit_change();

create trigger audit_log_refuse_truncate
  before truncate on audit_log
  for each statement execute function refuse_audit_change();
