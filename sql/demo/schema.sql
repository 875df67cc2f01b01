-- What the made-up world is made of: the sources that series read, and the schema `demo`, which no real company has.
-- DuckDB only. Statements end with a semicolon at the end of a line.
create schema demo;

-- A fraction in (0, 1) that looks random: the same for the same person (`salt`) and matter, which is a text.
-- Multiplying modulo a prime is uniform over persons; what many persons share then costs one digest.
create macro demo.number(matter) as 1 + cast('0x' || substr(md5(matter), 1, 7) as bigint);
create macro demo.fraction(salt, number) as salt * number % 2147483647 / 2147483647.0;
create macro demo.draw(salt, matter) as demo.fraction(salt, demo.number(matter));

-- One of some words.
create macro demo.pick(words, fraction) as
    string_split(words, ' ')[1 + cast(floor(fraction * len(string_split(words, ' '))) as integer)];

-- A waiting time that is mostly short and sometimes long.
create macro demo.delay(mean_minutes, fraction) as
    cast(round(-60 * mean_minutes * ln(1 - fraction)) as bigint) * interval 1 second;

create macro demo.local_time(instant, zone) as timezone(zone, timezone('UTC', instant));

-- The share of a weekday's doings that falls into each hour; weekends are quieter.
create macro demo.rhythm(local_time) as
    [0.004, 0.002, 0.002, 0.002, 0.004, 0.01, 0.02, 0.04, 0.08, 0.11, 0.11, 0.1, 0.06, 0.08, 0.1, 0.09, 0.07, 0.04,
     0.02, 0.015, 0.016, 0.013, 0.008, 0.004][1 + hour(local_time)] * if(isodow(local_time) >= 6, 0.3, 1);

create table customers (
    customer_id varchar, type varchar, first_name varchar, email varchar, plan varchar, country varchar,
    timezone varchar, created_at timestamp, trial_ends_at timestamp, unsubscribed boolean
);
create table companies (company_id varchar, name varchar, industry varchar, seats integer, country varchar);
create table customer_companies (customer_id varchar, company_id varchar);
create table events (customer_id varchar, name varchar, occurred_at timestamp, properties json);
create table engagements (message_id varchar, kind varchar, occurred_at timestamp, link varchar);
create table customer_tags (customer_id varchar, tag varchar);

-- Persons, also those who are not customers yet. Null times: never.
-- `zone`: where they live; the company knows it when `says_zone`. `activity`: visits on a weekday. `curiosity`: how
-- readily they answer, 1 in the middle. `rests_from`: hardly comes by any more. `leaves_at`: gives up the account.
create table demo.people (
    customer_id varchar, salt bigint, company_id varchar, type varchar, first_name varchar, email varchar, plan varchar,
    country varchar, zone varchar, says_zone boolean, unsubscribed boolean, appears_at timestamp, activity double,
    curiosity double, rests_from timestamp, leaves_at timestamp
);
create table demo.visits (customer_id varchar, visited_at timestamp);
-- What people do by themselves: probability per visit, times `newcomer_factor` in the first week.
create table demo.habits (type varchar, name varchar, probability double, newcomer_factor double);
