ALTER TABLE episodes DROP COLUMN diagnosis;
