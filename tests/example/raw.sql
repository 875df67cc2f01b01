-- What the expectations stand on, straight from the published files. Every night at 02:00 UTC is a run.

create macro next_night(t) as
    date_trunc('day', t - interval '2 hours' - interval '1 microsecond') + interval '26 hours';

-- Grain: one row per household and instant at the till.
create table till as
select household_id, transaction_timestamp as paid_at, max(coupon_disc) > 0 as with_coupon
from 'transactions.parquet'
group by household_id, transaction_timestamp;

-- Grain: one row per household and instant with fresh fish in the basket.
create table fish as
select distinct household_id, transaction_timestamp as paid_at
from 'transactions.parquet'
where product_id in (select product_id from 'products.parquet' where department = 'SEAFOOD');

-- The shops' calendar day of an instant: Eastern time, with 2017's two changes of the clock.
create macro shop_day(t) as cast(
    case
        when t >= timestamp '2017-03-12 07:00' and t < timestamp '2017-11-05 06:00' then t - interval '4 hours'
        else t - interval '5 hours'
    end as date
);

-- Grain: one row per household, campaign and day of redeeming. It happened at that day's last receipt with a coupon,
-- or at its last receipt where none shows one.
create table redemption as
select household_id, campaign_id, arg_max(paid_at, (with_coupon, paid_at)) as redeemed_at
from 'coupon_redemptions.parquet' join till using (household_id)
where shop_day(paid_at) = cast(redemption_date as date)
group by household_id, campaign_id, redemption_date;

create table family as
select household_id from 'demographics.parquet' where kids_count <> '0';

create table member as
select campaign_id, household_id, start_date as first_day, end_date as last_day
from 'campaigns.parquet' join 'campaign_descriptions.parquet' using (campaign_id);
