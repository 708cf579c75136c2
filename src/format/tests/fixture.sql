-- What a dump can hold. Loaded into a real server by the tests; the archives of other versions were made from it, too.
CREATE ROLE asof_reader;
CREATE SCHEMA app;
CREATE SCHEMA "We.ird/Schema";
CREATE TYPE app.mood AS ENUM ('sad', 'ok', 'it''s "fine"');
CREATE DOMAIN app.positive AS integer CHECK (VALUE > 0);
CREATE TYPE app.pair AS (a integer, b text);
CREATE FUNCTION app.twice(x integer) RETURNS integer LANGUAGE sql IMMUTABLE AS $$ SELECT x * 2; -- not the end
$$;

CREATE TABLE app.types (
    id bigserial PRIMARY KEY,
    small smallint,
    int integer,
    big bigint,
    n numeric(30,10),
    any_n numeric,
    r real,
    d double precision,
    ok boolean,
    j json,
    jb jsonb,
    b bytea,
    day date,
    clock time without time zone,
    clock_z time with time zone,
    local timestamp without time zone,
    at timestamp with time zone,
    lasts interval,
    t text,
    v character varying(20) COLLATE pg_catalog."C" DEFAULT ')',
    c character(5),
    u uuid,
    a integer[],
    ta text[][],
    rng tstzrange,
    e app.mood DEFAULT 'ok',
    dom app.positive,
    comp app.pair,
    net inet,
    bits bit varying(9),
    doubled integer GENERATED ALWAYS AS (app.twice(small)) STORED,
    CONSTRAINT days CHECK ((day > '0044-01-01 BC'::date))
);
COMMENT ON TABLE app.types IS 'one of each; "quoted"
and on two lines';
INSERT INTO app.types (small, int, big, n, any_n, r, d, ok, j, jb, b, day, clock, clock_z, local, at, lasts, t, v, c,
  u, a, ta, rng, e, dom, comp, net, bits) VALUES
(-32768, 2147483647, -9223372036854775808, 0.5, 123456789012345678901234567890.123456789, 0.1, 0.1, true,
 '{"b": 1.0,  "a": [1, null, "\u00e9"]}', '{"b": 1.0, "a": [1, null, "é"]}', '\x00ff5c0a09', '2026-01-02', '03:04:05.678',
 '03:04:05+02', '2026-01-02 03:04:05.678', '2026-01-02 03:04:05.678901+05:30', '1 day 02:03:04', E'tab\there \\ back\nnew\rret "q" \b\f\x0b \x01\x7f é 𝄞',
 E'\\N', 'ab', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{1,NULL,3}', '{{a,"b,c"},{"d\"e",NULL}}',
 '[2026-01-01 00:00:00+00,)', 'it''s "fine"', 7, '(1,"two, three")', '10.0.0.1/8', B'101'),
(NULL, NULL, NULL, NULL, 'NaN', 'NaN', '-Infinity', NULL, NULL, NULL, NULL, 'infinity', NULL, NULL, '-infinity', 'infinity', NULL, NULL, NULL, NULL,
 NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
(0, -1, 1, -0.0000000001, 0.00, 1e20, 1.5e-300, false, 'null', 'null', '', '0001-12-31 BC', '24:00:00', '00:00:00-12', '12026-01-02 03:04:05',
 '1800-06-01 00:00:00+00', '-1 mon', '', '', '', '00000000-0000-0000-0000-000000000000', '{}', '{}', 'empty', 'sad', 1, '(,)', '::1', B''),
(1, 2, 3, 4, 5, 6, 7, true, '"text"', '[]', 'plain', '9999-12-31', '00:00:00', '00:00:00+00', '9999-12-31 23:59:59.999999',
 '0044-03-15 00:00:00+00 BC', '00:00:00', '\.', '\\.', E'\t', NULL, '{-1}', NULL, NULL, 'ok', NULL, NULL, NULL, NULL);

CREATE TABLE app.plain (
    id integer NOT NULL,
    word text,
    amount numeric
);
INSERT INTO app.plain SELECT i, 'word ' || i, i / 4.0 FROM generate_series(1, 300) i;
ALTER TABLE app.plain ADD CONSTRAINT plain_pkey PRIMARY KEY (id);
CREATE INDEX plain_word ON app.plain (word);

CREATE TABLE app.events (at timestamp with time zone NOT NULL, what jsonb) PARTITION BY RANGE (at);
CREATE TABLE app.events_2025 PARTITION OF app.events FOR VALUES FROM ('2025-01-01 00:00:00+00') TO ('2026-01-01 00:00:00+00');
CREATE TABLE app.events_2026 PARTITION OF app.events FOR VALUES FROM ('2026-01-01 00:00:00+00') TO ('2027-01-01 00:00:00+00');
INSERT INTO app.events VALUES ('2025-05-01 00:00:00+00', '{"a":1}'), ('2026-05-01 00:00:00+00', '[1,2]');

CREATE TABLE app.parent (id integer, at timestamp with time zone);
CREATE TABLE app.child (more boolean) INHERITS (app.parent);
INSERT INTO app.parent VALUES (1, '2026-01-01 00:00:00+00');
INSERT INTO app.child VALUES (2, '2026-01-02 00:00:00+00', true);
CREATE TABLE app.typed OF app.pair;
INSERT INTO app.typed VALUES (1, 'x');

CREATE TABLE app.no_columns ();
INSERT INTO app.no_columns DEFAULT VALUES;
INSERT INTO app.no_columns DEFAULT VALUES;
CREATE TABLE app.no_rows (id integer, t text);
CREATE TABLE app.dropped (a integer, gone text, b boolean);
ALTER TABLE app.dropped DROP COLUMN gone;
INSERT INTO app.dropped VALUES (1, true), (2, NULL);

CREATE TABLE "We.ird/Schema"."Ta ble ""x""" ("Key" integer, "a,b (c)" text, "größe" numeric, "constraint" boolean);
INSERT INTO "We.ird/Schema"."Ta ble ""x""" VALUES (1, 'one', 1.50, false);
CREATE TABLE "We.ird/Schema".".." (id integer);
INSERT INTO "We.ird/Schema".".." VALUES (1);
CREATE SCHEMA "schema.sql";
CREATE TABLE "schema.sql".t (id integer);
INSERT INTO "schema.sql".t VALUES (1);

CREATE VIEW app.words AS SELECT word FROM app.plain WHERE id < 10;
CREATE MATERIALIZED VIEW app.counts AS SELECT count(*) AS n FROM app.plain;
CREATE SEQUENCE app.counter START 5 INCREMENT 3;
SELECT nextval('app.counter'), nextval('app.counter');
CREATE FUNCTION app.note() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN END $$;
CREATE EVENT TRIGGER noted ON ddl_command_end EXECUTE FUNCTION app.note();
GRANT SELECT ON app.plain TO asof_reader;
SELECT lo_from_bytea(4242, 'a large object');
