drop table messages;
drop table conversations;
drop type message_author;
drop type conversation_status;
drop type assistant_key;
