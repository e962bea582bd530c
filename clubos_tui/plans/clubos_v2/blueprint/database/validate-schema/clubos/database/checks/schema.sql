-- Raises an exception that lists everything the code expects and the schema lacks. Changes nothing.

do $$
declare
  problems text[] := '{}';
  expected record;
  actual text;
begin
  for expected in
    select * from (values
      ('members', 'id email full_name phone role status password_hash session_version created_at updated_at'),
      ('locations', 'id code name timezone opens_at closes_at created_at updated_at'),
      ('bays', 'id location_id label kind status created_at updated_at'),
      ('bookings', 'id bay_id member_id starts_at ends_at status cancel_reason created_at updated_at'),
      ('conversations', 'id member_id location_id subject status assistant routing_score created_at updated_at'),
      ('messages', 'id conversation_id author author_id assistant body created_at'),
      ('knowledge_articles', 'id slug assistant title body version search created_at updated_at'),
      ('knowledge_proposals', 'id kind source model article_id base_version slug assistant title body rationale '
        'requested_by status decided_by decided_at decision_reason created_at'),
      ('knowledge_versions', 'article_id version title body proposal_id created_at'),
      ('audit_log', 'id at actor_kind actor_id action entity entity_id detail')
    ) as t (name, columns)
  loop
    select string_agg(column_name, ' ' order by ordinal_position) into actual
    from information_schema.columns where table_schema = current_schema() and table_name = expected.name;
    if actual is distinct from expected.columns then
      problems := problems || format('table %s has columns [%s]', expected.name, coalesce(actual, 'none'));
    end if;
  end loop;

  for expected in
    select * from (values
      ('member_role', 'member staff admin'),
      ('member_status', 'active paused cancelled'),
      ('bay_kind', 'simulator putting lesson'),
      ('bay_status', 'open maintenance closed'),
      ('booking_status', 'confirmed cancelled completed no_show'),
      ('assistant_key', 'booking emergency tech_support membership'),
      ('conversation_status', 'open needs_staff closed'),
      ('message_author', 'member assistant staff'),
      ('proposal_kind', 'create update'),
      ('proposal_source', 'person claude'),
      ('proposal_status', 'pending approved rejected'),
      ('actor_kind', 'person assistant engine system')
    ) as t (name, labels)
  loop
    select string_agg(e.enumlabel, ' ' order by e.enumsortorder) into actual
    from pg_type t join pg_enum e on e.enumtypid = t.oid
    where t.typname = expected.name and t.typnamespace = current_schema()::regnamespace;
    if actual is distinct from expected.labels then
      problems := problems || format('type %s has labels [%s]', expected.name, coalesce(actual, 'none'));
    end if;
  end loop;

  for expected in
    select * from (values
      ('members', 'members_email_key'), ('members', 'members_email_is_lower_case'),
      ('locations', 'locations_code_key'), ('bays', 'bays_location_label_key'), ('bays', 'bays_location_id_fkey'),
      ('bookings', 'bookings_no_overlap'), ('bookings', 'bookings_length'), ('bookings', 'bookings_cancel_reason'),
      ('bookings', 'bookings_bay_id_fkey'), ('bookings', 'bookings_member_id_fkey'),
      ('conversations', 'conversations_member_id_fkey'), ('messages', 'messages_conversation_id_fkey'),
      ('messages', 'messages_author_named'), ('knowledge_articles', 'knowledge_articles_slug_key'),
      ('knowledge_proposals', 'knowledge_proposals_article_id_fkey'),
      ('knowledge_proposals', 'knowledge_proposals_decision_complete'),
      ('knowledge_versions', 'knowledge_versions_pkey'), ('audit_log', 'audit_log_person_named')
    ) as t (name, constraint_name)
  loop
    if not exists (
      select 1 from pg_constraint
      where conrelid = to_regclass(expected.name) and conname = expected.constraint_name and convalidated
    ) then
      problems := problems || format('constraint %s is missing', expected.constraint_name);
    end if;
  end loop;

  for expected in
    select * from (values
      ('members', 'members_set_updated_at'), ('locations', 'locations_set_updated_at'), ('bays', 'bays_set_updated_at'),
      ('bookings', 'bookings_set_updated_at'), ('conversations', 'conversations_set_updated_at'),
      ('knowledge_articles', 'knowledge_articles_set_updated_at'), ('knowledge_proposals', 'knowledge_proposals_guard'),
      ('audit_log', 'audit_log_refuse_change'), ('audit_log', 'audit_log_refuse_truncate')
    ) as t (name, trigger_name)
  loop
    if not exists (
      select 1 from pg_trigger
      where tgrelid = to_regclass(expected.name) and tgname = expected.trigger_name and tgenabled = 'O'
    ) then
      problems := problems || format('trigger %s is missing or disabled', expected.trigger_name);
    end if;
  end loop;

  if to_regclass('knowledge_proposals_one_pending_idx') is null then
    problems := problems || 'index knowledge_proposals_one_pending_idx is missing'::text;
  end if;

  if cardinality(problems) > 0 then
    raise exception 'the schema is not what the code expects: %', array_to_string(problems, '; ');
  end if;
  raise notice 'schema: 10 tables, 12 types, 18 constraints and 9 triggers as expected';
end;
$$;
