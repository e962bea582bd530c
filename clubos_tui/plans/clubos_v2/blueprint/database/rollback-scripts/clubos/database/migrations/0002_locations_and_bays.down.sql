drop table bays;
drop table locations;
drop type bay_status;
drop type bay_kind;
