-- Dropping the table drops the record with it. Keep a copy first:
--   psql -c "\copy (select * from audit_log order by id) to 'audit_log.csv' csv header"

drop table audit_log;
drop function refuse_audit_change();
drop type actor_kind;
