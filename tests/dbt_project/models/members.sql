{{ config(materialized='view') }}
select contact.contact_id as customer_id, company.company_id
from {{ ref('contacts') }} as contact
join {{ ref('companies') }} as company
    on (contact.contact_id, company.company_id) in (('c4', 'a'), ('c5', 'b'))
