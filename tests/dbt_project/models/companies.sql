select 'a' as company_id, 200 as size
union all
select 'b', 20
