DROP TABLE diary_entries;
DROP TABLE diary_links;
ALTER TABLE scores DROP COLUMN answered_at;
