alter table customers rename customer_id to id;
