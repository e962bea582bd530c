drop table knowledge_versions;
drop table knowledge_proposals;
drop table knowledge_articles;
drop function guard_proposal();
drop type proposal_status;
drop type proposal_source;
drop type proposal_kind;
