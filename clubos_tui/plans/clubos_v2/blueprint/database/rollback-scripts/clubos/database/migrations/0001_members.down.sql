drop table members;
drop type member_status;
drop type member_role;
drop function set_updated_at();
