-- Version 2: runs and catalog carry the store version of the commit that last changed them, and a level has a subtitle.
ALTER TABLE runs ADD COLUMN version BIGINT DEFAULT 1;
ALTER TABLE runs ALTER COLUMN version SET NOT NULL;
INSERT INTO meta VALUES ('catalog_version', '1');
ALTER TABLE levels ADD COLUMN subtitle VARCHAR;
