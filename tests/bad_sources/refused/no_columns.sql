alter table events rename occurred_at to "when";
alter table events rename name to "what";
alter table engagements drop message_id;
alter table customer_tags drop tag;
alter table companies drop company_id;
alter table customer_companies drop customer_id;
