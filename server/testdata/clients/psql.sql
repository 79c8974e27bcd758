create table s (a int, b text);
copy s from stdin;
1	one
2	two
3	three
\.
select count(*) from s;
begin;
savepoint x;
delete from s where a = 3;
select count(*) from s;
copy (select * from s order by a) to stdout delimiter '|';
rollback to x;
commit;
update s set b = b \; select 'b';
select count(*) = 3 as whole from s \gset
\if :whole
select 'yes';
\endif
prepare forty as select 40 + $1::int;
execute forty(2);
deallocate forty;
\set FETCH_COUNT 2
select generate_series(10, 12);
\unset FETCH_COUNT
select 't'::text as x, 1 as y \gdesc
