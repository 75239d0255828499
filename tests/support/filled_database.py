"""A database of Odoo as older versions of bus left it."""

from tests.support.postgres import Postgres

DATABASE = "central-mast"
# What Odoo of years has, of every kind that has an owner.
CONTENT = """
CREATE SCHEMA archive;
CREATE TABLE product (id serial PRIMARY KEY, name text);
CREATE TABLE product_rel (a int, b int);
CREATE TABLE archive."odd ""name" (id int GENERATED ALWAYS AS IDENTITY, state text) PARTITION BY LIST (state);
CREATE TABLE archive.part PARTITION OF archive."odd ""name" FOR VALUES IN ('x');
CREATE SEQUENCE numbers;
CREATE VIEW products AS SELECT name FROM product;
CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM product;
CREATE TYPE colour AS ENUM ('red');
CREATE TYPE pair AS (a int, b int);
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE FUNCTION twice(a int) RETURNS int LANGUAGE sql AS 'SELECT a * 2';
CREATE PROCEDURE nothing() LANGUAGE sql AS 'SELECT 1';
CREATE AGGREGATE summed(int) (SFUNC = int4pl, STYPE = int);
CREATE STATISTICS dependent (dependencies) ON a, b FROM product_rel;
CREATE EXTENSION pg_trgm;
CREATE PUBLICATION everything FOR ALL TABLES;
SELECT lo_create(0);
INSERT INTO product (name) VALUES ('Playtime');
"""


def filled(server: Postgres) -> None:
    server.client("odoo", "first", f'CREATE DATABASE "{DATABASE}"')
    server.client("odoo", "first", CONTENT, DATABASE)
