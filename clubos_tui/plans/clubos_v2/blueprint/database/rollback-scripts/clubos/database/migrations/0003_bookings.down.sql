drop table bookings;
drop type booking_status;
