-- Sample data: two locations, their bays, a few people and the articles the club starts with. Nobody here can sign in
-- until an administrator sets a password. May be run any number of times.

insert into locations (code, name, timezone, opens_at, closes_at) values
  ('harbour', 'Harbour Street', 'Europe/London', '06:00', '23:00'),
  ('mill', 'The Old Mill', 'Europe/London', '08:00', '22:00')
on conflict (code) do nothing;

insert into bays (location_id, label, kind, status)
select l.id, b.label, b.kind::bay_kind, b.status::bay_status
from (values
  ('harbour', 'Bay 1', 'simulator', 'open'),
  ('harbour', 'Bay 2', 'simulator', 'open'),
  ('harbour', 'Bay 3', 'simulator', 'maintenance'),
  ('harbour', 'Green', 'putting', 'open'),
  ('mill', 'Bay 1', 'simulator', 'open'),
  ('mill', 'Studio', 'lesson', 'open')
) as b (location_code, label, kind, status)
join locations l on l.code = b.location_code
on conflict (location_id, label) do nothing;

insert into members (email, full_name, role, status) values
  ('ada.fairway@example.com', 'Ada Fairway', 'member', 'active'),
  ('ben.bunker@example.com', 'Ben Bunker', 'member', 'paused'),
  ('cleo.desk@example.com', 'Cleo Desk', 'staff', 'active')
on conflict (email) do nothing;

-- Tomorrow at noon, if Ada has no booking yet.
insert into bookings (bay_id, member_id, starts_at, ends_at)
select b.id, m.id, noon.at, noon.at + interval '1 hour'
from members m
join locations l on l.code = 'harbour'
join bays b on b.location_id = l.id and b.label = 'Bay 1'
cross join lateral (
  select ((now() at time zone l.timezone)::date + 1 + time '12:00') at time zone l.timezone as at
) as noon
where m.email = 'ada.fairway@example.com'
  and not exists (select 1 from bookings where member_id = m.id);

-- One article for each assistant, each with its first version.
insert into knowledge_articles (slug, assistant, title, body) values
  ('booking-rules', 'booking', 'Booking a bay',
   E'A booking lasts between 30 minutes and 4 hours.\nCancel at least 6 hours before the start and nothing is charged.\nGuests are welcome: up to three in each bay.'),
  ('injury-or-fire', 'emergency', 'Injury or fire',
   E'Call the emergency services first, then press the red button by the door.\nLeave by the nearest exit; every bay has one behind the screen.\nA member of staff calls back within two minutes.'),
  ('frozen-screen', 'tech_support', 'The screen is frozen',
   E'Hold the power button under the hitting mat for ten seconds and wait one minute.\nIf the picture does not return, staff can restart the bay from the desk.'),
  ('pausing-membership', 'membership', 'Pausing a membership',
   E'A membership can be paused for one to three months, once a year.\nThe pause starts with the next billing day.')
on conflict (slug) do nothing;

insert into knowledge_versions (article_id, version, title, body)
select id, version, title, body from knowledge_articles where version = 1
on conflict (article_id, version) do nothing;
