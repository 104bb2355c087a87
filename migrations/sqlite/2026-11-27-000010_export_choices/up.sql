-- The names of the columns of an export, separated by commas; null for all of them.
ALTER TABLE exports ADD COLUMN chosen_columns TEXT;
-- What becomes of dates in a de-identified export.
ALTER TABLE exports ADD COLUMN dates TEXT CHECK (dates IN ('shifted', 'years'));
-- How many rows it will have at most, so that one sees how far it is.
ALTER TABLE exports ADD COLUMN expected_rows INTEGER CHECK (expected_rows >= 0);
