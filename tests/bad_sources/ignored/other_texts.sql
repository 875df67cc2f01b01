alter table engagements alter kind type enum ('opened', 'bounced');
alter table events alter properties type json;
