-- The diagnosis in ICD-10-CM, where it is coded.
ALTER TABLE episodes ADD COLUMN diagnosis TEXT COLLATE "C";
