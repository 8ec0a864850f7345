-- Version 2: runs and catalog carry the store version of the commit that last changed them, and a level has a subtitle.
ALTER TABLE runs ADD COLUMN version BIGINT DEFAULT 1;
ALTER TABLE runs ALTER COLUMN version SET NOT NULL;
INSERT INTO meta VALUES ('catalog_version', '1');
ALTER TABLE levels ADD COLUMN subtitle VARCHAR;
-- Saved views in the words of today's addresses.
UPDATE views SET query = replace(replace(query, 'unit=over+', 'over='), 'group=', 'by=') WHERE page = 'compare';
UPDATE views SET query = replace(replace(replace(query, 'about=level+', 'level='), 'about=all+tasks', ''), 'about=', 'task=') WHERE page = 'emergence';
UPDATE views SET query = replace(query, 's_order=', 'order=') WHERE page = 'what_if';
