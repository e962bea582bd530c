-- Tries what the schema must refuse, on seeded data, and raises an exception if anything gets through.
-- Everything it writes is rolled back.

begin;

create function pg_temp.must_refuse(what text, statement text) returns void
language plpgsql as $$
begin
  begin
    execute statement;
  exception
    when integrity_constraint_violation then
      raise notice 'refused, as it must be: %', what;
      return;
  end;
  raise exception 'the schema let through: %', what;
end;
$$;

do $$
begin
  if not exists (select 1 from bookings where status = 'confirmed') then
    raise exception 'no confirmed booking to test with: run the seeds first';
  end if;
end;
$$;

insert into audit_log (actor_kind, action, entity, entity_id) values ('system', 'check.started', 'schema', 'behaviour');

insert into knowledge_proposals
  (kind, source, article_id, base_version, slug, assistant, title, body, rationale, requested_by)
select 'update', 'person', a.id, a.version, a.slug, a.assistant, a.title, a.body || ' Changed.', 'A check.', m.id
from knowledge_articles a, members m
where a.slug = 'booking-rules' and m.email = 'cleo.desk@example.com';

select pg_temp.must_refuse('two confirmed bookings of one bay at one time',
  'insert into bookings (bay_id, member_id, starts_at, ends_at)
   select bay_id, member_id, starts_at + interval ''15 minutes'', ends_at + interval ''15 minutes''
   from bookings where status = ''confirmed'' limit 1');
select pg_temp.must_refuse('a booking of five hours',
  'insert into bookings (bay_id, member_id, starts_at, ends_at)
   select bay_id, member_id, starts_at + interval ''1 day'', starts_at + interval ''29 hours'' from bookings limit 1');
select pg_temp.must_refuse('a cancellation without a reason',
  'update bookings set status = ''cancelled'' where status = ''confirmed''');
select pg_temp.must_refuse('an e-mail address in capitals',
  'insert into members (email, full_name) values (''ADA@EXAMPLE.COM'', ''Ada'')');
select pg_temp.must_refuse('deleting a member with bookings',
  'delete from members where email = ''ada.fairway@example.com''');
select pg_temp.must_refuse('changing a proposal after it was written',
  'update knowledge_proposals set body = ''something else'' where rationale = ''A check.''');
select pg_temp.must_refuse('a decision without a reason',
  'update knowledge_proposals set status = ''approved'', decided_at = now(), decided_by = requested_by
   where rationale = ''A check.''');
select pg_temp.must_refuse('a second pending proposal for one article',
  'insert into knowledge_proposals
     (kind, source, article_id, base_version, slug, assistant, title, body, rationale, requested_by)
   select kind, source, article_id, base_version, slug, assistant, title, body, ''Another.'', requested_by
   from knowledge_proposals where rationale = ''A check.''');
select pg_temp.must_refuse('changing the audit log', 'update audit_log set action = ''check.forged''');
select pg_temp.must_refuse('deleting from the audit log', 'delete from audit_log');
select pg_temp.must_refuse('truncating the audit log', 'truncate audit_log');

rollback;
